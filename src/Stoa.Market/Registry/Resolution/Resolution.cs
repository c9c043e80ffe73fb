using Stoa.Market.Registry.Discovery;

namespace Stoa.Market.Registry.Resolution;

/// <summary>What may be chosen, and what it needs.</summary>
public interface IResolvableVersions
{
    /// <summary>The versions of a listing that are offered, in any order; none for one that nobody knows. Asked once for each listing.</summary>
    Task<IReadOnlyList<ResolvableVersion>> ListAsync(ListingKey listing, CancellationToken cancellationToken);

    /// <summary>What a version needs: of an agent the agents that it calls and its models, of all else what it requires. Asked once for each version that is tried.</summary>
    /// <param name="listing">The listing.</param>
    /// <param name="version">One that was listed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<VersionDemand>> ListDemandsAsync(ListingKey listing, SemanticVersion version, CancellationToken cancellationToken);
}

/// <summary>A version that is offered.</summary>
/// <param name="Version">Which.</param>
/// <param name="Kind">What it is. Versions of one name may be of several kinds.</param>
public sealed record ResolvableVersion(SemanticVersion Version, ListingKind Kind);

/// <summary>That a version of a listing is needed.</summary>
/// <param name="Listing">Which; null when nobody here knows who is meant.</param>
/// <param name="Range">Which versions will do.</param>
/// <param name="Name">As it is written where it is demanded.</param>
public sealed record VersionDemand(ListingKey? Listing, SemanticRange Range, string Name)
{
    /// <summary>What it has to be; null where anything will do.</summary>
    public ListingKind? Kind { get; init; }

    /// <summary>Whether it is only taken where it fits.</summary>
    public bool IsPreferred { get; init; }

    /// <summary>Whether a version will do.</summary>
    public bool Takes(ResolvableVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return (Kind is null || Kind == version.Kind) && Range.Takes(version.Version);
    }
}

/// <summary>A version that was chosen.</summary>
/// <param name="Listing">Of which listing.</param>
/// <param name="Name">As whoever demanded it first has written it.</param>
/// <param name="Version">The version.</param>
/// <param name="Kind">What it is.</param>
/// <param name="NeededBy">The versions that cannot do without, as they are written; none when it was asked for.</param>
/// <param name="PreferredBy">The versions that could.</param>
public sealed record ResolvedVersion(
    ListingKey Listing, string Name, SemanticVersion Version, ListingKind Kind, IReadOnlyList<string> NeededBy, IReadOnlyList<string> PreferredBy);

/// <summary>Something preferred that does not fit.</summary>
/// <param name="Name">As it is written where it is preferred, with the range: <c>publisher/name@range</c>.</param>
/// <param name="PreferredBy">The version that prefers it, as it is written.</param>
/// <param name="Reason">Why it was left out, in a sentence.</param>
public sealed record LeftOut(string Name, string PreferredBy, string Reason);

/// <summary>Versions that fit together.</summary>
/// <param name="Versions">By the names of listings.</param>
/// <param name="LeftOut">What would have been taken if it did fit, in the order in which it was met.</param>
public sealed record ResolvedVersions(IReadOnlyList<ResolvedVersion> Versions, IReadOnlyList<LeftOut> LeftOut);

/// <summary>Every reason for which there is no resolution.</summary>
public enum ResolutionRefusal
{
    /// <summary>No versions fit together.</summary>
    VersionsConflict,

    /// <summary>It was given up: too much was tried, or too many listings belong to it.</summary>
    ResolutionTooLarge,
}
