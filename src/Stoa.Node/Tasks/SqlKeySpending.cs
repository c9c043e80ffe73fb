using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>What API keys with a spending limit have spent on a day, counted where the money is held, in the same act.</summary>
/// <remarks>
/// A hold counts in full from its submission. What comes back is given back to the day when somebody asks for it: when the limit would refuse,
/// when a thousand holds were made since, and when the figure is shown. So the ends of tasks, of which there are thousands a second, know nothing of keys,
/// and neither do submissions without such a key. A day's row is locked before any account is.
/// </remarks>
internal static class SqlKeySpending
{
    private const long MaxUnsettled = 1_000;
    private const int SettledAtOnce = 2_000;

    private static readonly SqlRows<KeySpend> s_insertHolds = SqlRows<KeySpend>.Insert(
        "api_key_holds",
        [
            SqlField<KeySpend>.OfId("key_id", spend => spend.KeyId),
            SqlField<KeySpend>.OfId("task_id", spend => spend.TaskId),
            SqlField<KeySpend>.OfInteger("day", spend => spend.Day),
            SqlField<KeySpend>.OfInteger("amount", spend => spend.Amount.Nanodollars),
        ]);

    /// <summary>Refuses submissions that are above what their keys may spend; of a group the first ones fit.</summary>
    /// <returns>What the others will have spent, if their holds are made.</returns>
    public static async Task<IReadOnlyList<KeySpend>> RefuseTooMuchAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, Outcome<Submitted, TaskRefusal>?[] outcomes)
    {
        List<KeySpend>? asked = null;
        for (var index = 0; index < submissions.Count; index++)
        {
            if (submissions[index] is { Allowance: { } allowance, Hold: { } hold } submission && outcomes[index] is null)
                (asked ??= []).Add(new KeySpend(index, allowance.KeyId, allowance.PerDay, SpendingAllowance.DayOf(submission.Task.CreatedAt), submission.Task.Id, hold.Amount));
        }

        if (asked is null)
            return [];
        var fits = new List<KeySpend>(asked.Count);
        foreach (var day in asked.GroupBy(spend => (spend.KeyId, spend.Day)).OrderBy(day => day.Key.KeyId).ThenBy(day => day.Key.Day))
        {
            var (spent, unsettled) = await LockAsync(session, day.Key.KeyId, day.Key.Day);
            var wanted = day.Aggregate(spent, (sum, spend) => sum + spend.Amount);
            if (wanted > day.First().PerDay || unsettled >= MaxUnsettled)
                spent = await SettleAsync(session, day.Key.KeyId, day.Key.Day, spent);
            foreach (var spend in day)
            {
                if (spent + spend.Amount <= spend.PerDay)
                {
                    spent += spend.Amount;
                    fits.Add(spend);
                    continue;
                }

                var submission = submissions[spend.Submission];
                if (submission.Idempotency is { } key)
                    await session.SendAsync("DELETE FROM idempotency_keys WHERE owner_id = @OwnerId AND key = @Key", new { submission.Task.OwnerId, key.Key });
                outcomes[spend.Submission] = new Refusal<TaskRefusal>(
                    TaskRefusal.SpendingLimitReached,
                    $"Your API key may spend {spend.PerDay} USD a day, in UTC. {spent} are spent or held today, and the task would hold {spend.Amount}. What is held and not used comes back when tasks end.");
            }
        }

        return fits;
    }

    /// <summary>Counts what was held.</summary>
    public static async Task AddAsync(SqlSession session, IReadOnlyList<KeySpend> spends)
    {
        if (spends.Count == 0)
            return;
        await session.SendRowsAsync(s_insertHolds, spends);
        await session.SendEachAsync(
            "UPDATE api_key_days SET spent = spent + @spent, unsettled = unsettled + @count WHERE key_id = @KeyId AND day = @Day",
            spends.GroupBy(spend => (spend.KeyId, spend.Day)).Select(day => new
            {
                day.Key.KeyId,
                day.Key.Day,
                spent = new Money(day.Sum(spend => spend.Amount.Nanodollars)),
                count = day.LongCount(),
            }));
    }

    /// <summary>Whether something that is no task is above what a key may spend on a day.</summary>
    /// <returns>What is spent and held on the day; null when it fits.</returns>
    public static async Task<Money?> FindTooMuchAsync(SqlSession session, SpendingAllowance allowance, long day, Money amount)
    {
        var (spent, _) = await LockAsync(session, allowance.KeyId, day);
        if (spent + amount > allowance.PerDay)
            spent = await SettleAsync(session, allowance.KeyId, day, spent);
        return spent + amount > allowance.PerDay ? spent : null;
    }

    /// <summary>Counts something that is no task; below zero for what comes back.</summary>
    public static Task SpendAsync(SqlSession session, Id<ApiKey> key, long day, Money amount) =>
        session.SendAsync("UPDATE api_key_days SET spent = spent + @amount WHERE key_id = @key AND day = @day", new { amount, key, day });

    /// <summary>What a key has spent on a day, with what is held.</summary>
    public static async Task<Money> FindSpentAsync(SqlSession session, Id<ApiKey> key, long day)
    {
        var (spent, _) = await LockAsync(session, key, day);
        return await SettleAsync(session, key, day, spent);
    }

    private static Task<(Money Spent, long Unsettled)> LockAsync(SqlSession session, Id<ApiKey> key, long day) => session.QuerySingleAsync<(Money Spent, long Unsettled)>(
        """
        INSERT INTO api_key_days (key_id, day, spent, unsettled) VALUES (@key, @day, 0, 0)
        ON CONFLICT (key_id, day) DO UPDATE SET spent = api_key_days.spent
        RETURNING spent, unsettled
        """,
        new { key, day });

    /// <summary>Gives back what ended tasks of a key held and did not cost, each to its day, and answers what is spent of one day then.</summary>
    private static async Task<Money> SettleAsync(SqlSession session, Id<ApiKey> key, long day, Money spent)
    {
        while (true)
        {
            var ended = await session.QueryAsync<EndedHold>(
                """
                SELECT h.task_id, h.day, h.amount, e.state, e.outcome FROM api_key_holds AS h JOIN task_ends AS e ON e.task_id = h.task_id
                WHERE h.key_id = @key ORDER BY h.task_id LIMIT @limit
                """,
                new { key, limit = SettledAtOnce });
            await session.ExecuteEachAsync(
                "UPDATE api_key_days SET spent = spent - @unused, unsettled = 0 WHERE key_id = @key AND day = @day",
                ended.GroupBy(hold => hold.Day).OrderBy(one => one.Key).Select(one => new { key, day = one.Key, unused = new Money(one.Sum(hold => hold.Unused.Nanodollars)) }));
            await session.ExecuteAsync("DELETE FROM api_key_holds WHERE key_id = @key AND task_id IN @tasks", new { key, tasks = ended.Select(hold => hold.TaskId) });
            spent -= new Money(ended.Where(hold => hold.Day == day).Sum(hold => hold.Unused.Nanodollars));
            if (ended.Count < SettledAtOnce)
                break;
        }

        await session.ExecuteAsync("UPDATE api_key_days SET unsettled = 0 WHERE key_id = @key AND day = @day", new { key, day });
        return spent;
    }

    private sealed record EndedHold(Id<AgentTask> TaskId, long Day, Money Amount, string State, string? Outcome)
    {
        /// <summary>What did not cost anything in the end.</summary>
        public Money Unused => Amount - EndedCost.Of(State, Outcome);
    }
}

/// <summary>What one submission spends of a key's limit.</summary>
/// <param name="Submission">Its place among the submissions of the act.</param>
/// <param name="KeyId">The key.</param>
/// <param name="PerDay">The key's limit.</param>
/// <param name="Day">Of UTC, since 1970-01-01.</param>
/// <param name="TaskId">The task.</param>
/// <param name="Amount">What is held.</param>
internal sealed record KeySpend(int Submission, Id<ApiKey> KeyId, Money PerDay, long Day, Id<AgentTask> TaskId, Money Amount);
