using Stoa.Market.Plans;
using Stoa.Node.Mail;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>What subscribers are told by e-mail.</summary>
internal static class PlanLetters
{
    /// <summary>The next period could not be paid.</summary>
    public static LetterText PastDue(string handle, Subscription subscription, Money price, DateTimeOffset until) => new(
        $"Your plan {subscription.Plan.Name} could not be renewed",
        $"""
        Hello {handle},

        your plan {(subscription.Next ?? subscription.Plan).Name} costs {price} USD for the next month, and your wallet has less than that.
        It is tried again every few hours until {until.UtcDateTime:yyyy-MM-dd HH:mm} UTC. If there is too little still, the plan ends then.

        Pay in: stoa wallet top-up
        Do without: stoa plan cancel
        """);

    /// <summary>The plan is over.</summary>
    public static LetterText Ended(string handle, Subscription subscription) => new(
        $"Your plan {subscription.Plan.Name} has ended",
        $"""
        Hello {handle},

        your plan {subscription.Plan.Name} has ended, {(subscription.State is SubscriptionState.Ended { Why: SubscriptionEnd.Unpaid } ? "since it could not be paid" : "as you have wanted")}.
        What of its credit was not spent has expired. Your wallet and all that is yours stays as it is.

        What is offered: stoa plan list
        """);
}
