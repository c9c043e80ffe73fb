using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Registry;

/// <summary>A row of <c>agent_versions</c>.</summary>
internal sealed record AgentRow(
    string Id, string PublisherId, string Publisher, string Manifest, string ArtifactDigest, string ProgramDigest, long ProgramBytes, long PublishedAt)
{
    public const string Columns =
        "v.id, v.publisher_id, v.publisher, v.manifest, v.artifact_digest, v.program_digest, v.program_bytes, v.published_at";

    public AgentVersion ToVersion() => new(
        Id<AgentVersion>.Parse(Id, null),
        Id<User>.Parse(PublisherId, null),
        Publisher,
        ManifestReader.Read(Encoding.UTF8.GetBytes(Manifest)).Value,
        ContentHash.Parse(ArtifactDigest, null),
        ContentHash.Parse(ProgramDigest, null),
        ProgramBytes,
        DateTimeOffset.FromUnixTimeMilliseconds(PublishedAt));
}
