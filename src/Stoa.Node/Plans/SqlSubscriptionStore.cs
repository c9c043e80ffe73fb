using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Background;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Mail;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Subscriptions in the cell's database, with the money that they move.</summary>
/// <remarks>
/// Each act holds the user's accounts first and his subscription then, and does all that belongs to a step: money, credit, quotas, event and letter. A payment's id follows from
/// subscription and period, and the period is only counted on with it, so each is paid once, whichever node does it and however often it dies.
/// </remarks>
public sealed class SqlSubscriptionStore(Database database, SystemAccounts accounts, LetterBox letters, PlansOptions options, IdSource ids)
{
    private const int DueAtOnce = 50;

    /// <summary>The subscription that a user has; null for none.</summary>
    public Task<Subscription?> FindAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(session => SqlSubscriptions.FindAsync(session, user), cancellationToken);

    /// <summary>Has a user have a plan: subscribes him, or changes what he has. A dearer one holds at once, and costs what falls to the rest of the period; any other holds from the next period on.</summary>
    /// <param name="user">Who.</param>
    /// <param name="plan">By name.</param>
    /// <param name="version">The version that is meant, which has to be the one that is offered; null to stay with the terms that one has, or for what is offered.</param>
    /// <param name="coupon">Takes something off when it is a new subscription; null for none.</param>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="cancellationToken">Stops the transaction.</param>
    public Task<Outcome<SubscriptionChange, PlanRefusal>> PutAsync(
        Id<User> user, string plan, int? version, ContentHash? coupon, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<Outcome<SubscriptionChange, PlanRefusal>>(
        async session =>
        {
            var wallet = await SqlCredit.LockAsync(session, user);
            var subscription = await SqlSubscriptions.FindAsync(session, user, locks: true);
            if (subscription?.Plan.Name == plan && (version is null || version == subscription.Plan.Version))
                return await StayAsync(session, subscription, now);
            if (await SqlPlans.FindOfferedAsync(session, plan) is not { } offered || (version is { } meant && meant != offered.Version))
            {
                return new Refusal<PlanRefusal>(
                    PlanRefusal.PlanUnknown, $"No plan '{plan}'{(version is null ? "" : $" of version {version}")} is offered here. List what is with GET /api/v1/plans.");
            }

            var put = subscription is null
                ? await SubscribeAsync(session, user, wallet, offered, coupon, now)
                : await ChangeAsync(session, subscription, wallet, offered, coupon, now);
            if (put.Refusal is not null)
                session.Abandon();
            return put;
        },
        cancellationToken);

    /// <summary>Has a subscription end with its period, or go on after all. One that is past due ends at once.</summary>
    public Task<Outcome<Subscription, PlanRefusal>> CancelAsync(Id<User> user, bool cancels, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Subscription, PlanRefusal>>(
            async session =>
            {
                await SqlCredit.LockAsync(session, user);
                if (await SqlSubscriptions.FindAsync(session, user, locks: true) is not { } subscription)
                    return new Refusal<PlanRefusal>(PlanRefusal.NotSubscribed, "You have no plan. List what is offered with GET /api/v1/plans.");
                if (cancels && subscription.State is SubscriptionState.PastDue)
                    return await EndAsync(session, subscription.End(now, SubscriptionEnd.Cancelled) with { IsCancelled = true }, now);
                if (subscription.IsCancelled == cancels)
                    return subscription;
                var changed = subscription with { IsCancelled = cancels, Next = cancels ? null : subscription.Next };
                await SqlSubscriptions.UpdateAsync(session, changed);
                await SqlEvents.AppendAsync(session, [PlanEvents.Changed(changed, Money.Zero, now)]);
                return changed;
            },
            cancellationToken);

    /// <summary>Renews or ends what is due, each by itself.</summary>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="tell">Told of one at which that failed, and why. It is due still.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>At how many it did not fail.</returns>
    public Task<int> RunDueAsync(DateTimeOffset now, Action<Id<Subscription>, Exception> tell, CancellationToken cancellationToken) =>
        EachByItself.DoAllAsync<(Id<Subscription> Id, Id<User> User, DateTimeOffset DueAt)>(
            after => database.ReadAsync(
                session => session.QueryAsync<(Id<Subscription> Id, Id<User> User, DateTimeOffset DueAt)>(
                    "SELECT id, user_id, due_at FROM subscriptions WHERE due_at <= @now AND (due_at > @at OR (due_at = @at AND id > @id)) ORDER BY due_at, id LIMIT @limit",
                    new { now, at = after.DueAt, id = after.Id, limit = DueAtOnce }),
                cancellationToken),
            due => database.WriteAsync(session => RunAsync(session, due.Id, due.User, now), cancellationToken),
            (due, failure) => tell(due.Id, failure),
            cancellationToken);

    private async Task<bool> RunAsync(SqlSession session, Id<Subscription> id, Id<User> user, DateTimeOffset now)
    {
        var wallet = await SqlCredit.LockAsync(session, user);
        if (await SqlSubscriptions.LockDueAsync(session, id, now) is not { } subscription)
            return false;
        if (subscription.IsCancelled)
        {
            await EndAsync(session, subscription.End(now, SubscriptionEnd.Cancelled), now);
            return true;
        }

        var price = subscription.NextPrice;
        if (await PayAsync(session, subscription, FormattableString.Invariant($"period {subscription.PeriodToPay(now)}"), wallet, price, now))
        {
            var renewed = subscription.Renew(now);
            await SqlSubscriptions.UpdateAsync(session, renewed);
            var credited = await GiveAsync(session, renewed, renewed.Plan.Terms.Credit, now);
            await SqlUserUsage.SetPlanAsync(session, user, renewed.Plan.Terms.OpenTasks, renewed.Plan.Terms.ContentBytes);
            await SqlEvents.AppendAsync(session, [PlanEvents.Renewed(renewed, price, now), .. credited]);
            return true;
        }

        var overdue = subscription.Overdue(now, options.GraceDays);
        if (overdue.State is not SubscriptionState.PastDue late)
        {
            await EndAsync(session, overdue, now);
            return true;
        }

        await SqlSubscriptions.UpdateAsync(session, overdue);
        var before = subscription.State as SubscriptionState.PastDue;
        if (before is null)
            await SqlEvents.AppendAsync(session, [PlanEvents.PastDue(overdue, now)]);
        if (before is null || late.IsReminded != before.IsReminded)
            await letters.AddAsync(session, user, handle => PlanLetters.PastDue(handle, overdue, price, late.Until), now);
        return true;
    }

    private async Task<Outcome<SubscriptionChange, PlanRefusal>> SubscribeAsync(
        SqlSession session, Id<User> user, Id<Account> wallet, Plan plan, ContentHash? coupon, DateTimeOffset now)
    {
        Redemption? redemption = null;
        if (coupon is { } code)
        {
            if (!(await SqlCoupons.RedeemAsync(session, ids.Next<Redemption>(), user, code, now)).TryGet(out var redeemed, out var refusal))
                return refusal;
            redemption = redeemed.Redemption;
            if (redemption.Gift is not CouponGift.Off off)
                return new Refusal<PlanRefusal>(PlanRefusal.CouponNotForYou, "The coupon gives credit, and takes nothing off a plan: redeem it by POST /api/v1/coupons/redemptions.");
            if (off.Plan is { } only && only != plan.Name)
                return new Refusal<PlanRefusal>(PlanRefusal.CouponNotForYou, $"The coupon is for the plan {only}.");
        }

        var made = new Subscription(
            ids.Next<Subscription>(), user, plan, Next: null, now, Period: 0, new SubscriptionState.Active(), IsCancelled: false,
            redemption?.Gift is CouponGift.Off taken ? new Discount(redemption.CouponId, taken.Percent, taken.Periods, taken.Plan) : null);
        var price = made.PriceOf(plan);
        if (!await PayAsync(session, made, "period 0", wallet, price, now))
            return TooLittle(price);
        made = made with { Discount = made.Discount?.Used() };
        await SqlSubscriptions.AddAsync(session, made);
        var credited = await GiveAsync(session, made, plan.Terms.Credit, now);
        await SqlUserUsage.SetPlanAsync(session, user, plan.Terms.OpenTasks, plan.Terms.ContentBytes);
        await SqlEvents.AppendAsync(session, [PlanEvents.Started(made, price, now), .. redemption is null ? [] : new[] { PlanEvents.Redeemed(redemption) }, .. credited]);
        return new SubscriptionChange(made, SubscriptionChangeKind.Started, price, plan.Terms.Credit);
    }

    private async Task<Outcome<SubscriptionChange, PlanRefusal>> ChangeAsync(
        SqlSession session, Subscription subscription, Id<Account> wallet, Plan plan, ContentHash? coupon, DateTimeOffset now)
    {
        if (coupon is { } code && !await SqlCoupons.HasRedeemedAsync(session, subscription.UserId, code))
            return new Refusal<PlanRefusal>(PlanRefusal.CouponNotForYou, "A coupon goes with a new subscription. You have a plan: redeem it by POST /api/v1/coupons/redemptions, for the next period.");
        if (subscription.State is SubscriptionState.PastDue overdue)
        {
            return new Refusal<PlanRefusal>(
                PlanRefusal.SubscriptionPastDue, $"Your plan could not be renewed: {subscription.NextPrice} USD are needed in the wallet until {overdue.Until:yyyy-MM-dd HH:mm} UTC. Pay in, or cancel it.");
        }

        var isDearer = plan.Terms.Price > subscription.Plan.Terms.Price;
        var (changed, price, credit) = isDearer
            ? subscription.Upgrade(plan, now)
            : (subscription with { Next = plan, IsCancelled = false }, Money.Zero, Money.Zero);
        if (changed == subscription)
            return SubscriptionChange.None(subscription);
        if (!await PayAsync(session, subscription, FormattableString.Invariant($"period {subscription.Period} upgraded to {plan.Id}"), wallet, price, now))
            return TooLittle(price);
        await SqlSubscriptions.UpdateAsync(session, changed);
        var credited = await GiveAsync(session, changed, credit, now);
        await SqlUserUsage.SetPlanAsync(session, subscription.UserId, changed.Plan.Terms.OpenTasks, changed.Plan.Terms.ContentBytes);
        await SqlEvents.AppendAsync(session, [PlanEvents.Changed(changed, price, now), .. credited]);
        return new SubscriptionChange(changed, isDearer ? SubscriptionChangeKind.Upgraded : SubscriptionChangeKind.Scheduled, price, credit);
    }

    private static async Task<SubscriptionChange> StayAsync(SqlSession session, Subscription subscription, DateTimeOffset now)
    {
        var stays = subscription with { Next = null, IsCancelled = false };
        if (stays == subscription)
            return SubscriptionChange.None(subscription);
        await SqlSubscriptions.UpdateAsync(session, stays);
        await SqlEvents.AppendAsync(session, [PlanEvents.Changed(stays, Money.Zero, now)]);
        return new SubscriptionChange(stays, SubscriptionChangeKind.Kept, Money.Zero, Money.Zero);
    }

    private async Task<Subscription> EndAsync(SqlSession session, Subscription ended, DateTimeOffset now)
    {
        await SqlSubscriptions.UpdateAsync(session, ended);
        await SqlUserUsage.SetPlanAsync(session, ended.UserId, openTasks: null, contentBytes: null);
        await SqlEvents.AppendAsync(session, [PlanEvents.Ended(ended, now)]);
        await letters.AddAsync(session, ended.UserId, handle => PlanLetters.Ended(handle, ended), now);
        return ended;
    }

    /// <summary>Pays; false when the wallet has too little, and then nothing is written.</summary>
    private async Task<bool> PayAsync(SqlSession session, Subscription subscription, string what, Id<Account> wallet, Money price, DateTimeOffset now)
    {
        if (price == Money.Zero)
            return true;
        if ((await SqlLedger.ApplyAsync(session, [PlanTransfers.Fee(subscription.Id, what, wallet, accounts.Platform, price, now)])).Refusal is not { } refused)
            return true;
        return refused.Code is TransferRefusal.InsufficientFunds
            ? false
            : throw new InvalidOperationException($"The ledger refused to have {subscription.Id} paid: {refused.Code}: {refused.Detail}");
    }

    private async Task<IReadOnlyList<NewEvent>> GiveAsync(SqlSession session, Subscription subscription, Money credit, DateTimeOffset now)
    {
        if (credit == Money.Zero)
            return [];
        var grant = new CreditGrant(
            ids.Next<CreditGrant>(), subscription.UserId, CreditSource.Plan, subscription.Id.ToString(), credit, credit, subscription.EndAt, now);
        return await SqlCredit.GiveAsync(session, grant, accounts.Sponsor, now);
    }

    private static Refusal<PlanRefusal> TooLittle(Money price) =>
        new(PlanRefusal.InsufficientFunds, $"It costs {price} USD now, more than your wallet has available. Pay in first; credit does not pay for plans.");
}
