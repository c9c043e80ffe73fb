using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>A published version of an agent. It never changes.</summary>
/// <param name="Id">Of this version.</param>
/// <param name="PublisherId">The user who published it and earns from it.</param>
/// <param name="Publisher">That user's handle.</param>
/// <param name="Manifest">What it says of itself.</param>
/// <param name="ArtifactDigest">Of the OCI image manifest: the identity of the artifact.</param>
/// <param name="ProgramDigest">Of the WebAssembly program.</param>
/// <param name="ProgramBytes">Size of the program.</param>
/// <param name="PublishedAt">UTC.</param>
public sealed record AgentVersion(
    Id<AgentVersion> Id,
    Id<User> PublisherId,
    string Publisher,
    AgentManifest Manifest,
    ContentHash ArtifactDigest,
    ContentHash ProgramDigest,
    long ProgramBytes,
    DateTimeOffset PublishedAt) : IIdentified
{
    public static string IdPrefix => "agent";

    /// <summary>Who is meant by the royalties of the manifest, in their order.</summary>
    public IReadOnlyList<Royalty> Royalties { get; init; } = [];

    /// <summary>What is meant by the uses of the manifest, in their order.</summary>
    public IReadOnlyList<Id<AgentVersion>> Uses { get; init; } = [];

    /// <summary>The text of agent.json as it was published; null where it was read back without it.</summary>
    public string? ManifestJson { get; init; }

    /// <summary>The full name: <c>publisher/name@version</c>.</summary>
    public ListingName Listing => new(Publisher, Manifest.Name, Manifest.Version);
}

/// <summary>Every reason for which a publication is refused.</summary>
public enum PublishRefusal
{
    /// <summary>The manifest is not JSON or breaks its rules; every reason is listed.</summary>
    ManifestInvalid,

    /// <summary>The program is not a valid WebAssembly module.</summary>
    ProgramInvalid,

    /// <summary>The program lacks an export that an agent needs, or asks for an import that no node gives.</summary>
    ProgramUnusable,

    /// <summary>The program is larger than the node accepts.</summary>
    ProgramTooLarge,

    /// <summary>The royalties name somebody or something that there is not, or agents that build on each other too deeply.</summary>
    RoyaltiesInvalid,

    /// <summary>The uses name an agent that there is not, or one that could not be called on these terms.</summary>
    UsesInvalid,

    /// <summary>This version was published before with other content.</summary>
    VersionExists,

    /// <summary>This version was published before, and withdrawn.</summary>
    VersionWithdrawn,

    /// <summary>The publisher has listed something that is no agent under this name.</summary>
    NameOfOtherKind,

    /// <summary>As many publications of the user are under way at the node as one may have.</summary>
    PublicationsTooMany,

    /// <summary>As many publications are under way at the node as it takes.</summary>
    PublishingBusy,
}
