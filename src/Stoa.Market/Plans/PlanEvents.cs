using Stoa.Market.Events;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>What is told of plans, credit and coupons, to the user whose they are.</summary>
/// <remarks>
/// Data members of subscriptions: <c>subscriptionId</c>, <c>plan</c>, <c>version</c>, <c>price</c> of what was paid now, <c>periodStart</c>, <c>periodEnd</c>; of one past due <c>graceEnds</c>, of an
/// end <c>reason</c>. Of credit: <c>grantId</c>, <c>source</c>, <c>amount</c>, <c>expiresAt</c>. Of coupons: <c>redemptionId</c>, <c>couponId</c>.
/// </remarks>
public static class PlanEvents
{
    /// <summary>Begun.</summary>
    public static NewEvent Started(Subscription subscription, Money paid, DateTimeOffset now) => About(EventTypes.SubscriptionStarted, subscription, paid, now);

    /// <summary>Other terms, now or from the next period on; cancelled, or not cancelled after all.</summary>
    public static NewEvent Changed(Subscription subscription, Money paid, DateTimeOffset now) => About(EventTypes.SubscriptionChanged, subscription, paid, now);

    /// <summary>The next period is paid.</summary>
    public static NewEvent Renewed(Subscription subscription, Money paid, DateTimeOffset now) => About(EventTypes.SubscriptionRenewed, subscription, paid, now);

    /// <summary>The next period could not be paid.</summary>
    public static NewEvent PastDue(Subscription subscription, DateTimeOffset now) => About(EventTypes.SubscriptionPastDue, subscription, Money.Zero, now);

    /// <summary>Over.</summary>
    public static NewEvent Ended(Subscription subscription, DateTimeOffset now) => About(EventTypes.SubscriptionEnded, subscription, Money.Zero, now);

    /// <summary>Credit was given.</summary>
    public static NewEvent Granted(CreditGrant grant, DateTimeOffset now) => About(EventTypes.CreditGranted, grant, grant.Amount, now);

    /// <summary>Credit has expired.</summary>
    public static NewEvent Expired(CreditGrant grant, Money amount, DateTimeOffset now) => About(EventTypes.CreditExpired, grant, amount, now);

    /// <summary>A coupon was redeemed.</summary>
    public static NewEvent Redeemed(Redemption redemption) => NewEvent.Create(
        EventTypes.CouponRedeemed, redemption.Id.ToString(), redemption.UserId, redemption.CreatedAt, json =>
        {
            json.WriteString("redemptionId", redemption.Id.ToString());
            json.WriteString("couponId", redemption.CouponId.ToString());
        });

    /// <summary>The lower-case word for a state, as it is sent.</summary>
    public static string NameOf(SubscriptionState state) => state switch
    {
        SubscriptionState.Active => "active",
        SubscriptionState.PastDue => "pastDue",
        SubscriptionState.Ended => "ended",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    private static NewEvent About(string type, Subscription subscription, Money paid, DateTimeOffset now) => NewEvent.Create(
        type, subscription.Id.ToString(), subscription.UserId, now, json =>
        {
            json.WriteString("subscriptionId", subscription.Id.ToString());
            json.WriteString("plan", subscription.Plan.Name);
            json.WriteNumber("version", subscription.Plan.Version);
            json.WriteString("price", paid.ToString());
            json.WriteString("periodStart", SignedJson.Text(subscription.StartAt));
            json.WriteString("periodEnd", SignedJson.Text(subscription.EndAt));
            if (subscription.Next is { } next)
                json.WriteString("nextPlan", next.Name);
            json.WriteBoolean("isCancelled", subscription.IsCancelled);
            if (subscription.State is SubscriptionState.PastDue overdue)
                json.WriteString("graceEnds", SignedJson.Text(overdue.Until));
            if (subscription.State is SubscriptionState.Ended ended)
                json.WriteString("reason", ended.Why is SubscriptionEnd.Unpaid ? "unpaid" : "cancelled");
        });

    private static NewEvent About(string type, CreditGrant grant, Money amount, DateTimeOffset now) => NewEvent.Create(
        type, grant.Id.ToString(), grant.UserId, now, json =>
        {
            json.WriteString("grantId", grant.Id.ToString());
            json.WriteString("source", grant.Source.ToString().ToLowerInvariant());
            json.WriteString("amount", amount.ToString());
            if (grant.ExpiresAt is { } end)
                json.WriteString("expiresAt", SignedJson.Text(end));
        });
}
