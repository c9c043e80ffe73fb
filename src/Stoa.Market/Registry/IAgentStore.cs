using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What a reader of the catalogue looks for.</summary>
/// <param name="Text">Words that must appear in name, description or tags; null for all.</param>
/// <param name="Capability">A capability that it must have; null for any.</param>
/// <param name="Publisher">Handle; null for all.</param>
public sealed record AgentQuery(string? Text, string? Capability, string? Publisher);

/// <summary>Keeps published versions.</summary>
public interface IAgentStore
{
    /// <summary>Adds a version with its event and makes its content public, in one transaction. The same artifact again answers the stored version;
    /// other content under a published version is refused. Then nothing is made public.</summary>
    /// <param name="version">With a new id.</param>
    /// <param name="content">What it consists of: manifest, program and artifact, stored before.</param>
    /// <param name="published">Tells of it.</param>
    /// <param name="cancellationToken">Adds nothing.</param>
    Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(
        AgentVersion version, IReadOnlyList<(ContentHash Digest, long SizeBytes)> content, NewEvent published, CancellationToken cancellationToken);

    /// <summary>What <see cref="AddAsync"/> would answer if the version is there already; null when it is not.</summary>
    Task<Outcome<AgentVersion?, PublishRefusal>> FindSameAsync(AgentVersion version, CancellationToken cancellationToken);

    /// <summary>The named version; without a version the one of highest precedence, releases before pre-releases. None that was withdrawn.</summary>
    Task<AgentVersion?> FindAsync(ListingName listing, CancellationToken cancellationToken);

    /// <summary>The named version, also one that was withdrawn: receipts name it, and whoever checks them needs its program.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<PublishedVersion?> FindPublishedAsync(ListingName listing, CancellationToken cancellationToken);

    /// <summary>Why <see cref="FindAsync"/> does not find it: it was withdrawn. Null for what never was published, and for what is offered.</summary>
    /// <param name="listing">Without a version: of an agent none of whose versions is offered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<WithdrawnListing?> FindWithdrawnAsync(ListingName listing, CancellationToken cancellationToken);

    /// <summary>A version, whether it is offered or not.</summary>
    Task<AgentVersion?> GetAsync(Id<AgentVersion> id, CancellationToken cancellationToken);

    /// <summary>The versions of one agent, newest precedence first.</summary>
    /// <param name="publisher">Handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="withWithdrawn">Also those that were withdrawn.</param>
    /// <param name="page">Which part of them.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<Page<PublishedVersion>> ListVersionsAsync(string publisher, string name, bool withWithdrawn, PageRequest page, CancellationToken cancellationToken);

    /// <summary>The newest version of each agent that matches, ordered by listing name.</summary>
    Task<Page<AgentVersion>> ListAsync(AgentQuery query, PageRequest page, CancellationToken cancellationToken);

    /// <summary>Withdraws a version, or all that an agent has, with an event for each that was offered, in one transaction. Of those that were withdrawn before, the version or those that
    /// were withdrawn with the whole agent get the reason and keep the time. A version that is named stays withdrawn when the whole agent is reinstated.</summary>
    /// <param name="publisher">Whose it must be.</param>
    /// <param name="listing">With or without a version.</param>
    /// <param name="reason">Null for none.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>What is left, or <see cref="WithdrawalRefusal.AgentNotYours"/>.</returns>
    Task<Outcome<AgentOffer, WithdrawalRefusal>> WithdrawAsync(
        Id<User> publisher, ListingName listing, string? reason, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>What <see cref="ReinstateAsync"/> would offer again.</summary>
    Task<IReadOnlyList<AgentVersion>> ListReinstatableAsync(Id<User> publisher, ListingName listing, CancellationToken cancellationToken);

    /// <summary>Offers a version again, or those that were withdrawn with the whole agent, with an event for each, in one transaction.</summary>
    /// <returns>What is offered, or <see cref="WithdrawalRefusal.AgentNotYours"/>.</returns>
    Task<Outcome<AgentOffer, WithdrawalRefusal>> ReinstateAsync(Id<User> publisher, ListingName listing, DateTimeOffset now, CancellationToken cancellationToken);
}
