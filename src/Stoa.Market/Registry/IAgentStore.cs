using Stoa.Market.Events;
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
    /// <summary>Adds a version with its event, in one transaction. The same artifact again answers the stored version;
    /// other content under a published version is refused.</summary>
    Task<Outcome<AgentVersion, PublishRefusal>> AddAsync(AgentVersion version, NewEvent published, CancellationToken cancellationToken);

    /// <summary>The named version; without a version the one of highest precedence, releases before pre-releases. None that was withdrawn.</summary>
    Task<AgentVersion?> FindAsync(ListingName listing, CancellationToken cancellationToken);

    /// <summary>The named version, also one that was withdrawn: receipts name it, and whoever checks them needs its program.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    Task<AgentVersion?> FindPublishedAsync(ListingName listing, CancellationToken cancellationToken);

    Task<AgentVersion?> GetAsync(Id<AgentVersion> id, CancellationToken cancellationToken);

    /// <summary>All versions of one agent, newest precedence first.</summary>
    Task<Page<AgentVersion>> ListVersionsAsync(string publisher, string name, PageRequest page, CancellationToken cancellationToken);

    /// <summary>The newest version of each agent that matches, ordered by listing name.</summary>
    Task<Page<AgentVersion>> ListAsync(AgentQuery query, PageRequest page, CancellationToken cancellationToken);
}
