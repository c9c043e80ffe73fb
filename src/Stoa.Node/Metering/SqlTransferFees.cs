using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Downloads and what they cost: free bytes are taken and the rest is held before the first byte, and what was not sent is given back after the last.</summary>
/// <remarks>A download has a row for as long as it is under way, so what a node took and held that has died is given back by another, or by itself when it is there again. On PostgreSQL the
/// counter of the month is locked first, then budgets, the day of an API key and the wallet, as submissions do.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="accounts">Of the cell.</param>
/// <param name="prices">What is taken.</param>
/// <param name="split">How node and market share it.</param>
/// <param name="cell">Which node this is.</param>
public sealed class SqlTransferFees(Database database, SystemAccounts accounts, UsagePrices prices, SplitPolicy split, Cell cell)
{
    private const int AbandonedAtOnce = 100;

    // A node that has just started may send before it has given a sign of life.
    private static readonly TimeSpan s_untilListed = TimeSpan.FromMinutes(1);

    /// <summary>Takes what so many bytes cost, or says why they are not sent.</summary>
    /// <param name="id">Of this download; never used before.</param>
    /// <param name="user">To whom they are sent.</param>
    /// <param name="bytes">How many will be sent.</param>
    /// <param name="allowance">What the API key may spend; null for all that the account has.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The refusal; null when it may begin.</returns>
    public Task<Refusal<TransferFeeRefusal>?> OpenAsync(
        Id<UsageCharge> id, Id<User> user, long bytes, SpendingAllowance? allowance, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var month = UsageSpan.Month.StartOf(now);
            var used = await session.QuerySingleAsync<long>(
                """
                INSERT INTO transfer_months (user_id, start_at, free_bytes, paid_bytes) VALUES (@user, @month, 0, 0)
                ON CONFLICT (user_id, start_at) DO UPDATE SET free_bytes = transfer_months.free_bytes
                RETURNING free_bytes
                """,
                new { user, month });
            var most = prices.For(await session.QueryFirstOrDefaultAsync<bool?>("SELECT is_organisation FROM user_usage WHERE user_id = @user", new { user }) ?? false).FreeTransferBytes;
            var free = Math.Min(bytes, Math.Max(0, most - used));
            var download = new OpenTransfer(id, user, month, free, bytes - free, null, prices.PriceOfTransfer(bytes - free), null, null);
            if (download.Held > Money.Zero)
            {
                if (!(await HoldAsync(session, download, most, allowance, now)).TryGet(out var held, out var refusal))
                    return refusal;
                download = held;
            }

            await session.SendAsync(
                "UPDATE transfer_months SET free_bytes = free_bytes + @free WHERE user_id = @user AND start_at = @month", new { free, user, month });
            await session.SendAsync(
                """
                INSERT INTO open_transfers (id, user_id, holder, start_at, free_bytes, paid_bytes, wallet_id, held, key_id, key_day, created_at)
                VALUES (@Id, @UserId, @holder, @StartAt, @FreeBytes, @PaidBytes, @WalletId, @Held, @KeyId, @KeyDay, @now)
                """,
                new
                {
                    download.Id,
                    download.UserId,
                    holder = cell.Self.ToString(),
                    download.StartAt,
                    download.FreeBytes,
                    download.PaidBytes,
                    download.WalletId,
                    download.Held,
                    download.KeyId,
                    download.KeyDay,
                    now,
                });
            return (Refusal<TransferFeeRefusal>?)null;
        },
        cancellationToken);

    /// <summary>A download has ended: what was sent is paid, and what was not is given back. One that has ended already is left alone.</summary>
    /// <param name="id">The download.</param>
    /// <param name="sent">How many bytes went out.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>What was sent for nothing and for money; null when it had ended.</returns>
    public Task<(long Free, long Paid)?> CloseAsync(Id<UsageCharge> id, long sent, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<(long Free, long Paid)?>(
        async session =>
        {
            if (await session.QueryFirstOrDefaultAsync<OpenTransfer>(
                "SELECT id, user_id, start_at, free_bytes, paid_bytes, wallet_id, held, key_id, key_day FROM open_transfers WHERE id = @id {for update}", new { id }) is not { } download)
            {
                return null;
            }

            var free = Math.Min(download.FreeBytes, sent);
            var paid = Math.Min(download.PaidBytes, sent - free);
            await session.SendAsync(
                "UPDATE transfer_months SET free_bytes = free_bytes - @unused, paid_bytes = paid_bytes + @paid WHERE user_id = @UserId AND start_at = @StartAt",
                new { unused = download.FreeBytes - free, paid, download.UserId, download.StartAt });
            if (download.WalletId is { } wallet)
                await SettleAsync(session, download, wallet, paid, now);
            await session.SendAsync("DELETE FROM open_transfers WHERE id = @id", new { id });
            return (free, paid);
        },
        cancellationToken);

    /// <summary>Downloads that nobody sends any more: their nodes are not alive. What they had sent is not known, and is to cost nothing.</summary>
    /// <param name="after">The last one of the page before; null for the first page.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<UsageCharge>>> ListAbandonedAsync(Id<UsageCharge> after, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<UsageCharge>>(
            """
            SELECT id FROM open_transfers
            WHERE id > @after AND holder <> @self AND created_at < @before AND holder NOT IN (SELECT holder FROM nodes) ORDER BY id LIMIT @limit
            """,
            new { after, self = cell.Self.ToString(), before = now - s_untilListed, limit = AbandonedAtOnce }),
        cancellationToken);

    /// <summary>What was sent to a user in the month, what is on its way for nothing included.</summary>
    public Task<(long Free, long Paid)> FindMonthAsync(Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<(long Free, long Paid)>(
            "SELECT free_bytes, paid_bytes FROM transfer_months WHERE user_id = @user AND start_at = @month", new { user, month = UsageSpan.Month.StartOf(now) }),
        cancellationToken);

    /// <summary>Has downloads of a user neither begin nor end until the act is over. Taken before budgets and wallets, as downloads do.</summary>
    internal static async Task LockMonthsAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        await session.ExecuteAsync(
            "INSERT INTO transfer_months (user_id, start_at, free_bytes, paid_bytes) VALUES (@user, @month, 0, 0) ON CONFLICT (user_id, start_at) DO NOTHING",
            new { user, month = UsageSpan.Month.StartOf(now) });
        await session.QueryAsync<long>("SELECT start_at FROM transfer_months WHERE user_id = @user ORDER BY start_at {for update}", new { user });
    }

    private async Task<Outcome<OpenTransfer, TransferFeeRefusal>> HoldAsync(
        SqlSession session, OpenTransfer download, long free, SpendingAllowance? allowance, DateTimeOffset now)
    {
        var (user, amount) = (download.UserId, download.Held);
        var what = $"Beyond what is free in a month, {free:N0} bytes, the {download.PaidBytes:N0} bytes that you ask for cost {amount} USD";
        if (allowance == SpendingAllowance.Nothing)
        {
            return new Refusal<TransferFeeRefusal>(
                TransferFeeRefusal.SpendingForbidden,
                $"{what}, and that takes the permission {PermissionSet.WordOf(Permission.TasksSubmit)}, which you do not have here. Use a key with that scope, or ask an administrator of the organisation for another role.");
        }

        var budgets = await SqlBudgets.LockForEverythingAsync(session, [user]);
        if (await SqlBudgets.HoldAsync(session, budgets, user, amount, now) is { } full)
        {
            await SqlBudgets.UpdateAsync(session, budgets.Changed);
            return new Refusal<TransferFeeRefusal>(TransferFeeRefusal.BudgetExhausted, $"{full.ExplainWith(what)} Wait until then, raise it with PUT /api/v1/budgets, or ask for less with a Range.");
        }

        var day = SpendingAllowance.DayOf(now);
        if (allowance is { } key && await SqlKeySpending.FindTooMuchAsync(session, key, day, amount) is { } spent)
        {
            await GiveBackAsync(session, budgets, user, amount);
            return new Refusal<TransferFeeRefusal>(
                TransferFeeRefusal.SpendingLimitReached,
                $"{what}. Your API key may spend {key.PerDay} USD a day, in UTC, and {spent} are spent or held today. Wait for the next day, ask for less with a Range, or use a key with a higher limit.");
        }

        var wallet = await SqlLedger.FindAccountAsync(session, user.ToString(), AccountKind.Wallet);
        var refused = wallet is null ? null : (await SqlLedger.ApplyAsync(session, [UsageTransfers.Hold(download.Id, wallet.Id, accounts.Node, amount, now)])).Refusal;
        if (wallet is null || refused is { Code: TransferRefusal.InsufficientFunds })
        {
            await GiveBackAsync(session, budgets, user, amount);
            return new Refusal<TransferFeeRefusal>(
                TransferFeeRefusal.InsufficientFunds,
                $"{what}, more than your wallet has available. Pay in (POST /api/v1/payments/add-credit), ask for less with a Range, or wait for the next month; credit of plans pays for tasks alone.");
        }

        if (refused is not null)
            throw new InvalidOperationException($"The ledger refused the hold of {download.Id}: {refused.Code}: {refused.Detail}");
        await SqlBudgets.UpdateAsync(session, budgets.Changed);
        await SqlBudgets.AddTransferHoldsAsync(session, budgets, download.Id, user, amount);
        if (allowance is not null)
            await SqlKeySpending.SpendAsync(session, allowance.KeyId, day, amount);
        return download with { WalletId = wallet.Id, KeyId = allowance?.KeyId, KeyDay = allowance is null ? null : day };
    }

    /// <summary>A download is refused after all. What budgets have learned meanwhile of tasks that have ended stays.</summary>
    private static Task GiveBackAsync(SqlSession session, BudgetedGroup budgets, Id<User> user, Money amount)
    {
        budgets.Settle(user, amount, Money.Zero);
        return SqlBudgets.UpdateAsync(session, budgets.Changed);
    }

    private async Task SettleAsync(SqlSession session, OpenTransfer download, Id<Account> wallet, long paidBytes, DateTimeOffset now)
    {
        var price = prices.PriceOfTransfer(paidBytes);
        // The price may have been raised since, by another start of this node; nobody pays more than was held.
        price = Money.Min(price, download.Held);
        var charge = new UsageCharge(download.Id, download.UserId, UsageKind.Transfer, cell.Self.Node, paidBytes, price, UsageTransfers.PlatformOf(price, split), now);
        await SqlBudgets.SettleTransferAsync(session, download.Id, price);
        if (download is { KeyId: { } key, KeyDay: { } day })
            await SqlKeySpending.SpendAsync(session, key, day, price - download.Held);
        if ((await SqlLedger.ApplyAsync(session, UsageTransfers.Settle(charge, wallet, accounts, now))).Refusal is { } refused)
            throw new InvalidOperationException($"The ledger refused to settle {download.Id}: {refused.Code}: {refused.Detail}");
        if (price > Money.Zero)
            await SqlCharges.AddAsync(session, [charge]);
    }

    private sealed record OpenTransfer(
        Id<UsageCharge> Id, Id<User> UserId, DateTimeOffset StartAt, long FreeBytes, long PaidBytes, Id<Account>? WalletId, Money Held, Id<ApiKey>? KeyId, long? KeyDay);
}
