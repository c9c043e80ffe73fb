using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.PayPerCall;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>Allowances in the database: what is held for each, and what of all that was spent of it is settled.</summary>
/// <remarks>
/// Who settles says what was spent in all, and the row what of that is settled: so the same said twice moves money once, whoever says it. An allowance has a row for as long as money is held for it.
/// On PostgreSQL its row is locked first, then the channel that pays, budgets, the days of an API key and wallets, as submissions do.
/// </remarks>
/// <param name="database">The cell's.</param>
/// <param name="accounts">Of the cell.</param>
/// <param name="split">How creator, node and market share what is paid.</param>
/// <param name="ids">Of new holds.</param>
/// <param name="cell">Which node this is.</param>
public sealed class SqlAllowances(Database database, SystemAccounts accounts, SplitPolicy split, IdSource ids, Cell cell)
{
    private const int LeftAtOnce = 100;

    private const string Columns = """
        id, user_id, holder, model, publisher_id, wallet_id, creator_wallet_id, hold_id, held, key_id, key_day, requests, input_tokens, output_tokens, listing_price, serving_price, supplied_price, since_at, channel_id
        """;

    // A node that comes back pays for what it has spent: its consumers are better off with their money held for a while than its publishers without theirs. One that does not come back
    // must not hold it for ever.
    private static readonly TimeSpan s_untilAbandoned = TimeSpan.FromMinutes(10);

    /// <summary>Settles what was spent and holds anew; opens the allowance when it has no row.</summary>
    /// <param name="id">The allowance.</param>
    /// <param name="holder">Who pays.</param>
    /// <param name="model">For what.</param>
    /// <param name="renewal">What was spent in all, and what is to be held.</param>
    /// <param name="isOpen">Whether it is known to have a row.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>What is held now, at least <see cref="AllowanceRenewal.Least"/>; null when it had a row and has none any more; or why nothing was changed, as the end of a sentence that says what is asked for.</returns>
    public async Task<Outcome<Money?, AllowanceRefusal>> RenewAsync(
        Id<Allowance> id, AllowanceHolder holder, PricedModel model, AllowanceRenewal renewal, bool isOpen, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(model);
        Budget? full = null;
        var outcome = await database.WriteAsync<Outcome<Money?, AllowanceRefusal>>(
            async session =>
            {
                full = null;
                var row = await FindAsync(session, id);
                if (row is null && isOpen)
                    return (Money?)null;
                var charge = row is null ? null : ChargeOf(row, renewal.Spent, now);
                // Before all else: whoever has not paid is to hear that, and not how the account stands that sells.
                var credit = holder.Channel is { } paying ? await FindCreditAsync(session, paying, row, charge) : (CallCredit?)null;
                if (credit is { Left: var unused } && unused < renewal.Least)
                {
                    session.Abandon();
                    return new Refusal<AllowanceRefusal>(AllowanceRefusal.CreditUsedUp, $", and {unused} USD of what the channel has paid are left.");
                }

                var budgets = await SqlInferenceBudgets.LockAsync(session, holder.Consumer, model.Listing);
                if (row is not null)
                {
                    await budgets.SettleAsync(row.HoldId, charge!.Price);
                    if (row is { KeyId: { } key, KeyDay: { } day })
                        await SqlKeySpending.SpendAsync(session, key, day, charge.Price - row.Held);
                }

                (var amount, full) = await budgets.FindLeftAsync(Money.Min(renewal.Wanted, credit?.Left ?? renewal.Wanted), renewal.Least, now);
                if (full is not null)
                {
                    session.Abandon();
                    return new Refusal<AllowanceRefusal>(
                        AllowanceRefusal.BudgetExhausted, $"{full.ExplainWith("")} Ask for fewer tokens, wait until then, or raise it with PUT /api/v1/budgets.");
                }

                var today = SpendingAllowance.DayOf(now);
                if (holder.Key is { } allowance && await SqlKeySpending.FindTooMuchAsync(session, allowance, today, amount) is { } spent)
                {
                    amount = Money.Min(amount, allowance.PerDay - spent);
                    if (amount < renewal.Least)
                    {
                        session.Abandon();
                        return new Refusal<AllowanceRefusal>(
                            AllowanceRefusal.SpendingLimitReached,
                            $". Your API key may spend {allowance.PerDay} USD a day, in UTC, and {spent} are spent or held today. Ask for fewer tokens, wait for the next day, or use a key with a higher limit.");
                    }
                }

                var wallet = await SqlLedger.FindAccountAsync(session, holder.Consumer.ToString(), AccountKind.Wallet);
                var available = wallet is null ? Money.Zero : wallet.Available + (row is null ? Money.Zero : row.Held - charge!.Price);
                amount = Money.Min(amount, available);
                if (wallet is null || amount < renewal.Least)
                {
                    session.Abandon();
                    return new Refusal<AllowanceRefusal>(
                        AllowanceRefusal.InsufficientFunds,
                        $", and your wallet has {available} USD available. Pay in (POST /api/v1/payments/add-credit) or ask for fewer tokens; credit of plans pays for tasks alone.");
                }

                // Where there is not as much as is wanted, what else the account may want to pay for is to have the rest.
                if (amount < renewal.Wanted)
                    amount = renewal.Least;
                // Nothing is reserved, or is to be: of that there is no hold.
                if (amount == Money.Zero)
                {
                    session.Abandon();
                    return new Refusal<AllowanceRefusal>(AllowanceRefusal.InsufficientFunds, ", and nothing is left that could be held.");
                }

                var next = new OpenAllowance(
                    id, holder.Consumer, cell.Self.ToString(), model.Listing, model.Publisher, wallet.Id, row is null ? await CreatorOfAsync(session, model, now) : row.CreatorWalletId,
                    ids.Next<InferenceCharge>(), amount, holder.Key?.KeyId, holder.Key is null ? null : today,
                    renewal.Spent.Requests, renewal.Spent.InputTokens, renewal.Spent.OutputTokens, renewal.Spent.Price.Listing, renewal.Spent.Price.Serving, renewal.Spent.Price.Supplied, now, holder.Channel);
                IReadOnlyList<Transfer> settled = row is null ? [] : InferenceTransfers.Settle(row.HoldId, charge!.Shares, row.WalletId, row.CreatorWalletId, accounts, now);
                var moved = await SqlLedger.ApplyAsync(session, [.. settled, InferenceTransfers.Hold(next.HoldId, wallet.Id, accounts.Clearing, amount, now)]);
                if (moved.Refusal is { Code: TransferRefusal.InsufficientFunds })
                    throw new SqlRetryException($"Somebody else has taken money out of {wallet.Id} meanwhile.");
                if (moved.Refusal is { } refused)
                    throw new InvalidOperationException($"The ledger refused to renew {id}: {refused.Code}: {refused.Detail}");
                await budgets.HoldAsync(next.HoldId, amount);
                await budgets.WriteAsync();
                if (holder.Key is { } spender)
                    await SqlKeySpending.SpendAsync(session, spender.KeyId, today, amount);
                if (holder.Channel is { } channel)
                    await SqlCallCredit.ChangeAsync(session, channel, amount - (row?.Held ?? Money.Zero), charge?.Price ?? Money.Zero);
                if (charge is not null && charge.Price > Money.Zero)
                    await SqlInferenceCharges.AddAsync(session, charge, id);
                await WriteAsync(session, next);
                return (Money?)amount;
            },
            cancellationToken);
        if (full is not null && full.Exhaust() != full)
            await ExhaustAsync(full.Id, now, cancellationToken);
        return outcome;
    }

    /// <summary>An allowance has ended: what was spent of it is paid, and the rest is free again. One that has ended already is left alone.</summary>
    /// <param name="id">The allowance.</param>
    /// <param name="spent">In all; null for what is settled already, and no more.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>What was paid now; null when it had ended.</returns>
    public Task<InferenceCharge?> CloseAsync(Id<Allowance> id, InferenceSpending? spent, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await FindAsync(session, id) is not { } row)
                return null;
            var charge = ChargeOf(row, spent ?? row.Settled, now);
            if (row.ChannelId is { } channel)
            {
                await SqlCallCredit.LockAsync(session, channel);
                await SqlCallCredit.ChangeAsync(session, channel, -row.Held, charge.Price);
            }

            var budgets = await SqlInferenceBudgets.LockAsync(session, row.UserId, row.Model);
            await budgets.SettleAsync(row.HoldId, charge.Price);
            if (row is { KeyId: { } key, KeyDay: { } day })
                await SqlKeySpending.SpendAsync(session, key, day, charge.Price - row.Held);
            if ((await SqlLedger.ApplyAsync(session, InferenceTransfers.Settle(row.HoldId, charge.Shares, row.WalletId, row.CreatorWalletId, accounts, now))).Refusal is { } refused)
                throw new InvalidOperationException($"The ledger refused to settle {id}: {refused.Code}: {refused.Detail}");
            await budgets.WriteAsync();
            if (charge.Price > Money.Zero)
                await SqlInferenceCharges.AddAsync(session, charge, id);
            await session.SendAsync("DELETE FROM inference_allowances WHERE id = @id", new { id });
            return charge;
        },
        cancellationToken);

    /// <summary>What was paid of an allowance in all.</summary>
    public Task<Money> FindPaidAsync(Id<Allowance> id, CancellationToken cancellationToken) => database.ReadAsync(session => SqlInferenceCharges.SumAsync(session, id), cancellationToken);

    /// <summary>Allowances of earlier starts of this node. What was spent of them and is in no slot was never written down.</summary>
    /// <param name="after">The last one of the page before; the default for the first page.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<Allowance>>> ListOwnLeftAsync(Id<Allowance> after, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Allowance>>(
            "SELECT id FROM inference_allowances WHERE id > @after AND holder <> @self AND SUBSTR(holder, 1, LENGTH(@node)) = @node ORDER BY id LIMIT @limit",
            new { after, self = cell.Self.ToString(), node = $"{cell.Self.Node}/", limit = LeftAtOnce }),
        cancellationToken);

    /// <summary>Allowances of other nodes that have not been alive for long: they may not come back. What they had spent since they last settled is not known here, and is to cost nothing.</summary>
    /// <param name="after">The last one of the page before; the default for the first page.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Id<Allowance>>> ListAbandonedAsync(Id<Allowance> after, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Allowance>>(
            """
            SELECT id FROM inference_allowances
            WHERE id > @after AND SUBSTR(holder, 1, LENGTH(@node)) <> @node AND since_at < @before AND holder NOT IN (SELECT holder FROM nodes) ORDER BY id LIMIT @limit
            """,
            new { after, node = $"{cell.Self.Node}/", before = now - s_untilAbandoned, limit = LeftAtOnce }),
        cancellationToken);

    private static Task<OpenAllowance?> FindAsync(SqlSession session, Id<Allowance> id) =>
        session.QueryFirstOrDefaultAsync<OpenAllowance>($"SELECT {Columns} FROM inference_allowances WHERE id = @id {{for update}}", new { id });

    private static Task WriteAsync(SqlSession session, OpenAllowance row) => session.SendAsync(
        $"""
        INSERT INTO inference_allowances ({Columns})
        VALUES (@Id, @UserId, @Holder, @Model, @PublisherId, @WalletId, @CreatorWalletId, @HoldId, @Held, @KeyId, @KeyDay, @Requests, @InputTokens, @OutputTokens, @ListingPrice, @ServingPrice, @SuppliedPrice, @SinceAt, @ChannelId)
        ON CONFLICT (id) DO UPDATE SET hold_id = excluded.hold_id, held = excluded.held, key_id = excluded.key_id, key_day = excluded.key_day, requests = excluded.requests,
            input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, listing_price = excluded.listing_price, serving_price = excluded.serving_price, supplied_price = excluded.supplied_price, since_at = excluded.since_at
        """,
        row);

    /// <summary>The credit of a channel as it is once what an allowance has spent is settled and the rest of its hold is free.</summary>
    private static async Task<CallCredit> FindCreditAsync(SqlSession session, Id<Channel> channel, OpenAllowance? row, InferenceCharge? charge)
    {
        var credit = await SqlCallCredit.LockAsync(session, channel);
        return row is null ? credit : credit with { Reserved = credit.Reserved - row.Held, Spent = credit.Spent + charge!.Price };
    }

    /// <summary>What was spent since it was last settled; no more than is held, whatever is said.</summary>
    private InferenceCharge ChargeOf(OpenAllowance row, InferenceSpending spent, DateTimeOffset now)
    {
        var since = spent.Since(row.Settled);
        var price = since.Price.AtMost(row.Held);
        return new InferenceCharge(
            row.HoldId, row.UserId, row.KeyId, row.PublisherId, row.Model, LeaseHolder.Parse(row.Holder).Node, since.Requests, since.InputTokens, since.OutputTokens,
            price.Listing, price.Serving, price.Supplied, split.Split(price), row.SinceAt, now);
    }

    private async Task<Id<Account>?> CreatorOfAsync(SqlSession session, PricedModel model, DateTimeOffset now) => model.Publisher is { } publisher
        ? (await SqlLedger.OpenAccountAsync(session, Account.Open(ids.Next<Account>(), publisher.ToString(), AccountKind.Wallet, now))).Id
        : null;

    /// <summary>Has a budget tell that something was refused for it: the act that has refused is undone as a whole.</summary>
    private Task ExhaustAsync(Id<Budget> id, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var locked = await Metering.SqlBudgets.LockAsync(session, "id = @id", new { id });
            await Metering.SqlBudgets.UpdateAsync(session, [.. locked.Select(budget => budget.At(now).Exhaust())]);
        },
        cancellationToken);

    private sealed record OpenAllowance(
        Id<Allowance> Id, Id<User> UserId, string Holder, ListingName Model, Id<User>? PublisherId, Id<Account> WalletId, Id<Account>? CreatorWalletId, Id<InferenceCharge> HoldId, Money Held,
        Id<ApiKey>? KeyId, long? KeyDay, long Requests, long InputTokens, long OutputTokens, Money ListingPrice, Money ServingPrice, Money SuppliedPrice, DateTimeOffset SinceAt, Id<Channel>? ChannelId)
    {
        public InferenceSpending Settled => new(Requests, InputTokens, OutputTokens, new InferencePrice(ListingPrice, ServingPrice, SuppliedPrice));
    }
}
