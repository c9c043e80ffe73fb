namespace Stoa.Market.Plans;

/// <summary>Every reason for which something about plans and coupons is refused.</summary>
public enum PlanRefusal
{
    /// <summary>No plan of this name is offered.</summary>
    PlanUnknown,

    /// <summary>Name, description, price, credit or a limit is not as it must be.</summary>
    PlanInvalid,

    /// <summary>The user has no plan.</summary>
    NotSubscribed,

    /// <summary>The period is not paid: it is paid or ends before anything else changes.</summary>
    SubscriptionPastDue,

    /// <summary>The wallet has not as much as it costs.</summary>
    InsufficientFunds,

    /// <summary>No coupon has this code or id.</summary>
    CouponUnknown,

    /// <summary>What the coupon gives, or its limits, are not as they must be.</summary>
    CouponInvalid,

    /// <summary>It has expired, or was redeemed as often as it may be.</summary>
    CouponOver,

    /// <summary>It is for new users, for another plan, or for those who have one.</summary>
    CouponNotForYou,

    /// <summary>Something is taken off the price already.</summary>
    DiscountRunning,
}
