using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Budgets as their owners set them.</summary>
public sealed class SqlBudgetStore(Database database)
{
    private const int OpenAtOnce = 1_000;

    private readonly SqlUsageStore _usage = new(database);

    /// <summary>Makes a budget, or gives the one of the same owner, span and scope another amount.</summary>
    /// <param name="budget">As it is wanted. What was spent and held already in its period is counted.</param>
    /// <param name="thresholds">What one that is there tells from now on; null to leave that as it is.</param>
    /// <param name="mails">Whether it does by e-mail too; null to leave that as it is.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Outcome<Budget, BudgetRefusal>> SetAsync(
        Budget budget, IReadOnlyList<int>? thresholds, bool? mails, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // What was spent is read while others wait: so little of it as can be.
        while (await _usage.FoldAsync(cancellationToken))
        {
        }

        return await SetInAsync(budget, thresholds, mails, now, cancellationToken);
    }

    private Task<Outcome<Budget, BudgetRefusal>> SetInAsync(
        Budget budget, IReadOnlyList<int>? thresholds, bool? mails, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Budget, BudgetRefusal>>(
        async session =>
        {
            var owner = budget.OwnerId;
            // From here to the end of the act nobody adds usage up, and no task of this wallet begins or ends.
            await session.QuerySingleAsync<long>("SELECT block FROM usage_cursor WHERE id = 1 {for update}");
            // A download that ends holds its user's month until it has committed, from before it looks for what it holds of budgets: so it is over by now, or finds what is written here.
            if (budget.CoversEverything)
                await SqlTransferFees.LockMonthsAsync(session, owner, now);
            var own = await SqlBudgets.LockAsync(session, "owner_id = @owner", new { owner });
            if (own.FirstOrDefault(other => other.Span == budget.Span && other.Scope == budget.Scope) is { } there)
            {
                var changed = there.At(now) with { Amount = budget.Amount, Thresholds = thresholds ?? there.Thresholds, Mails = mails ?? there.Mails };
                // What was told of the amount before says nothing of this one.
                if (changed.Amount != there.Amount)
                    changed = changed with { Meter = changed.Meter with { Told = 0, IsExhausted = false } };
                await WriteAsync(session, changed);
                return changed;
            }

            if (own.Count >= Budget.MaxPerUser)
                return new Refusal<BudgetRefusal>(BudgetRefusal.BudgetsTooMany, $"You have {Budget.MaxPerUser} budgets. Delete those that are not used any more.");
            await SqlCredit.LockAsync(session, owner);
            var start = budget.Span.StartOf(now);
            var spent = await SqlUsageStore.ReadAllAsync(
                session, new UsageQuery(UsageRole.Consumer, owner, budget.Span, UsageGroup.Agent, start, budget.Span.Next(start)));
            var captured = spent.Where(row => budget.CoversEverything || (ListingName.TryParse(row.Name, null, out var agent) && budget.Covers(agent)))
                .Aggregate(Money.Zero, (sum, row) => sum + row.Amounts.Paid);
            var holds = (await ReadOpenAsync(session, owner))
                .Where(task => task.HoldAmount is not null && budget.Covers(task.Agent))
                .Select(task => new BudgetHold(task.Id, budget.Id, start, task.HoldAmount!.Value))
                .ToList();
            var transfers = budget.CoversEverything
                ? await session.QueryAsync<(Id<UsageCharge> Id, Money Held)>("SELECT id, held FROM open_transfers WHERE user_id = @owner AND held > 0", new { owner })
                : [];
            // One that was opened or renewed since the budgets were locked waits for the wallet, which this act has, and looks for budgets once more when it gets it.
            var allowances = (await session.QueryAsync<(Id<InferenceCharge> Id, ListingName Model, Money Held)>("SELECT hold_id, model, held FROM inference_allowances WHERE user_id = @owner", new { owner }))
                .Where(allowance => budget.Covers(allowance.Model))
                .ToList();
            var made = budget with
            {
                Meter = BudgetMeter.New(start) with
                {
                    Captured = captured,
                    Held = holds.Select(hold => hold.Amount).Concat(transfers.Select(transfer => transfer.Held)).Concat(allowances.Select(allowance => allowance.Held)).Aggregate(Money.Zero, (sum, amount) => sum + amount),
                },
            };
            await session.ExecuteAsync(
                $"""
                INSERT INTO budgets ({SqlBudgets.Columns})
                VALUES (@Id, @OwnerId, @Span, @Scope, @Amount, @thresholds, @Mails, @start, @Held, @Captured, 0, @IsExhausted, @CreatedAt)
                """,
                new
                {
                    made.Id,
                    made.OwnerId,
                    made.Span,
                    made.Scope,
                    made.Amount,
                    thresholds = SqlBudgets.WriteThresholds(made.Thresholds),
                    made.Mails,
                    start,
                    made.Meter.Held,
                    made.Meter.Captured,
                    made.Meter.IsExhausted,
                    made.CreatedAt,
                });
            await SqlBudgets.UpdateAsync(session, [made]);
            await SqlBudgets.AddHoldsAsync(session, holds);
            foreach (var (id, held) in transfers)
                await SqlBudgets.AddTransferHoldAsync(session, id, made.Id, start, held);
            foreach (var (id, _, held) in allowances)
                await SqlInferenceBudgets.AddHoldAsync(session, id, made.Id, start, held);
            await CountAsync(session, owner);
            return made;
        },
        cancellationToken);

    /// <summary>A user's budgets, oldest first.</summary>
    public Task<IReadOnlyList<Budget>> ListAsync(Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Budget>>(
        async session => [.. (await session.QueryAsync<SqlBudgets.BudgetRow>(
            $"SELECT {SqlBudgets.Columns} FROM budgets WHERE owner_id = @owner ORDER BY id", new { owner })).Select(row => row.ToBudget().At(now))],
        cancellationToken);

    /// <summary>A budget; null when there is none, or it is somebody else's.</summary>
    public async Task<Budget?> FindAsync(Id<Budget> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) =>
        (await ListAsync(owner, now, cancellationToken)).FirstOrDefault(budget => budget.Id == id);

    /// <summary>Says what is told of a budget; null leaves it as it is.</summary>
    /// <returns>As it is now; null when the owner has none such.</returns>
    public Task<Budget?> SetAlertsAsync(
        Id<Budget> id, Id<User> owner, IReadOnlyList<int>? thresholds, bool? mails, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Budget?>(
        async session =>
        {
            if ((await SqlBudgets.LockAsync(session, "id = @id AND owner_id = @owner", new { id, owner })).SingleOrDefault() is not { } there)
                return null;
            var changed = there.At(now) with { Thresholds = thresholds ?? there.Thresholds, Mails = mails ?? there.Mails };
            await WriteAsync(session, changed);
            return changed;
        },
        cancellationToken);

    /// <summary>Removes a budget: nothing is refused for it any more.</summary>
    /// <returns>False when the owner has none such.</returns>
    public Task<bool> DeleteAsync(Id<Budget> id, Id<User> owner, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if ((await SqlBudgets.LockAsync(session, "id = @id AND owner_id = @owner", new { id, owner })).Count == 0)
                return false;
            await session.ExecuteAsync("DELETE FROM budget_holds WHERE budget_id = @id", new { id });
            await session.ExecuteAsync("DELETE FROM budgets WHERE id = @id", new { id });
            await CountAsync(session, owner);
            return true;
        },
        cancellationToken);

    /// <summary>When a user is told of his wallet; null for never.</summary>
    public Task<BalanceAlert?> FindBalanceAlertAsync(Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<BalanceAlert>("SELECT owner_id, below, mails, is_told FROM balance_alerts WHERE owner_id = @owner", new { owner }),
        cancellationToken);

    /// <summary>Has a user told when his wallet has less than so much.</summary>
    public Task SetBalanceAlertAsync(BalanceAlert alert, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            """
            INSERT INTO balance_alerts (owner_id, below, mails, is_told) VALUES (@OwnerId, @Below, @Mails, @IsTold)
            ON CONFLICT (owner_id) DO UPDATE SET below = excluded.below, mails = excluded.mails, is_told = excluded.is_told
            """,
            alert),
        cancellationToken);

    /// <summary>Has a user not told of his wallet any more.</summary>
    public Task DeleteBalanceAlertAsync(Id<User> owner, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM balance_alerts WHERE owner_id = @owner", new { owner }), cancellationToken);

    private static async Task WriteAsync(SqlSession session, Budget budget)
    {
        await session.ExecuteAsync(
            "UPDATE budgets SET amount = @Amount, thresholds = @thresholds, mails = @Mails WHERE id = @Id",
            new { budget.Id, budget.Amount, thresholds = SqlBudgets.WriteThresholds(budget.Thresholds), budget.Mails });
        await SqlBudgets.UpdateAsync(session, [budget]);
    }

    private static Task<int> CountAsync(SqlSession session, Id<User> owner) => session.ExecuteAsync(
        """
        INSERT INTO user_usage (user_id, open_tasks, content_bytes, budgets)
        VALUES (@owner, 0, 0, (SELECT COUNT(*) FROM budgets WHERE owner_id = @owner))
        ON CONFLICT (user_id) DO UPDATE SET budgets = excluded.budgets
        """,
        new { owner });

    /// <summary>A user's tasks that wait or run: the newest ones are looked through until as many are found as he has.</summary>
    private static async Task<IReadOnlyList<OpenTask>> ReadOpenAsync(SqlSession session, Id<User> owner)
    {
        var count = await session.QueryFirstOrDefaultAsync<long>("SELECT open_tasks FROM user_usage WHERE user_id = @owner", new { owner });
        var open = new List<OpenTask>();
        for (var before = new Id<AgentTask>(Guid.AllBitsSet); open.Count < count;)
        {
            var rows = await session.QueryAsync<OpenTask>(
                """
                SELECT t.id, t.agent, t.hold_amount, e.state FROM tasks AS t LEFT JOIN task_ends AS e ON e.task_id = t.id
                WHERE t.owner_id = @owner AND t.id < @before ORDER BY t.id DESC LIMIT @limit
                """,
                new { owner, before, limit = OpenAtOnce });
            if (rows.Count == 0)
                break;
            open.AddRange(rows.Where(row => row.State is null));
            before = rows[^1].Id;
        }

        return open;
    }

    private sealed record OpenTask(Id<AgentTask> Id, ListingName Agent, Money? HoldAmount, string? State);
}

/// <summary>When a user is told that his wallet has little left.</summary>
/// <param name="OwnerId">The user.</param>
/// <param name="Below">When there is less than this.</param>
/// <param name="Mails">By e-mail too, where the node sends any.</param>
/// <param name="IsTold">It was told, and the wallet has not had as much again since.</param>
public sealed record BalanceAlert(Id<User> OwnerId, Money Below, bool Mails, bool IsTold);
