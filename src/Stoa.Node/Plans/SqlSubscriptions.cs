using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>Subscriptions inside a session.</summary>
internal static class SqlSubscriptions
{
    private const string Columns =
        "id, user_id, plan_id, next_plan_id, anchor_at, period, state, is_cancelled, coupon_id, percent_off, periods_off, grace_until, is_reminded, ended_at, end_reason, due_at";

    /// <summary>The one that a user has; null for none.</summary>
    public static Task<Subscription?> FindAsync(SqlSession session, Id<User> user, bool locks = false) =>
        ReadAsync(session, $"SELECT {Columns} FROM subscriptions WHERE user_id = @user AND ended_at IS NULL{(locks ? " {for update}" : "")}", new { user });

    /// <summary>One that is due still, once nobody else looks at it; null when it is not.</summary>
    public static Task<Subscription?> LockDueAsync(SqlSession session, Id<Subscription> id, DateTimeOffset now) =>
        ReadAsync(session, $"SELECT {Columns} FROM subscriptions WHERE id = @id AND due_at <= @now {{for update}}", new { id, now });

    public static Task AddAsync(SqlSession session, Subscription subscription) => session.SendAsync(
        $"""
        INSERT INTO subscriptions ({Columns})
        VALUES (@Id, @UserId, @PlanId, @NextPlanId, @AnchorAt, @Period, @State, @IsCancelled, @CouponId, @PercentOff, @PeriodsOff, @GraceUntil, @IsReminded, @EndedAt, @EndReason, @DueAt)
        """,
        Row.Of(subscription));

    public static Task UpdateAsync(SqlSession session, Subscription subscription) => session.SendAsync(
        """
        UPDATE subscriptions SET plan_id = @PlanId, next_plan_id = @NextPlanId, period = @Period, state = @State, is_cancelled = @IsCancelled, coupon_id = @CouponId, percent_off = @PercentOff,
            periods_off = @PeriodsOff, grace_until = @GraceUntil, is_reminded = @IsReminded, ended_at = @EndedAt, end_reason = @EndReason, due_at = @DueAt
        WHERE id = @Id
        """,
        Row.Of(subscription));

    private static async Task<Subscription?> ReadAsync(SqlSession session, string sql, object parameters) =>
        await session.QueryFirstOrDefaultAsync<Row>(sql, parameters) is { } row
            ? row.ToSubscription(
                await SqlPlans.GetAsync(session, row.PlanId),
                row.NextPlanId is { } next ? await SqlPlans.GetAsync(session, next) : null,
                row.CouponId is { } coupon ? await SqlCoupons.PlanOfAsync(session, coupon) : null)
            : null;

    private sealed record Row(
        Id<Subscription> Id,
        Id<User> UserId,
        Id<Plan> PlanId,
        Id<Plan>? NextPlanId,
        DateTimeOffset AnchorAt,
        int Period,
        string State,
        bool IsCancelled,
        Id<Coupon>? CouponId,
        int? PercentOff,
        int? PeriodsOff,
        DateTimeOffset? GraceUntil,
        bool IsReminded,
        DateTimeOffset? EndedAt,
        string? EndReason,
        DateTimeOffset? DueAt)
    {
        public static Row Of(Subscription subscription)
        {
            var overdue = subscription.State as SubscriptionState.PastDue;
            var ended = subscription.State as SubscriptionState.Ended;
            return new(
                subscription.Id,
                subscription.UserId,
                subscription.Plan.Id,
                subscription.Next?.Id,
                subscription.Anchor,
                subscription.Period,
                PlanEvents.NameOf(subscription.State),
                subscription.IsCancelled,
                subscription.Discount?.CouponId,
                subscription.Discount?.Percent,
                subscription.Discount?.Periods,
                overdue?.Until,
                overdue?.IsReminded ?? false,
                ended?.At,
                ended?.Why.ToString(),
                subscription.DueAt);
        }

        public Subscription ToSubscription(Plan plan, Plan? next, string? discounted) => new(
            Id,
            UserId,
            plan,
            next,
            AnchorAt,
            Period,
            EndedAt is { } at
                ? new SubscriptionState.Ended(at, Enum.Parse<SubscriptionEnd>(EndReason!))
                : GraceUntil is { } until ? new SubscriptionState.PastDue(until, DueAt!.Value, IsReminded) : new SubscriptionState.Active(),
            IsCancelled,
            CouponId is { } coupon ? new Discount(coupon, PercentOff!.Value, PeriodsOff!.Value, discounted) : null);
    }
}
