using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Registry;

/// <summary>A row of <c>agent_versions</c>.</summary>
internal sealed record AgentRow(
    Id<AgentVersion> Id,
    Id<User> PublisherId,
    string Publisher,
    string Manifest,
    ContentHash ArtifactDigest,
    ContentHash ProgramDigest,
    long ProgramBytes,
    DateTimeOffset PublishedAt,
    string? Royalties,
    string? Uses)
{
    public const string Columns =
        "v.id, v.publisher_id, v.publisher, v.manifest, v.artifact_digest, v.program_digest, v.program_bytes, v.published_at, v.royalties, v.uses";

    // The manifest was written from one that had been read, so reading it again cannot be refused.
    public AgentVersion ToVersion() => new(
        Id, PublisherId, Publisher, ManifestReader.Read(Encoding.UTF8.GetBytes(Manifest)).Value, ArtifactDigest, ProgramDigest, ProgramBytes, PublishedAt)
    {
        Royalties = RoyaltyJson.Read(Royalties),
        Uses = Uses is null ? [] : [.. Uses.Split(' ').Select(id => Id<AgentVersion>.Parse(id))],
    };
}
