using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Builds;

/// <summary>Publishes a version of an agent: checks manifest and program, stores them as an OCI artifact, and lists the version.</summary>
/// <remarks>Content first, listing last: a crash in between leaves bytes that nobody refers to, never a listing without its bytes.</remarks>
public sealed class AgentPublisher(
    IContentStore content, IContentOwners owners, IAgentStore agents, Royalties royalties, AgentUses uses, Engine engine, IdSource ids, TimeProvider time)
{
    /// <summary>Publishes, or answers the version that is there already with the same content.</summary>
    /// <param name="publisher">Who publishes and will earn.</param>
    /// <param name="manifestJson">The bytes of agent.json.</param>
    /// <param name="program">The WebAssembly program.</param>
    /// <param name="cancellationToken">Leaves no listing.</param>
    public async Task<Outcome<AgentVersion, PublishRefusal>> PublishAsync(
        User publisher, ReadOnlyMemory<byte> manifestJson, ReadOnlyMemory<byte> program, CancellationToken cancellationToken)
    {
        var read = ManifestReader.Read(manifestJson);
        var check = ProgramCheck.Check(engine, program, read.TryGet(out var manifest, out var manifestRefusal) ? manifest.Limits.MemoryBytes : null);
        if (manifestRefusal is not null || check.Refusal is not null)
            return Join(manifestRefusal, check.Refusal);

        if (!(await royalties.PinAsync(publisher, manifest!, cancellationToken)).TryGet(out var pinned, out var unpayable))
            return unpayable;
        if (!(await uses.PinAsync(manifest!, cancellationToken)).TryGet(out var used, out var uncallable))
            return uncallable;
        if (ProgramCheck.FindRoomFault(check.Value, manifest!.Limits.MemoryBytes, used.Tree.RoomBytes) is { } cramped)
            return cramped;
        var config = await StoreAsync(manifestJson, cancellationToken);
        var layer = await StoreAsync(program, cancellationToken);
        var artifact = await StoreAsync(OciArtifact.Manifest(config, layer, manifest.Program), cancellationToken);
        var version = new AgentVersion(
            ids.Next<AgentVersion>(), publisher.Id, publisher.Handle, manifest, artifact.Digest, layer.Digest, layer.SizeBytes, time.GetUtcNow())
        {
            Royalties = pinned,
            Uses = used.Ids,
            ManifestJson = ManifestText.Of(manifestJson.Span),
        };
        return await agents.AddAsync(version, Published(version), cancellationToken);
    }

    private static NewEvent Published(AgentVersion version) => new(
        EventTypes.AgentPublished,
        version.Id.ToString(),
        Audience: null,
        version.PublishedAt,
        JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["agentId"] = version.Id.ToString(),
            ["listing"] = version.Listing.ToString(),
            ["artifactDigest"] = version.ArtifactDigest.ToString(),
        }));

    /// <summary>Tells the faults of both at once; the code is that of the manifest when it has any.</summary>
    private static Refusal<PublishRefusal> Join(Refusal<PublishRefusal>? manifest, Refusal<PublishRefusal>? program)
    {
        if (manifest is null)
            return program!;
        return program is null
            ? manifest
            : new Refusal<PublishRefusal>(manifest.Code, $"{manifest.Detail} {program.Detail}", [.. manifest.Errors, .. program.Errors]);
    }

    private async Task<ContentDescriptor> StoreAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream(bytes.ToArray(), writable: false);
        var stored = await content.PutAsync(stream, expected: null, bytes.Length, cancellationToken);
        await owners.GrantAsync(stored.Value, owner: null, cancellationToken);
        return stored.Value;
    }
}
