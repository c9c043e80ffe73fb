using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What a review adds to the statistics of its agent, in the units of <see cref="Decay"/>. It is kept with the review, so that it can be
/// taken back when the review is changed or withdrawn.</summary>
/// <param name="Successes">Part of a success.</param>
/// <param name="Paid">What that part stands for, in dollars.</param>
/// <param name="Faults">Part of a fault.</param>
public readonly record struct ReviewVoice(double Successes, double Paid, double Faults)
{
    /// <summary>Says nothing.</summary>
    public static ReviewVoice None => default;

    /// <summary>The voice of a review: part success, part fault, and one voice at the most. The fewest stars are a fault, the most a success.</summary>
    /// <remarks>
    /// Unlike a fault, a bad word needs no bad run: it costs what the task cost. So it weighs by the money, compared with what the agent's tasks
    /// usually cost. And it is as old as the receipt that it stands on, not as its last change: who rewrites it makes it no younger.
    /// </remarks>
    /// <param name="stars">1 to 5.</param>
    /// <param name="price">What the reviewer paid for the task.</param>
    /// <param name="otherPublishers">How many other publishers the reviewer has paid.</param>
    /// <param name="receiptAt">When the task ended.</param>
    /// <param name="known">What is known of the agent without this review.</param>
    public static ReviewVoice Of(int stars, Money price, int otherPublishers, DateTimeOffset receiptAt, AgentStats known)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stars, StatementLimits.MinStars);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stars, StatementLimits.MaxStars);
        var paid = price.Nanodollars / 1e9;
        var usual = known.Successes > 0 ? known.Paid / known.Successes : 0;
        var weight = Reputation.WeightOf(0, 1, otherPublishers) * (paid < usual ? paid / usual : 1) * Decay.WeightAt(receiptAt);
        var success = (double)(stars - StatementLimits.MinStars) / (StatementLimits.MaxStars - StatementLimits.MinStars);
        return new ReviewVoice(weight * success, weight * success * paid, weight * (1 - success));
    }
}
