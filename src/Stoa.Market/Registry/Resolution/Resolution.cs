using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Registry.Resolution;

/// <summary>What may be chosen, and what it calls.</summary>
public interface IResolvableVersions
{
    /// <summary>The versions of an agent that are offered, in any order; none for one that nobody knows. Asked once for each agent.</summary>
    Task<IReadOnlyList<SemanticVersion>> ListAsync(ListingKey agent, CancellationToken cancellationToken);

    /// <summary>What a version calls: agents, with the versions that will do. Asked once for each version that is tried.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="version">One that was listed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<VersionDemand>> ListUsesAsync(ListingKey agent, SemanticVersion version, CancellationToken cancellationToken);
}

/// <summary>That a version of an agent is needed.</summary>
/// <param name="Agent">Which; null when nobody here knows who is meant.</param>
/// <param name="Range">Which versions will do.</param>
/// <param name="Name">As it is written where it is demanded.</param>
public sealed record VersionDemand(ListingKey? Agent, SemanticRange Range, string Name);

/// <summary>A version that was chosen.</summary>
/// <param name="Agent">Of which agent.</param>
/// <param name="Name">As whoever demanded it first has written it.</param>
/// <param name="Version">The version.</param>
/// <param name="NeededBy">The agents that call it, as they are written; none when it was asked for.</param>
public sealed record ResolvedVersion(ListingKey Agent, string Name, SemanticVersion Version, IReadOnlyList<string> NeededBy);

/// <summary>Versions that fit together.</summary>
/// <param name="Versions">By the names of agents.</param>
public sealed record ResolvedVersions(IReadOnlyList<ResolvedVersion> Versions);

/// <summary>Every reason for which there is no resolution.</summary>
public enum ResolutionRefusal
{
    /// <summary>No versions fit together.</summary>
    VersionsConflict,

    /// <summary>It was given up: too much was tried, or too many agents belong to it.</summary>
    ResolutionTooLarge,
}
