using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>An agent of the network that another operator's node would run now.</summary>
/// <param name="Agent">As its publisher has listed it, by the publisher's key.</param>
/// <param name="Node">Peer id of the best node that would.</param>
/// <param name="Amount">The most that it costs there.</param>
/// <param name="Hold">The most that it costs at any of those that it may come to, one after the other.</param>
/// <param name="Seconds">How long that node takes to answer, a moving mean.</param>
/// <param name="Successes">What it has done well for this cell.</param>
/// <param name="Failures">What it has not done.</param>
/// <param name="Lies">As many failures as what it has lied about weighs.</param>
public sealed record NetworkCandidate(IndexedAgent Agent, string Node, Money Amount, Money Hold, double Seconds, double Successes, double Failures, double Lies)
{
    /// <summary>Where it says that it stands; null when it does not.</summary>
    public string? Region { get; init; }
}
