using System.Globalization;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Budgets inside a session: what new tasks hold of them, and what came of that.</summary>
/// <remarks>
/// Whoever looks at how much is left holds the budget's row until its own hold is written, so many at once cannot pass it together. On PostgreSQL budgets
/// are locked before accounts, in the order of their ids. That a task has ended is learnt from the journal, a moment later; who would be refused is
/// looked at more closely.
/// </remarks>
internal static class SqlBudgets
{
    internal const string Columns =
        "id, owner_id, span, scope, amount, thresholds, mails, start_at, held, captured, told, is_exhausted, created_at";

    private const int LookedThrough = 1_000;
    private const int SettledAtOnce = 5_000;

    private static readonly SqlRows<BudgetHold> s_insertHolds = SqlRows<BudgetHold>.Insert(
        "budget_holds",
        [
            SqlField<BudgetHold>.OfId("task_id", hold => hold.TaskId),
            SqlField<BudgetHold>.OfId("budget_id", hold => hold.BudgetId),
            SqlField<BudgetHold>.OfInteger("start_at", hold => hold.StartAt.ToUnixTimeMilliseconds()),
            SqlField<BudgetHold>.OfInteger("amount", hold => hold.Amount.Nanodollars),
        ]);

    private static readonly SqlRows<(Id<AgentTask> Task, Id<Budget> Budget)> s_deleteHolds = SqlRows<(Id<AgentTask> Task, Id<Budget> Budget)>.Delete(
        "budget_holds",
        "t.task_id = {task_id} AND t.budget_id = {budget_id}",
        [
            SqlField<(Id<AgentTask> Task, Id<Budget> Budget)>.OfId("task_id", hold => hold.Task),
            SqlField<(Id<AgentTask> Task, Id<Budget> Budget)>.OfId("budget_id", hold => hold.Budget),
        ]);

    private static readonly SqlRows<Budget> s_update = SqlRows<Budget>.Update(
        "budgets",
        "start_at = {start_at}, held = {held}, captured = {captured}, told = {told}, is_exhausted = {is_exhausted}, alert_at = {alert_at}",
        "t.id = {id}",
        [
            SqlField<Budget>.OfId("id", budget => budget.Id),
            SqlField<Budget>.OfInteger("start_at", budget => budget.Meter.Start.ToUnixTimeMilliseconds()),
            SqlField<Budget>.OfInteger("held", budget => budget.Meter.Held.Nanodollars),
            SqlField<Budget>.OfInteger("captured", budget => budget.Meter.Captured.Nanodollars),
            SqlField<Budget>.OfInteger("told", budget => budget.Meter.Told),
            SqlField<Budget>.OfFlag("is_exhausted", budget => budget.Meter.IsExhausted),
            SqlField<Budget>.OfInteger("alert_at", budget => budget.AlertAt?.Nanodollars),
        ]);

    /// <summary>Refuses submissions that do not fit into what their consumers' budgets have left; of a group the first ones fit.</summary>
    /// <param name="session">The act.</param>
    /// <param name="submissions">The group.</param>
    /// <param name="outcomes">Of those that are settled already; refusals are added.</param>
    /// <param name="owners">Consumers with budgets.</param>
    /// <returns>What is to be written once it is known which of the rest are taken.</returns>
    public static async Task<BudgetedGroup> RefuseAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes, IReadOnlyList<Id<User>> owners)
    {
        var group = new BudgetedGroup(await LockAsync(session, "owner_id IN @owners", new { owners }));
        var looked = new HashSet<Id<Budget>>();
        for (var index = 0; index < submissions.Count; index++)
        {
            if (outcomes[index] is not null || submissions[index].Hold is not { } hold || !group.ByOwner.TryGetValue(submissions[index].Task.OwnerId, out var own))
                continue;
            var task = submissions[index].Task;
            foreach (var id in own)
            {
                group.Budgets[id] = group.Budgets[id].At(task.CreatedAt);
                if (group.Budgets[id].Covers(task.Agent) && group.Budgets[id].Hold(hold.Amount) is null && looked.Add(id))
                    await SettleEndedAsync(session, group, id);
            }

            if (own.FirstOrDefault(id => group.Budgets[id].Covers(task.Agent) && group.Budgets[id].Hold(hold.Amount) is null) is { IsEmpty: false } full)
            {
                if (submissions[index].Idempotency is { } key)
                    await session.SendAsync("DELETE FROM idempotency_keys WHERE owner_id = @OwnerId AND key = @Key", new { task.OwnerId, key.Key });
                outcomes[index] = new Refusal<TaskRefusal>(TaskRefusal.BudgetExhausted, group.Budgets[full].Explain(hold.Amount));
                group.Change(group.Budgets[full].Exhaust());
                continue;
            }

            foreach (var budget in own.Select(id => group.Budgets[id]))
            {
                // Who does a task that names only the work may still change: it counts for whoever has done it.
                if (!budget.Covers(task.Agent) && submissions[index].Selection is null)
                    continue;
                var amount = budget.Covers(task.Agent) ? hold.Amount : Money.Zero;
                group.Change(budget.Hold(amount)!);
                group.Holds.Add((index, new BudgetHold(task.Id, budget.Id, budget.Meter.Start, amount)));
            }
        }

        return group;
    }

    /// <summary>Writes what the submissions that were taken hold of their budgets.</summary>
    public static async Task WriteAsync(SqlSession session, BudgetedGroup group, Outcome<Submitted, TaskRefusal>?[] outcomes)
    {
        var holds = new List<BudgetHold>(group.Holds.Count);
        foreach (var (index, hold) in group.Holds)
        {
            if (outcomes[index] is null)
                holds.Add(hold);
            else
                group.Change(group.Budgets[hold.BudgetId].Settle(hold.StartAt, hold.Amount, Money.Zero));
        }

        await session.SendRowsAsync(s_update, group.Changed);
        await session.SendRowsAsync(s_insertHolds, holds);
    }

    /// <summary>What the budgets are of that have less left than a task holds, and do not count it yet.</summary>
    public static async Task<IReadOnlyList<string>> FindFullAsync(SqlSession session, AgentTask task, DateTimeOffset now) =>
        [.. (await session.QueryAsync<BudgetRow>($"SELECT {Columns} FROM budgets WHERE owner_id = @OwnerId AND scope <> ''", new { task.OwnerId }))
            .Select(row => row.ToBudget().At(now))
            .Where(budget => !budget.Covers(task.Agent) && budget.Hold(task.MaxPrice) is null)
            .Select(budget => budget.Scope)
            .Distinct()];

    /// <summary>Has tasks that others have taken over hold of the budgets of these, and no more of those of the ones before.</summary>
    public static async Task ReassignAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends)
    {
        var moved = ends.Where(end => end.Reassignment is not null && end.Task.Hold is not null).ToDictionary(end => end.Task.Id, end => end.Task);
        if (moved.Count == 0)
            return;
        var ids = await session.QueryAsync<Id<Budget>>("SELECT DISTINCT budget_id FROM budget_holds WHERE task_id IN @tasks", new { tasks = moved.Keys });
        if (ids.Count == 0)
            return;
        var group = new BudgetedGroup(await LockAsync(session, "id IN @ids", new { ids }));
        foreach (var hold in await session.QueryAsync<BudgetHold>("SELECT task_id, budget_id, start_at, amount FROM budget_holds WHERE task_id IN @tasks", new { tasks = moved.Keys }))
        {
            var task = moved[hold.TaskId];
            // A budget that was removed has taken its holds along.
            if (!group.Budgets.TryGetValue(hold.BudgetId, out var budget))
                continue;
            var amount = budget.Covers(task.Agent) ? task.MaxPrice : Money.Zero;
            if (amount == hold.Amount)
                continue;
            group.Change(budget.Move(hold.StartAt, hold.Amount, amount));
            await session.SendAsync("UPDATE budget_holds SET amount = @amount WHERE task_id = @TaskId AND budget_id = @BudgetId", new { amount, hold.TaskId, hold.BudgetId });
        }

        await session.SendRowsAsync(s_update, group.Changed);
    }

    /// <summary>Turns what ended tasks have held into what they have cost.</summary>
    /// <param name="session">The act.</param>
    /// <param name="tasks">Those whose holds were resolved.</param>
    public static async Task SettleAsync(SqlSession session, IReadOnlyCollection<string> tasks)
    {
        if (tasks.Count == 0 || await session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM budget_holds LIMIT 1") is null)
            return;
        foreach (var part in tasks.Chunk(SettledAtOnce))
        {
            // Locked first, and then read: what somebody else has settled meanwhile is not there any more.
            var ids = await session.QueryAsync<Id<Budget>>("SELECT DISTINCT budget_id FROM budget_holds WHERE task_id IN @part", new { part });
            if (ids.Count == 0)
                continue;
            var group = new BudgetedGroup(await LockAsync(session, "id IN @ids", new { ids }));
            Settle(group, await session.QueryAsync<EndedHold>($"{SelectEnded} WHERE h.task_id IN @part", new { part }));
            await WriteSettledAsync(session, group);
        }
    }

    /// <summary>Budgets for everything, which storage and transfer count for.</summary>
    /// <param name="session">The act.</param>
    /// <param name="owners">Whose.</param>
    public static async Task<BudgetedGroup> LockForEverythingAsync(SqlSession session, IReadOnlyList<Id<User>> owners) =>
        new(await LockAsync(session, "owner_id IN @owners AND scope = ''", new { owners }));

    /// <summary>Holds something that is no task of all budgets of a user that are locked, or of none of them.</summary>
    /// <param name="session">The act.</param>
    /// <param name="group">Budgets for everything.</param>
    /// <param name="owner">Whose.</param>
    /// <param name="amount">What it costs.</param>
    /// <param name="at">UTC: in the period that it counts for.</param>
    /// <returns>A budget that it does not fit into, which tells of that once the group is written; null when it is held.</returns>
    public static async Task<Budget?> HoldAsync(SqlSession session, BudgetedGroup group, Id<User> owner, Money amount, DateTimeOffset at)
    {
        if (!group.ByOwner.TryGetValue(owner, out var own))
            return null;
        foreach (var id in own)
        {
            group.Budgets[id] = group.Budgets[id].At(at);
            if (group.Budgets[id].Hold(amount) is null)
                await SettleEndedAsync(session, group, id);
        }

        if (own.FirstOrDefault(id => group.Budgets[id].Hold(amount) is null) is { IsEmpty: false } full)
        {
            group.Change(group.Budgets[full].Exhaust());
            return group.Budgets[full];
        }

        foreach (var id in own)
            group.Change(group.Budgets[id].Hold(amount)!);
        return null;
    }

    /// <summary>Writes down what a transfer holds of all budgets of a group that are its user's.</summary>
    public static async Task AddTransferHoldsAsync(SqlSession session, BudgetedGroup group, Id<UsageCharge> transfer, Id<User> owner, Money amount)
    {
        foreach (var budget in group.ByOwner.GetValueOrDefault(owner, []).Select(id => group.Budgets[id]))
            await AddTransferHoldAsync(session, transfer, budget.Id, budget.Meter.Start, amount);
    }

    /// <summary>The same of one budget.</summary>
    public static Task AddTransferHoldAsync(SqlSession session, Id<UsageCharge> transfer, Id<Budget> budget, DateTimeOffset start, Money amount) => session.SendAsync(
        "INSERT INTO budget_holds (task_id, budget_id, start_at, amount) VALUES (@transfer, @budget, @start, @amount)", new { transfer, budget, start, amount });

    /// <summary>Turns what a transfer has held into what it has cost.</summary>
    public static async Task SettleTransferAsync(SqlSession session, Id<UsageCharge> transfer, Money cost)
    {
        var ids = await session.QueryAsync<Id<Budget>>("SELECT budget_id FROM budget_holds WHERE task_id = @transfer", new { transfer });
        if (ids.Count == 0)
            return;
        var group = new BudgetedGroup(await LockAsync(session, "id IN @ids", new { ids }));
        foreach (var (id, start, amount) in await session.QueryAsync<(Id<Budget> Id, DateTimeOffset Start, Money Amount)>(
            "SELECT budget_id, start_at, amount FROM budget_holds WHERE task_id = @transfer", new { transfer }))
        {
            // A budget that was removed has taken its holds along.
            if (group.Budgets.TryGetValue(id, out var budget))
                group.Change(budget.Settle(start, amount, cost));
        }

        await session.SendRowsAsync(s_update, group.Changed);
        await session.SendAsync("DELETE FROM budget_holds WHERE task_id = @transfer", new { transfer });
    }

    /// <summary>What a user's budgets for everything have left; the greatest amount there is when he has none.</summary>
    public static async Task<Money> FindLeftAsync(SqlSession session, Id<User> owner, DateTimeOffset now) =>
        (await session.QueryAsync<BudgetRow>($"SELECT {Columns} FROM budgets WHERE owner_id = @owner AND scope = ''", new { owner }))
            .Aggregate(new Money(long.MaxValue), (least, row) => Money.Min(least, row.ToBudget().At(now).Left));

    /// <summary>The same of several users; those who have none are left out.</summary>
    public static async Task<IReadOnlyDictionary<Id<User>, Money>> FindLeftAsync(SqlSession session, IReadOnlyList<Id<User>> owners, DateTimeOffset now) => owners.Count == 0
        ? new Dictionary<Id<User>, Money>()
        : (await session.QueryAsync<BudgetRow>($"SELECT {Columns} FROM budgets WHERE owner_id IN @owners AND scope = ''", new { owners }))
            .Select(row => row.ToBudget())
            .GroupBy(budget => budget.OwnerId)
            .ToDictionary(own => own.Key, own => own.Min(budget => budget.At(now).Left));

    internal static async Task<IReadOnlyList<Budget>> LockAsync(SqlSession session, string where, object parameters) =>
        [.. (await session.QueryAsync<BudgetRow>($"SELECT {Columns} FROM budgets WHERE {where} ORDER BY id {{for update}}", parameters)).Select(row => row.ToBudget())];

    internal static Task UpdateAsync(SqlSession session, IReadOnlyList<Budget> budgets) => session.SendRowsAsync(s_update, budgets);

    internal static Task AddHoldsAsync(SqlSession session, IReadOnlyList<BudgetHold> holds) => session.SendRowsAsync(s_insertHolds, holds);

    private const string SelectEnded = """
        SELECT h.task_id, h.budget_id, h.start_at, h.amount, t.agent, e.state, e.outcome
        FROM budget_holds AS h JOIN task_ends AS e ON e.task_id = h.task_id JOIN tasks AS t ON t.id = h.task_id
        """;

    /// <summary>The same for the oldest tasks that hold something of one budget, before somebody is refused for it.</summary>
    internal static async Task SettleEndedAsync(SqlSession session, BudgetedGroup group, Id<Budget> id)
    {
        var ended = await session.QueryAsync<EndedHold>(
            $"{SelectEnded} WHERE h.budget_id = @id AND h.task_id IN (SELECT o.task_id FROM budget_holds AS o WHERE o.budget_id = @id ORDER BY o.task_id LIMIT {LookedThrough})",
            new { id });
        Settle(group, ended);
        await session.SendRowsAsync(s_deleteHolds, [.. ended.Select(hold => (hold.TaskId, hold.BudgetId))]);
    }

    private static void Settle(BudgetedGroup group, IReadOnlyList<EndedHold> ended)
    {
        foreach (var hold in ended)
        {
            // A budget that was removed has taken its holds along.
            if (!group.Budgets.TryGetValue(hold.BudgetId, out var budget))
                continue;
            var cost = budget.Covers(hold.Agent) ? EndedCost.Of(hold.State, hold.Outcome) : Money.Zero;
            group.Change(budget.Settle(hold.StartAt, hold.Amount, cost));
            group.Settled.Add((hold.TaskId, hold.BudgetId));
        }
    }

    private static async Task WriteSettledAsync(SqlSession session, BudgetedGroup group)
    {
        await session.SendRowsAsync(s_update, group.Changed);
        await session.SendRowsAsync(s_deleteHolds, group.Settled);
    }

    internal sealed record BudgetRow(
        Id<Budget> Id, Id<User> OwnerId, UsageSpan Span, string Scope, Money Amount, string Thresholds, bool Mails,
        DateTimeOffset StartAt, Money Held, Money Captured, int Told, bool IsExhausted, DateTimeOffset CreatedAt)
    {
        public Budget ToBudget() => new(
            Id, OwnerId, Span, Scope, Amount, ReadThresholds(Thresholds), Mails, new BudgetMeter(StartAt, Held, Captured, Told, IsExhausted), CreatedAt);
    }

    internal static string WriteThresholds(IReadOnlyList<int> thresholds) =>
        string.Join(' ', thresholds.Select(percent => percent.ToString(CultureInfo.InvariantCulture)));

    private static IReadOnlyList<int> ReadThresholds(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(percent => int.Parse(percent, CultureInfo.InvariantCulture))];

    private sealed record EndedHold(
        Id<AgentTask> TaskId, Id<Budget> BudgetId, DateTimeOffset StartAt, Money Amount, ListingName Agent, string State, string? Outcome);
}

/// <summary>What a task holds of a budget; a download under way, whose id stands in the same column, is no such record.</summary>
/// <param name="TaskId">The task.</param>
/// <param name="BudgetId">The budget.</param>
/// <param name="StartAt">The period that it was held in.</param>
/// <param name="Amount">Zero where it counts only if an agent of the budget does it in the end.</param>
internal sealed record BudgetHold(Id<AgentTask> TaskId, Id<Budget> BudgetId, DateTimeOffset StartAt, Money Amount);

/// <summary>Budgets whose rows this act holds, and what it does with them.</summary>
internal sealed class BudgetedGroup
{
    private readonly HashSet<Id<Budget>> _changed = [];

    public BudgetedGroup(IReadOnlyList<Budget> locked)
    {
        Budgets = locked.ToDictionary(budget => budget.Id);
        ByOwner = locked.GroupBy(budget => budget.OwnerId).ToDictionary(own => own.Key, own => (IReadOnlyList<Id<Budget>>)[.. own.Select(budget => budget.Id)]);
    }

    /// <summary>As they are now.</summary>
    public Dictionary<Id<Budget>, Budget> Budgets { get; }

    /// <summary>Those of each user.</summary>
    public IReadOnlyDictionary<Id<User>, IReadOnlyList<Id<Budget>>> ByOwner { get; }

    /// <summary>What submissions hold, by their places in the group.</summary>
    public List<(int Index, BudgetHold Hold)> Holds { get; } = [];

    /// <summary>Holds that are over.</summary>
    public List<(Id<AgentTask> Task, Id<Budget> Budget)> Settled { get; } = [];

    /// <summary>Those that are to be written.</summary>
    public IReadOnlyList<Budget> Changed => [.. _changed.Order().Select(id => Budgets[id])];

    /// <summary>Turns what something that is no task holds of a user's budgets, in this act, into what it has cost.</summary>
    public void Settle(Id<User> owner, Money held, Money cost)
    {
        foreach (var budget in ByOwner.GetValueOrDefault(owner, []).Select(id => Budgets[id]))
            Change(budget.Settle(budget.Meter.Start, held, cost));
    }

    public void Change(Budget budget)
    {
        Budgets[budget.Id] = budget;
        _changed.Add(budget.Id);
    }
}
