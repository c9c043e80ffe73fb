using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>A payment that somebody has taken to ask Stripe about.</summary>
public sealed record TakenPayment(Payment Payment, IReadOnlyList<Refund> Refunds);

/// <summary>Payments and their refunds in the cell's database: each act with its transfers and events in one transaction.</summary>
/// <remarks>
/// Who asks Stripe takes the payment first, which counts its version up, and writes what it saw only if the version is still the same. So what is written was
/// always seen after what was written before, whoever asked and however long the answer was under way.
/// </remarks>
/// <param name="database">The cell's.</param>
/// <param name="world">The account of the world outside.</param>
public sealed class SqlPaymentStore(Database database, Id<Account> world)
{
    private const int MostTold = 20;

    // Longer than a look takes with all its attempts.
    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_eventsKept = TimeSpan.FromDays(40);

    /// <summary>Writes a new payment; one with the same id is there already when a request is repeated, and is answered.</summary>
    public Task<Outcome<Payment, PaymentRefusal>> CreateAsync(Payment payment, int maxOpen, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Payment, PaymentRefusal>>(
            async session =>
            {
                await SqlPayments.LockAsync(session, payment.UserId);
                if (await SqlPayments.FindAsync(session, payment.Id) is { } there)
                    return there;
                if (await session.QuerySingleAsync<long>("SELECT count(*) FROM payments WHERE user_id = @UserId AND state = 'Created'", new { payment.UserId }) >= maxOpen)
                    return new Refusal<PaymentRefusal>(PaymentRefusal.PaymentsTooMany, $"You have begun {maxOpen} payments and not paid them. Pay one, or wait a day until they expire.");
                await session.ExecuteAsync(
                    $"""
                    INSERT INTO payments ({SqlPayments.Columns})
                    VALUES (@Id, @UserId, @WalletId, @Amount, @State, @Session, @Url, @Intent, @Refunded, @Disputed, @Recovered, @Moves, @Looks, @Version, @CreatedAt, @ChangedAt, @DueAt)
                    """,
                    payment);
                return payment;
            },
            cancellationToken);

    /// <summary>Notes the checkout of a payment.</summary>
    /// <returns>The payment; null when it was given up meanwhile: then nobody may be told the address.</returns>
    public Task<Payment?> SetCheckoutAsync(Id<Payment> id, string checkout, string url, CancellationToken cancellationToken) => database.WriteAsync<Payment?>(
        async session =>
        {
            if (await SqlPayments.FindLockedAsync(session, id) is not { } payment || payment.State is PaymentState.Expired)
                return null;
            var after = payment with { Session = payment.Session ?? checkout, Url = payment.Url ?? url, Version = payment.Version + 1 };
            await SqlPayments.WriteAsync(session, after);
            return after;
        },
        cancellationToken);

    public Task<Payment?> FindAsync(Id<Payment> id, CancellationToken cancellationToken) => database.ReadAsync(session => SqlPayments.FindAsync(session, id), cancellationToken);

    /// <summary>The refunds of a payment that were asked for here, in order.</summary>
    public Task<IReadOnlyList<Refund>> ListRefundsAsync(Id<Payment> payment, CancellationToken cancellationToken) =>
        database.ReadAsync(session => SqlPayments.ListRefundsAsync(session, payment), cancellationToken);

    /// <summary>A user's payments, newest first.</summary>
    public Task<Page<Payment>> ListAsync(Id<User> user, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Payment>.TryParse(page.Cursor, out var last) ? last : new Id<Payment>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<Payment>(
                SqlPayments.Select + "WHERE user_id = @user AND id < @before ORDER BY id DESC LIMIT @limit", new { user, before, limit = page.Limit + 1 });
            return new Page<Payment>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Holds the amount of a refund; one with the same id is there already when a request is repeated, and is answered.</summary>
    public Task<Outcome<Refund, PaymentRefusal>> RequestRefundAsync(Refund refund, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Refund, PaymentRefusal>>(
        async session =>
        {
            var user = (await SqlPayments.FindAsync(session, refund.PaymentId))!.UserId;
            await SqlPayments.LockAsync(session, user);
            var payment = (await SqlPayments.FindLockedAsync(session, refund.PaymentId))!;
            var refunds = await SqlPayments.ListRefundsAsync(session, refund.PaymentId);
            if (refunds.FirstOrDefault(known => known.Id == refund.Id) is { } there)
                return there;
            if (PaymentRules.CheckRefund(payment, refunds, refund.Amount) is { } refusal)
                return refusal;
            if ((await SqlLedger.ApplyAsync(session, [PaymentRules.Hold(payment, refund, world)])).Refusal is { } unpaid)
            {
                return unpaid.Code is TransferRefusal.InsufficientFunds
                    ? new Refusal<PaymentRefusal>(PaymentRefusal.InsufficientFunds, $"Only what was not spent is refunded. {unpaid.Detail}")
                    : throw new InvalidOperationException($"The ledger refuses a hold: {unpaid.Code}: {unpaid.Detail}");
            }

            await session.SendAsync(
                """
                INSERT INTO payment_refunds (id, payment_id, amount, state, stripe_id, reason, created_at, changed_at)
                VALUES (@Id, @PaymentId, @Amount, @State, @StripeId, @Reason, @CreatedAt, @ChangedAt)
                """,
                refund);
            await SqlPayments.WriteAsync(session, payment with { Version = payment.Version + 1, Looks = 0, DueAt = refund.CreatedAt });
            return refund;
        },
        cancellationToken);

    /// <summary>Payments that Stripe is to be asked about, longest due first.</summary>
    public Task<IReadOnlyList<Id<Payment>>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<Payment>>("SELECT id FROM payments WHERE due_at <= @now ORDER BY due_at LIMIT @limit", new { now, limit }), cancellationToken);

    /// <summary>Takes a payment to ask Stripe about it.</summary>
    /// <param name="id">The payment.</param>
    /// <param name="ifDue">Only when it is due, so that one of many nodes takes it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<TakenPayment?> TakeAsync(Id<Payment> id, bool ifDue, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<TakenPayment?>(
        async session =>
        {
            if (await SqlPayments.FindLockedAsync(session, id) is not { } payment || (ifDue && !(payment.DueAt <= now)))
                return null;
            payment = payment with { Version = payment.Version + 1, DueAt = now + s_lease };
            await SqlPayments.WriteAsync(session, payment);
            return new TakenPayment(payment, await SqlPayments.ListRefundsAsync(session, id));
        },
        cancellationToken);

    /// <summary>Writes what Stripe said of a payment that was taken, and moves the money.</summary>
    /// <returns>The payment as it is now; null when something else came between, so that Stripe is asked again.</returns>
    public Task<Payment?> ObserveAsync(TakenPayment taken, StripeView view, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        ArgumentNullException.ThrowIfNull(view);
        return database.WriteAsync<Payment?>(
            async session =>
            {
                await SqlPayments.LockAsync(session, taken.Payment.UserId);
                if (await SqlPayments.FindLockedAsync(session, taken.Payment.Id) is not { } payment || payment.Version != taken.Payment.Version)
                    return null;
                var refunds = await SqlPayments.ListRefundsAsync(session, payment.Id);
                var available = await SqlPayments.AvailableAsync(session, payment.WalletId);
                var change = PaymentRules.Observe(payment, refunds, view, available, world, now);
                if (change.Transfers.Count > 0 && (await SqlLedger.ApplyAsync(session, change.Transfers)).Refusal is { } refusal)
                {
                    if (refusal.Code is not (TransferRefusal.BalanceOverflow or TransferRefusal.CreditAccountUnknown) || payment.IsCredited)
                        throw new InvalidOperationException($"The ledger refuses transfers of {payment.Id}: {refusal.Code}: {refusal.Detail}");
                    // A wallet that is full, or not there any more: the money waits at Stripe, and is credited at a later look.
                    change = new PaymentChange(payment, PaymentRules.Turn(payment with { Intent = change.After.Intent }, PaymentState.Paid, now), [], []);
                }

                await session.SendEachAsync(
                    "UPDATE payment_refunds SET state = @State, stripe_id = @StripeId, reason = @Reason, changed_at = @ChangedAt WHERE id = @Id", change.Refunds);
                var waits = refunds.Any(refund => (change.Refunds.FirstOrDefault(changed => changed.Id == refund.Id) ?? refund).State is RefundState.Requested);
                var after = change.After with { Version = payment.Version + 1, Looks = change.After.Looks + 1 };
                after = after with { DueAt = PaymentSchedule.Next(after, waits, now) };
                await SqlPayments.WriteAsync(session, after);
                if (change.After.IsCredited && !payment.IsCredited)
                    await CollectAsync(session, payment, now);
                var events = PaymentEvents.Of(change with { After = after }, now);
                if (after.State is PaymentState.Paid && payment.State is not PaymentState.Paid)
                    events = [.. events, .. (await OperatorsAsync(session)).Select(one => PaymentEvents.Uncredited(after, one, now))];
                await SqlEvents.AppendAsync(session, events);
                return after;
            },
            cancellationToken);
    }

    /// <summary>Payments of everybody that are paid at Stripe and in no wallet, newest first.</summary>
    public Task<Page<Payment>> ListUncreditedAsync(PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Payment>.TryParse(page.Cursor, out var last) ? last : new Id<Payment>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<Payment>(
                SqlPayments.Select + "WHERE state = 'Paid' AND id < @before ORDER BY id DESC LIMIT @limit", new { before, limit = page.Limit + 1 });
            return new Page<Payment>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Who is told of what the operator has to see to.</summary>
    private static Task<IReadOnlyList<Id<User>>> OperatorsAsync(SqlSession session) =>
        session.QueryAsync<Id<User>>("SELECT id FROM users WHERE role = @role ORDER BY id LIMIT @limit", new { role = UserRole.Admin, limit = MostTold });

    /// <summary>Gives up a payment that never got a checkout.</summary>
    public Task AbandonAsync(TakenPayment taken, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            if (await SqlPayments.FindLockedAsync(session, taken.Payment.Id) is not { } payment || payment.Version != taken.Payment.Version)
                return;
            var after = PaymentRules.Turn(payment, PaymentState.Expired, now) with { Version = payment.Version + 1, DueAt = null };
            await SqlPayments.WriteAsync(session, after);
            await SqlEvents.AppendAsync(session, PaymentEvents.Of(new PaymentChange(payment, after, [], []), now));
        },
        cancellationToken);

    /// <summary>Puts off a payment about which Stripe could not be asked.</summary>
    public Task PostponeAsync(TakenPayment taken, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE payments SET due_at = @due, looks = looks + 1 WHERE id = @Id AND version = @Version",
            new { taken.Payment.Id, taken.Payment.Version, due = now + PaymentSchedule.Backoff(taken.Payment.Looks) }),
        cancellationToken);

    /// <summary>Notes an event of Stripe: what it is about becomes due. The same event again changes nothing.</summary>
    /// <returns>Whether it was new.</returns>
    public Task<bool> NoteAsync(StripeEvent told, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(told);
        return database.WriteAsync(
            async session =>
            {
                if (await session.ExecuteAsync(
                    "INSERT INTO stripe_events (id, type, received_at) VALUES (@Id, @Type, @now) ON CONFLICT (id) DO NOTHING", new { told.Id, told.Type, now }) == 0)
                {
                    return false;
                }

                if (told.Payment is { } payment)
                {
                    await session.SendAsync(
                        "UPDATE payments SET due_at = @now, version = version + 1, session = COALESCE(session, @Session) WHERE id = @payment",
                        new { now, payment, told.Session });
                }
                else if (told.Intent is not null)
                {
                    // Of an intent that is not known yet nothing need be kept: its payment waits, and is looked at whole.
                    await session.SendAsync("UPDATE payments SET due_at = @now, version = version + 1 WHERE intent = @Intent", new { now, told.Intent });
                }
                else if (told.Account is not null)
                {
                    await session.SendAsync("UPDATE stripe_parties SET due_at = @now, version = version + 1 WHERE account = @Account", new { now, told.Account });
                }
                else if (told.Payout is { } payout)
                {
                    await session.SendAsync("UPDATE payouts SET due_at = @now, version = version + 1 WHERE id = @payout", new { now, payout });
                }

                return true;
            },
            cancellationToken);
    }

    /// <summary>Users who owe something and have something.</summary>
    public Task<IReadOnlyList<Id<User>>> ListDebtorsAsync(int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<User>>(
            """
            SELECT DISTINCT p.user_id FROM payments p JOIN accounts a ON a.id = p.wallet_id
            WHERE p.refunded + p.disputed > p.recovered AND a.posted > a.pending_debits LIMIT @limit
            """,
            new { limit }),
        cancellationToken);

    /// <summary>Pays what a user owes, as far as the wallet reaches.</summary>
    public Task CollectAsync(Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlPayments.LockAsync(session, user);
            if (await session.QueryFirstOrDefaultAsync<Payment>(SqlPayments.Select + "WHERE user_id = @user AND refunded + disputed > recovered ORDER BY id LIMIT 1", new { user }) is { } owed)
                await CollectAsync(session, owed, now);
        },
        cancellationToken);

    /// <summary>Forgets events that Stripe does not send again any more.</summary>
    public Task ForgetEventsAsync(DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM stripe_events WHERE received_at < @before", new { before = now - s_eventsKept }), cancellationToken);

    private async Task CollectAsync(SqlSession session, Payment payment, DateTimeOffset now) => await SqlPayments.ApplyAsync(
        session,
        await SqlPayments.CollectAsync(session, payment.UserId, await SqlPayments.AvailableAsync(session, payment.WalletId), world, now));
}
