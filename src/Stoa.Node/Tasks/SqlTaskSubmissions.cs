using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Auctions;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Metering;
using Stoa.Node.Plans;
using Stoa.Node.Quotas;
using Stoa.Node.Selection;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Submissions inside a session: their keys, their holds and all that they write.</summary>
internal static class SqlTaskSubmissions
{
    private static readonly SqlRows<NewTask> s_insertKeys = SqlRows<NewTask>.Insert(
        "idempotency_keys",
        [
            SqlField<NewTask>.OfId("owner_id", submission => submission.Task.OwnerId),
            SqlField<NewTask>.OfText("key", submission => submission.Idempotency!.Key),
            SqlField<NewTask>.OfText("request_hash", submission => submission.Idempotency!.RequestHash),
            SqlField<NewTask>.OfId("task_id", submission => submission.Task.Id),
        ],
        skipsConflictsOf: "owner_id, key",
        key: "task_id");

    /// <summary>Writes submissions inside an act; no two of them bear the same key.</summary>
    /// <param name="session">The act.</param>
    /// <param name="submissions">As they were made, each held of a wallet.</param>
    /// <param name="quota">What everybody may take up; null for any number of tasks.</param>
    /// <param name="recent">Forgets those that are held of something else in the end; null for nobody.</param>
    public static async Task<Outcome<Submitted, TaskRefusal>[]> AddAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, UserQuota? quota, RecentSubmissions? recent)
    {
        var outcomes = new Outcome<Submitted, TaskRefusal>?[submissions.Count];
        await TakeKeysAsync(session, submissions, outcomes);
        var (budgeted, credited) = quota is null ? ([], []) : await SqlUserUsage.RefuseTooManyAsync(session, submissions, outcomes, quota);
        var budgets = budgeted.Count == 0 ? null : await SqlBudgets.RefuseAsync(session, submissions, outcomes, budgeted);
        var spending = await SqlKeySpending.RefuseTooMuchAsync(session, submissions, outcomes);
        submissions = await HoldAsync(session, submissions, outcomes, credited, recent);
        await SqlKeySpending.AddAsync(session, [.. spending.Where(spend => outcomes[spend.Submission] is null)]);
        if (budgets is not null)
            await SqlBudgets.WriteAsync(session, budgets, outcomes);
        var open = Enumerable.Range(0, submissions.Count).Where(index => outcomes[index] is null).ToList();
        if (open.Count == 0)
            return [.. outcomes.Select(outcome => outcome!.Value)];

        var now = open.Max(index => submissions[index].Task.CreatedAt);
        var mayClaim = open.Any(index => submissions[index].Claim is not null) && !await SqlTaskQueue.IsAnyDueAsync(session, now, open.Select(index => submissions[index].Claim?.Region).FirstOrDefault(region => region is not null));
        var tasks = new List<AgentTask>(open.Count);
        var contents = new List<TaskContent>();
        var events = new List<NewEvent>();
        foreach (var index in open)
        {
            var (task, input, _, _, offer) = submissions[index];
            var isDue = ((TaskState.Queued)task.State).DueAt <= task.CreatedAt;
            var written = mayClaim && isDue && offer is not null ? task.Claim(offer.Holder.ToString(), task.CreatedAt) : task;
            tasks.Add(written);
            if (input is { } bytes)
                contents.Add(new TaskContent(task.Id, "input", bytes));
            if (task.BatchId is null)
            {
                events.Add(TaskEvents.Queued(task, task.CreatedAt));
                events.AddRange(SqlAuctions.Announced(submissions[index]));
                if (written.State is TaskState.Running)
                    events.Add(TaskEvents.Started(written, task.CreatedAt));
            }

            outcomes[index] = new Submitted(written, IsNew: true);
        }

        await SqlTaskQueue.AddAsync(session, tasks);
        await session.SendRowsAsync(TaskStatements.InsertContent, contents);
        await SqlTaskChoices.AddAsync(session, [.. open.Select(index => submissions[index])]);
        await session.SendEachAsync(
            "INSERT INTO task_supplies (task_id, regions, preferred) VALUES (@Id, @regions, @preferred)",
            open.Select(index => submissions[index]).Where(one => one.Places is not null)
                .Select(one => new { one.Task.Id, regions = SqlRegionalQueue.Join(one.Places!.Regions), preferred = SqlRegionalQueue.Join(one.Places.Preferred) }));
        await SqlTaskDeadlines.AddAsync(session, [.. open.Select(index => submissions[index])]);
        await SqlAuctions.AddAsync(session, [.. open.Select(index => submissions[index])]);
        await SqlTaskDemand.AddAsync(session, open.Select(index => submissions[index]));
        await SqlUserUsage.AddOpenAsync(session, tasks);
        await SqlEvents.AppendAsync(session, events);
        return [.. outcomes.Select(outcome => outcome!.Value)];
    }

    /// <summary>The same for submissions some of which may be there already: those that are found are answered as they are now.</summary>
    public static async Task<Outcome<Submitted, TaskRefusal>[]> AddAsync(SqlSession session, IReadOnlyList<Pending<NewTask>> pending, UserQuota? quota, RecentSubmissions? recent)
    {
        var found = await UnknownCommits.FindAsync(session, pending.Where(one => one.MayBeWritten).Select(one => one.Item));
        if (found.Count == 0)
            return await AddAsync(session, [.. pending.Select(one => one.Item)], quota, recent);
        var rest = new Queue<Outcome<Submitted, TaskRefusal>>(
            await AddAsync(session, [.. pending.Select(one => one.Item).Where(one => !found.ContainsKey(one.Task.Id))], quota, recent));
        return [.. pending.Select(one => found.TryGetValue(one.Item.Task.Id, out var written) ? written : rest.Dequeue())];
    }

    /// <summary>The task that a key stands for, or null; refused when it stands for another request.</summary>
    public static async Task<Outcome<AgentTask?, TaskRefusal>> FindAsync(SqlSession session, Id<User> owner, IdempotencyKey key)
    {
        var used = await session.QueryFirstOrDefaultAsync<(ContentHash RequestHash, Id<AgentTask> TaskId)?>(
            "SELECT request_hash, task_id FROM idempotency_keys WHERE owner_id = @owner AND key = @Key", new { owner, key.Key });
        if (used is null)
            return (AgentTask?)null;
        if (used.Value.RequestHash != key.RequestHash)
            return new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, $"The idempotency key was used for another request, which made {used.Value.TaskId}. Take a new key for a new request.");
        return await SqlTaskStore.GetAsync(session, used.Value.TaskId, owner);
    }

    /// <summary>Takes the keys of submissions; where one was used before, the earlier task or the refusal is the outcome.</summary>
    private static async Task TakeKeysAsync(SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes)
    {
        var keyed = Enumerable.Range(0, submissions.Count).Where(index => submissions[index].Idempotency is not null).ToList();
        var taken = await session.ExecuteRowsAsync(s_insertKeys, [.. keyed.Select(index => submissions[index])]);
        for (var place = 0; place < keyed.Count; place++)
        {
            if (taken[place])
                continue;
            var submission = submissions[keyed[place]];
            outcomes[keyed[place]] = (await FindAsync(session, submission.Task.OwnerId, submission.Idempotency!)).Match<Outcome<Submitted, TaskRefusal>>(
                earlier => new Submitted(earlier!, IsNew: false), refusal => refusal);
        }
    }

    /// <summary>Holds what the submissions that are still open cost; one that its wallet does not cover is refused and leaves nothing behind.</summary>
    /// <returns>The submissions, each held of what it is held of.</returns>
    private static async Task<IReadOnlyList<NewTask>> HoldAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes, IReadOnlyList<Id<User>> credited, RecentSubmissions? recent)
    {
        var priced = Enumerable.Range(0, submissions.Count).Where(index => outcomes[index] is null && submissions[index].Hold is not null).ToList();
        var ofCredit = credited.Count == 0 ? null : await SqlCreditHolds.SplitAsync(session, submissions, priced, credited);
        var refusals = await SqlLedger.ApplyEachAsync(
            session, [.. priced.Select(index => ofCredit?.GetValueOrDefault(index)?.Transfers ?? [submissions[index].Hold!])]);
        for (var place = 0; place < priced.Count; place++)
        {
            if (refusals[place] is not { } refused)
                continue;
            var (task, _, hold, key, _) = submissions[priced[place]];
            if (refused.Code != TransferRefusal.InsufficientFunds)
                throw new InvalidOperationException($"The ledger refused the hold of {task.Id}: {refused.Code}: {refused.Detail}");
            if (key is not null)
                await session.SendAsync("DELETE FROM idempotency_keys WHERE owner_id = @OwnerId AND key = @Key", new { task.OwnerId, key.Key });
            outcomes[priced[place]] = new Refusal<TaskRefusal>(
                TaskRefusal.InsufficientFunds,
                $"The task would hold {hold!.Amount} USD, more than your wallet has available. Add funds or ask for less fuel: what is not used is released.");
        }

        if (ofCredit is not { Count: > 0 })
            return submissions;
        var taken = ofCredit.Where(one => outcomes[one.Key] is null).ToDictionary();
        await SqlCreditHolds.AddAsync(session, taken.Values);
        // What is remembered of them names their wallets, and a claim of the same commit may come next.
        recent?.Forget(taken.Values.Select(one => one.Submission.Task.Id));
        return [.. submissions.Select((submission, index) => taken.TryGetValue(index, out var one) ? one.Submission : submission)];
    }
}
