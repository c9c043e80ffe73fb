using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>What asking for a plan has done.</summary>
/// <param name="Subscription">As it is now.</param>
/// <param name="Kind">What was done.</param>
/// <param name="Paid">What was paid now, out of the wallet.</param>
/// <param name="Credit">What credit was given with it.</param>
public sealed record SubscriptionChange(Subscription Subscription, SubscriptionChangeKind Kind, Money Paid, Money Credit)
{
    /// <summary>It was so already.</summary>
    public static SubscriptionChange None(Subscription subscription) => new(subscription, SubscriptionChangeKind.None, Money.Zero, Money.Zero);
}

/// <summary>What asking for a plan does.</summary>
public enum SubscriptionChangeKind
{
    /// <summary>Nothing: it was so already.</summary>
    None,

    /// <summary>A subscription has begun.</summary>
    Started,

    /// <summary>A dearer plan holds from now on.</summary>
    Upgraded,

    /// <summary>Other terms hold from the next period on.</summary>
    Scheduled,

    /// <summary>What was to change, or to end, with the period stays as it is.</summary>
    Kept,
}
