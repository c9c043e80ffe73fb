using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Quotas;

/// <summary>What users take up, inside a session: counted with what they do, one statement a user for all that a group of acts does.</summary>
/// <remarks>
/// On PostgreSQL acts that count one user wait for each other from there to their commits, so it is done late, in the order of the ids. What
/// is looked at before is not locked: of submissions at several nodes in the same moment more may pass than the limit.
/// </remarks>
internal static class SqlUserUsage
{
    private const string Columns = "user_id, open_tasks, content_bytes, max_open_tasks, max_content_bytes, plan_open_tasks, plan_content_bytes";

    /// <summary>Refuses new tasks of users who have as many as they may; of a group the first ones fit.</summary>
    /// <returns>The users among them who have budgets, and those who have credit.</returns>
    public static async Task<(IReadOnlyList<Id<User>> Budgeted, IReadOnlyList<Id<User>> Credited)> RefuseTooManyAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes, UserQuota everybody)
    {
        var owners = Enumerable.Range(0, submissions.Count).Where(index => outcomes[index] is null).ToLookup(index => submissions[index].Task.OwnerId);
        var rows = await session.QueryAsync<BudgetedUsage>(
            $"SELECT {Columns}, budgets, has_credit FROM user_usage WHERE user_id IN @owners", new { owners = owners.Select(owner => owner.Key) });
        var known = rows.ToDictionary(row => row.UserId, row => row.ToUsage());
        foreach (var owner in owners)
        {
            var usage = known.GetValueOrDefault(owner.Key, new UserUsage(owner.Key, 0, 0, null, null));
            var most = usage.QuotaWithin(everybody).OpenTasks;
            foreach (var index in owner.Skip((int)Math.Clamp(most - usage.OpenTasks, 0, int.MaxValue)))
            {
                var (task, _, _, key, _) = submissions[index];
                if (key is not null)
                    await session.SendAsync("DELETE FROM idempotency_keys WHERE owner_id = @OwnerId AND key = @Key", new { task.OwnerId, key.Key });
                outcomes[index] = new Refusal<TaskRefusal>(
                    TaskRefusal.OpenTasksTooMany,
                    $"{usage.OpenTasks} tasks of yours wait or run, and {most} may. Wait until some have ended, cancel some, or ask an administrator of this node for more.");
            }
        }

        return ([.. rows.Where(row => row.Budgets > 0).Select(row => row.UserId)], [.. rows.Where(row => row.HasCredit).Select(row => row.UserId)]);
    }

    /// <summary>Counts tasks that are new.</summary>
    public static Task AddOpenAsync(SqlSession session, IEnumerable<AgentTask> tasks) => session.SendEachAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes) VALUES (@user, @count, 0)
        ON CONFLICT (user_id) DO UPDATE SET open_tasks = user_usage.open_tasks + excluded.open_tasks
        """,
        CountByOwner(tasks));

    /// <summary>Counts tasks that have ended.</summary>
    public static Task EndAsync(SqlSession session, IEnumerable<AttemptEnd> ends) => session.SendEachAsync(
        "UPDATE user_usage SET open_tasks = open_tasks - @count WHERE user_id = @user",
        CountByOwner(ends.Where(end => end.Task.State.IsFinal).Select(end => end.Task)));

    /// <summary>Counts bytes that a user has brought, or was given.</summary>
    public static Task<int> AddContentAsync(SqlSession session, Id<User> user, long bytes) => session.ExecuteAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes) VALUES (@user, 0, @bytes)
        ON CONFLICT (user_id) DO UPDATE SET content_bytes = user_usage.content_bytes + excluded.content_bytes
        """,
        new { user, bytes });

    public static async Task<UserUsage> FindAsync(SqlSession session, Id<User> user) =>
        await session.QueryFirstOrDefaultAsync<UserUsage>($"SELECT {Columns}, unpaid_since, is_organisation FROM user_usage WHERE user_id = @user", new { user })
        ?? new UserUsage(user, 0, 0, null, null);

    /// <summary>Says what a user may take up; null for what everybody may.</summary>
    public static Task<int> SetAsync(SqlSession session, Id<User> user, long? maxOpenTasks, long? maxContentBytes) => session.ExecuteAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes, max_open_tasks, max_content_bytes) VALUES (@user, 0, 0, @maxOpenTasks, @maxContentBytes)
        ON CONFLICT (user_id) DO UPDATE SET max_open_tasks = excluded.max_open_tasks, max_content_bytes = excluded.max_content_bytes
        """,
        new { user, maxOpenTasks, maxContentBytes });

    /// <summary>Says what a user's plan lets him take up; null where it says nothing.</summary>
    public static Task SetPlanAsync(SqlSession session, Id<User> user, long? openTasks, long? contentBytes) => session.SendAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes, plan_open_tasks, plan_content_bytes) VALUES (@user, 0, 0, @openTasks, @contentBytes)
        ON CONFLICT (user_id) DO UPDATE SET plan_open_tasks = excluded.plan_open_tasks, plan_content_bytes = excluded.plan_content_bytes
        """,
        new { user, openTasks, contentBytes });

    /// <summary>Says whether a user has credit: whether his tasks are to be looked at for it.</summary>
    public static Task SetCreditAsync(SqlSession session, Id<User> user, bool hasCredit) => session.SendAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes, has_credit) VALUES (@user, 0, 0, @hasCredit)
        ON CONFLICT (user_id) DO UPDATE SET has_credit = excluded.has_credit
        """,
        new { user, hasCredit });

    private sealed record BudgetedUsage(Id<User> UserId, long OpenTasks, long ContentBytes, long? MaxOpenTasks, long? MaxContentBytes, long? PlanOpenTasks, long? PlanContentBytes, long Budgets, bool HasCredit)
    {
        public UserUsage ToUsage() => new(UserId, OpenTasks, ContentBytes, MaxOpenTasks, MaxContentBytes, PlanOpenTasks, PlanContentBytes);
    }

    private static IEnumerable<object> CountByOwner(IEnumerable<AgentTask> tasks) => tasks
        .GroupBy(task => task.OwnerId)
        .OrderBy(owner => owner.Key)
        .Select(owner => new { user = owner.Key, count = owner.LongCount() });
}
