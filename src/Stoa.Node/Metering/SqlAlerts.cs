using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Events;
using Stoa.Node.Mail;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Tells owners how far their budgets and wallets are used up: events, and letters on their way, in the transaction that notes that it was told.</summary>
public sealed class SqlAlerts(Database database, LetterBox letters, TimeProvider time)
{
    private const int ToldAtOnce = 100;
    private const string Due = "(alert_at <= captured OR is_exhausted)";

    private const string DueBalance = """
        SELECT b.owner_id, b.below, b.mails, b.is_told, a.posted FROM balance_alerts AS b
        JOIN accounts AS a ON a.owner = b.owner_id AND a.kind = 'Wallet'
        WHERE (b.is_told AND a.posted >= b.below) OR (NOT b.is_told AND a.posted < b.below)
        ORDER BY b.owner_id LIMIT @limit
        """;

    /// <summary>Tells what there is to tell.</summary>
    /// <returns>How many events.</returns>
    public async Task<int> TellAsync(CancellationToken cancellationToken)
    {
        // A look costs less than a transaction.
        var (budgets, balances) = await database.ReadAsync(
            async session => (
                await session.QueryFirstOrDefaultAsync<long?>($"SELECT 1 FROM budgets WHERE {Due} LIMIT 1") is not null,
                (await session.QueryAsync<BalanceRow>(DueBalance, new { limit = 1 })).Count > 0),
            cancellationToken);
        var told = budgets ? await database.WriteAsync<int>(TellBudgetsAsync, cancellationToken) : 0;
        return told + (balances ? await database.WriteAsync<int>(TellBalancesAsync, cancellationToken) : 0);
    }

    private async Task<int> TellBudgetsAsync(SqlSession session)
    {
        var now = time.GetUtcNow();
        var ids = await session.QueryAsync<Id<Budget>>($"SELECT id FROM budgets WHERE {Due} ORDER BY id LIMIT {ToldAtOnce}");
        var events = new List<NewEvent>();
        var changed = new List<Budget>();
        foreach (var budget in await SqlBudgets.LockAsync(session, "id IN @ids", new { ids }))
        {
            var (passed, told) = budget.Tell();
            changed.Add(told);
            events.AddRange(passed.Select(percent => BudgetEvents.Threshold(budget, percent, now)));
            if (budget.Mails && passed.Count > 0)
                await letters.AddAsync(session, budget.OwnerId, handle => LetterOf(handle, budget, passed[^1]), now);
        }

        await SqlBudgets.UpdateAsync(session, changed);
        await SqlEvents.AppendAsync(session, events);
        return events.Count;
    }

    private async Task<int> TellBalancesAsync(SqlSession session)
    {
        var now = time.GetUtcNow();
        var events = new List<NewEvent>();
        foreach (var row in await session.QueryAsync<BalanceRow>(DueBalance, new { limit = ToldAtOnce }))
        {
            // Another node may have told it just now.
            if (await session.ExecuteAsync(
                "UPDATE balance_alerts SET is_told = @next WHERE owner_id = @OwnerId AND is_told = @IsTold AND below = @Below",
                new { next = !row.IsTold, row.OwnerId, row.IsTold, row.Below }) == 0 || row.IsTold)
            {
                continue;
            }

            events.Add(BudgetEvents.BalanceLow(row.OwnerId, row.Posted, row.Below, now));
            if (row.Mails)
                await letters.AddAsync(session, row.OwnerId, handle => LetterOf(handle, row), now);
        }

        await SqlEvents.AppendAsync(session, events);
        return events.Count;
    }

    private static LetterText LetterOf(string handle, Budget budget, int percent)
    {
        var per = budget.Span is UsageSpan.Day ? "day" : "month";
        var what = budget.Scope.Length == 0 ? "everything" : budget.Scope;
        var state = budget.Meter.IsExhausted && percent == 100
            ? "Something was refused, since it would not have fitted into what is left."
            : "What costs something is taken as long as what it holds fits into what is left.";
        return new LetterText(
            $"{percent} % of your budget for {what} are used up",
            $"""
            Hello {handle},

            {percent} % of your budget of {budget.Amount} USD a {per} for {what} are used up: {budget.Meter.Captured} USD are spent, and {budget.Meter.Held} USD are held for what has not ended.
            {state}
            It renews at {budget.RenewsAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC.

            What it went on: stoa usage
            Another amount: stoa budget set
            No such letters: stoa budget alert {budget.Id} --no-mail
            """);
    }

    private static LetterText LetterOf(string handle, BalanceRow row) => new(
        $"Your wallet has {row.Posted} USD left",
        $"""
        Hello {handle},

        your wallet has {row.Posted} USD left, which is less than the {row.Below} USD of which you want to be told.

        What it went on: stoa usage
        Another amount: stoa budget balance
        """);

    private sealed record BalanceRow(Id<User> OwnerId, Money Below, bool Mails, bool IsTold, Money Posted);
}
