using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>Payouts in the cell's database, taken and written as payments are (<see cref="SqlPaymentStore"/>).</summary>
/// <param name="database">The cell's.</param>
/// <param name="world">The account of the world outside.</param>
public sealed class SqlPayoutStore(Database database, Id<Account> world)
{
    private const string Columns =
        "id, user_id, wallet_id, destination, amount, returned, state, stripe_id, reason, looks, version, created_at, changed_at, due_at";

    private const string Select = $"SELECT {Columns} FROM payouts ";

    private const string Update =
        """
        UPDATE payouts SET returned = @Returned, state = @State, stripe_id = @StripeId, reason = @Reason, looks = @Looks, version = @Version,
            changed_at = @ChangedAt, due_at = @DueAt
        WHERE id = @Id
        """;

    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(5);

    /// <summary>Holds the amount of a payout; one with the same id is there already when a request is repeated, and is answered.</summary>
    /// <param name="id">Of the payout.</param>
    /// <param name="user">Whose.</param>
    /// <param name="wallet">Where it comes from.</param>
    /// <param name="asked">How much; null for all that is there in whole cents.</param>
    /// <param name="min">Least.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<Payout, PaymentRefusal>> RequestAsync(
        Id<Payout> id, Id<User> user, Id<Account> wallet, Money? asked, Money min, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Payout, PaymentRefusal>>(
            async session =>
            {
                await SqlPayments.LockAsync(session, user);
                if (await FindAsync(session, id) is { } there)
                    return there;
                if (await SqlStripeParties.FindAsync(session, user) is not { Account: { } destination } party)
                    return new Refusal<PaymentRefusal>(PaymentRefusal.PayoutAccountMissing, "You have no account to be paid out to. Begin with POST /api/v1/payouts/account.");
                if (party.AccountState is not PayoutAccountState.Active)
                    return new Refusal<PaymentRefusal>(PaymentRefusal.PayoutAccountNotReady, "Stripe does not pay out to your account yet. POST /api/v1/payouts/account gives the address where it asks for what is missing.");
                // What is owed goes before what is taken out.
                await SqlPayments.ApplyAsync(
                    session, await SqlPayments.CollectAsync(session, user, await SqlPayments.AvailableAsync(session, wallet), world, now));
                var available = await SqlPayments.AvailableAsync(session, wallet);
                var amount = asked ?? Cents.WholePart(Money.Max(available, Money.Zero));
                if (!Cents.TryOf(amount, out _))
                    return new Refusal<PaymentRefusal>(PaymentRefusal.AmountNotWholeCents, $"{amount} USD is no whole number of cents.", [new FieldError("/amount", "An amount in whole cents such as \"12.50\" is expected.")]);
                if (amount < min)
                    return new Refusal<PaymentRefusal>(PaymentRefusal.PayoutBelowMinimum, $"At least {min} USD are paid out at once; this would be {amount} USD.");
                var payout = Payout.Create(id, user, wallet, destination, amount, now);
                if ((await SqlLedger.ApplyAsync(session, [PayoutRules.Hold(payout, world)])).Refusal is { } unpaid)
                {
                    return unpaid.Code is TransferRefusal.InsufficientFunds
                        ? new Refusal<PaymentRefusal>(PaymentRefusal.InsufficientFunds, unpaid.Detail)
                        : throw new InvalidOperationException($"The ledger refuses a hold: {unpaid.Code}: {unpaid.Detail}");
                }

                await session.ExecuteAsync(
                    $"""
                    INSERT INTO payouts ({Columns})
                    VALUES (@Id, @UserId, @WalletId, @Destination, @Amount, @Returned, @State, @StripeId, @Reason, @Looks, @Version, @CreatedAt, @ChangedAt, @DueAt)
                    """,
                    payout);
                return payout;
            },
            cancellationToken);

    public Task<Payout?> FindAsync(Id<Payout> id, CancellationToken cancellationToken) => database.ReadAsync(session => FindAsync(session, id), cancellationToken);

    /// <summary>A user's payouts, newest first.</summary>
    public Task<Page<Payout>> ListAsync(Id<User> user, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Payout>.TryParse(page.Cursor, out var last) ? last : new Id<Payout>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<Payout>(
                Select + "WHERE user_id = @user AND id < @before ORDER BY id DESC LIMIT @limit", new { user, before, limit = page.Limit + 1 });
            return new Page<Payout>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Payouts that Stripe is to be asked about, longest due first.</summary>
    public Task<IReadOnlyList<Id<Payout>>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Payout>>("SELECT id FROM payouts WHERE due_at <= @now ORDER BY due_at LIMIT @limit", new { now, limit }), cancellationToken);

    /// <summary>Takes a payout to ask Stripe about it.</summary>
    public Task<Payout?> TakeAsync(Id<Payout> id, bool ifDue, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Payout?>(
        async session =>
        {
            if (await FindLockedAsync(session, id) is not { } payout || (ifDue && !(payout.DueAt <= now)))
                return null;
            payout = payout with { Version = payout.Version + 1, DueAt = now + s_lease };
            await session.SendAsync(Update, payout);
            return payout;
        },
        cancellationToken);

    /// <summary>Writes what Stripe said of a payout that was taken, and moves the money.</summary>
    /// <param name="taken">The payout.</param>
    /// <param name="decide">What is to become of it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The payout as it is now; null when something else came between, so that Stripe is asked again.</returns>
    public Task<Payout?> ObserveAsync(Payout taken, Func<Payout, PayoutChange> decide, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        ArgumentNullException.ThrowIfNull(decide);
        return database.WriteAsync<Payout?>(
            async session =>
            {
                await SqlPayments.LockAsync(session, taken.UserId);
                if (await FindLockedAsync(session, taken.Id) is not { } payout || payout.Version != taken.Version)
                    return null;
                var change = decide(payout);
                await SqlPayments.ApplyAsync(session, change.Transfers);
                // A transfer may be reversed for long, and then its webhook tells of it.
                var after = change.After with { Version = payout.Version + 1, Looks = 0, DueAt = null };
                await session.SendAsync(Update, after);
                await SqlEvents.AppendAsync(session, PaymentEvents.Of(change with { After = after }, now));
                return after;
            },
            cancellationToken);
    }

    /// <summary>Puts off a payout about which Stripe could not be asked; after a month daily, for as long as it takes: somebody's money is held.</summary>
    public Task PostponeAsync(Payout taken, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE payouts SET due_at = @due, looks = looks + 1 WHERE id = @Id AND version = @Version",
            new { taken.Id, taken.Version, due = PaymentSchedule.Next(taken, now) }),
        cancellationToken);

    private static Task<Payout?> FindAsync(SqlSession session, Id<Payout> id) => session.QueryFirstOrDefaultAsync<Payout>(Select + "WHERE id = @id", new { id });

    private static Task<Payout?> FindLockedAsync(SqlSession session, Id<Payout> id) =>
        session.QueryFirstOrDefaultAsync<Payout>(Select + "WHERE id = @id {for update}", new { id });
}
