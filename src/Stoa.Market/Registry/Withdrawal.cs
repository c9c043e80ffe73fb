using System.Globalization;

namespace Stoa.Market.Registry;

/// <summary>That a version is offered no more: no new task gets it, and those that have it run to their ends.</summary>
/// <param name="At">Since when, UTC.</param>
/// <param name="Reason">In the words of its publisher, a <see cref="StatedReason"/>; null when nothing was said.</param>
public sealed record Withdrawal(DateTimeOffset At, string? Reason);

/// <summary>A version, and whether it is offered.</summary>
/// <param name="Version">The version.</param>
/// <param name="Withdrawal">Null while it is.</param>
public sealed record PublishedVersion(AgentVersion Version, Withdrawal? Withdrawal);

/// <summary>Why a listing that was published is not found.</summary>
/// <param name="Listing">As it was asked for.</param>
/// <param name="Withdrawal">Of the version, or of the one that was withdrawn last.</param>
/// <param name="Instead">The newest version of the agent that is offered; null when there is none.</param>
public sealed record WithdrawnListing(ListingName Listing, Withdrawal Withdrawal, ListingName? Instead)
{
    /// <summary>The same in words: when, why, and what to do.</summary>
    public override string ToString()
    {
        var at = Withdrawal.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var reason = Withdrawal.Reason is { } words ? $", saying \"{words}\"" : "";
        return $"{Listing} was withdrawn by its publisher at {at}{reason}. "
            + (Instead is null ? "No version of it is offered any more: look for other agents with GET /api/v1/agents." : $"Take {Instead}, the newest version that is offered.");
    }
}

/// <summary>What of an agent is offered after some of its versions were withdrawn or reinstated.</summary>
/// <param name="Agent">Without a version.</param>
/// <param name="Changed">The versions that are withdrawn, or offered again, by this; lowest precedence first.</param>
/// <param name="Newest">The version that a task gets which names none; null when none is offered.</param>
public sealed record AgentOffer(ListingName Agent, IReadOnlyList<SemanticVersion> Changed, SemanticVersion? Newest);

/// <summary>Every reason for which a withdrawal, or its undoing, is refused.</summary>
public enum WithdrawalRefusal
{
    /// <summary>No such agent or version, or somebody else has published it.</summary>
    AgentNotYours,

    /// <summary>The reason is too long, or not one line of text.</summary>
    ReasonInvalid,

    /// <summary>What the version consists of is not stored any more; the versions are listed.</summary>
    ContentGone,
}
