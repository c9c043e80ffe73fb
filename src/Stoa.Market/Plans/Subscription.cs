using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>That a user has a plan. He has one at a time; when it has ended, the next one is another subscription.</summary>
/// <param name="Id">Of the subscription.</param>
/// <param name="UserId">Who pays, and has what the plan gives.</param>
/// <param name="Plan">The version whose terms hold.</param>
/// <param name="Next">The version whose terms hold from the next period on; null for the same.</param>
/// <param name="Anchor">When it was subscribed: periods are calendar months from here.</param>
/// <param name="Period">The last one that was paid, from 0.</param>
/// <param name="State">Where it is.</param>
/// <param name="IsCancelled">It ends with the period.</param>
/// <param name="Discount">What is taken off its price; null for nothing.</param>
public sealed record Subscription(
    Id<Subscription> Id,
    Id<User> UserId,
    Plan Plan,
    Plan? Next,
    DateTimeOffset Anchor,
    int Period,
    SubscriptionState State,
    bool IsCancelled,
    Discount? Discount) : IIdentified
{
    public static string IdPrefix => "sub";

    /// <summary>When the period that was paid began.</summary>
    public DateTimeOffset StartAt => PlanRules.StartOf(Anchor, Period);

    /// <summary>When it ends: the next one is paid then.</summary>
    public DateTimeOffset EndAt => PlanRules.StartOf(Anchor, Period + 1);

    /// <summary>When something is to be done about it; null when nothing is any more.</summary>
    public DateTimeOffset? DueAt => State switch
    {
        SubscriptionState.Active => EndAt,
        SubscriptionState.PastDue overdue => overdue.AgainAt,
        _ => null,
    };

    /// <summary>What a period costs by a plan's terms, with what is taken off that plan.</summary>
    public Money PriceOf(Plan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Discount is { } off && (off.Plan is null || off.Plan == plan.Name) ? PlanRules.Reduce(plan.Terms.Price, off.Percent) : plan.Terms.Price;
    }

    /// <summary>What the next period costs.</summary>
    public Money NextPrice => PriceOf(Next ?? Plan);

    /// <summary>The terms of a version from now on, for the rest of the period, and what that costs and gives.</summary>
    public (Subscription Changed, Money Price, Money Credit) Upgrade(Plan to, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(to);
        // A discount is of whole periods: the rest of one costs what the prices say.
        var (dearer, more) = (to.Terms.Price - Plan.Terms.Price, to.Terms.Credit - Plan.Terms.Credit);
        // Of the price the fraction of a nanodollar is the operator's, of the credit it is the subscriber's.
        return (
            this with { Plan = to, Next = null, IsCancelled = false },
            dearer > Money.Zero ? PlanRules.Rest(dearer, StartAt, EndAt, now) : Money.Zero,
            more > Money.Zero ? PlanRules.Rest(more, StartAt, EndAt, now) : Money.Zero);
    }

    /// <summary>The period that is paid at a time, once its price is paid. What was missed while nobody looked is not paid.</summary>
    public Subscription Renew(DateTimeOffset now) => this with
    {
        Plan = Next ?? Plan,
        Next = null,
        Period = PeriodToPay(now),
        State = new SubscriptionState.Active(),
        Discount = Discount?.Used(),
    };

    /// <summary>The period that is to be paid next.</summary>
    public int PeriodToPay(DateTimeOffset now) => PlanRules.PeriodAt(Anchor, now, Period + 1);

    /// <summary>The same when its price cannot be paid: it is tried again, until the days of grace are over.</summary>
    public Subscription Overdue(DateTimeOffset now, int graceDays)
    {
        var before = State as SubscriptionState.PastDue;
        var until = before?.Until ?? now.AddDays(graceDays);
        if (now >= until)
            return End(now, SubscriptionEnd.Unpaid);
        var again = now + SubscriptionState.PastDue.Pause;
        return this with { State = new SubscriptionState.PastDue(until, again < until ? again : until, before?.IsReminded is true || until - now <= SubscriptionState.PastDue.Reminder) };
    }

    /// <summary>It is over.</summary>
    public Subscription End(DateTimeOffset now, SubscriptionEnd why) => this with { State = new SubscriptionState.Ended(now, why), Next = null };
}

/// <summary>Where a subscription is.</summary>
public abstract record SubscriptionState
{
    private SubscriptionState()
    {
    }

    /// <summary>Its period is paid.</summary>
    public sealed record Active : SubscriptionState;

    /// <summary>The wallet has not as much as the next period costs.</summary>
    /// <param name="Until">When it ends if that stays so, UTC.</param>
    /// <param name="AgainAt">When it is tried again, UTC.</param>
    /// <param name="IsReminded">Whether the last day of grace was told.</param>
    public sealed record PastDue(DateTimeOffset Until, DateTimeOffset AgainAt, bool IsReminded) : SubscriptionState
    {
        /// <summary>Between two attempts.</summary>
        public static readonly TimeSpan Pause = TimeSpan.FromHours(6);

        /// <summary>So long before its end the subscriber is told once more.</summary>
        public static readonly TimeSpan Reminder = TimeSpan.FromDays(1);
    }

    /// <summary>Over.</summary>
    /// <param name="At">UTC.</param>
    /// <param name="Why">Why.</param>
    public sealed record Ended(DateTimeOffset At, SubscriptionEnd Why) : SubscriptionState;
}

/// <summary>Why a subscription has ended.</summary>
public enum SubscriptionEnd
{
    /// <summary>The subscriber has cancelled it.</summary>
    Cancelled,

    /// <summary>It was not paid in the days of grace.</summary>
    Unpaid,
}

/// <summary>What a coupon takes off the price of a subscription.</summary>
/// <param name="CouponId">The coupon.</param>
/// <param name="Percent">1 to 100.</param>
/// <param name="Periods">For how many periods, with the one that is next to be paid. Those of another plan count, too.</param>
/// <param name="Plan">The name of the one plan that it is off; null for any.</param>
public sealed record Discount(Id<Coupon> CouponId, int Percent, int Periods, string? Plan)
{
    /// <summary>The same after a period was paid; null when there is nothing left of it.</summary>
    public Discount? Used() => Periods > 1 ? this with { Periods = Periods - 1 } : null;
}
