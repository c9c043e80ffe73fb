using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What the end of an attempt says about its agent.</summary>
public enum Verdict
{
    /// <summary>It did what was asked.</summary>
    Good,

    /// <summary>It failed for its own fault: it trapped, ran into a limit of its own, or wrote what its manifest does not promise.</summary>
    Fault,

    /// <summary>It did not take the input: it is not counted as a fault, and neither as a success.</summary>
    Declined,

    /// <summary>It could not be had: it said "try again later", or its program could not be started.</summary>
    Unavailable,
}

/// <summary>The end of one attempt, as statistics see it.</summary>
/// <param name="Agent">The agent in all of its versions: <c>publisher/name</c>.</param>
/// <param name="PublisherId">Who published it.</param>
/// <param name="PayerId">Whose task it was.</param>
/// <param name="Verdict">What it says.</param>
/// <param name="Reason">The name of the failure; empty for a success.</param>
/// <param name="Price">What was charged; zero for a failure.</param>
/// <param name="Fuel">Units burnt.</param>
/// <param name="MemoryBytes">At its largest.</param>
/// <param name="DurationMs">Wall time in the sandbox.</param>
/// <param name="At">UTC.</param>
public sealed record EndedAttempt(
    string Agent,
    Id<User> PublisherId,
    Id<User> PayerId,
    Verdict Verdict,
    string Reason,
    Money Price,
    long Fuel,
    long MemoryBytes,
    long DurationMs,
    DateTimeOffset At)
{
    /// <summary>The payer is the publisher: such a receipt says nothing to others.</summary>
    public bool IsSelfDealing => PayerId == PublisherId;
}
