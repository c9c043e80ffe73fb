using System.Runtime.InteropServices;
using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Builds;

/// <summary>Publishes a version of an agent: checks manifest and program, stores them as an OCI artifact, and lists the version.</summary>
/// <remarks>
/// What is refused is not stored: it is looked for first whether the version is there. Content comes before its listing, which makes it public: a crash in between leaves bytes that nobody
/// refers to and that are deleted later, never a listing without its bytes.
/// </remarks>
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
        var (config, layer) = (Describe(manifestJson), Describe(program));
        ReadOnlyMemory<byte> index = OciArtifact.Manifest(config, layer, manifest.Program);
        var artifact = Describe(index);
        (ContentDescriptor Content, ReadOnlyMemory<byte> Bytes)[] parts = [(config, manifestJson), (layer, program), (artifact, index)];
        var version = new AgentVersion(
            ids.Next<AgentVersion>(), publisher.Id, publisher.Handle, manifest, artifact.Digest, layer.Digest, layer.SizeBytes, time.GetUtcNow())
        {
            Royalties = pinned,
            Uses = used.Ids,
            ManifestJson = ManifestText.Of(manifestJson.Span),
        };
        if (!(await agents.FindSameAsync(version, cancellationToken)).TryGet(out var existing, out var refusal))
            return refusal;
        if (existing is not null)
        {
            // What was lost of it is there again.
            foreach (var (part, bytes) in parts)
            {
                if (await content.StatAsync(part.Digest, cancellationToken) is null)
                    await StoreAsync(bytes, cancellationToken);
            }

            return existing;
        }

        ContentDescriptor[] contents = [config, layer, artifact];
        await owners.ExpectAsync(contents, publisher.Id, time.GetUtcNow(), cancellationToken);
        foreach (var (_, bytes) in parts)
            await StoreAsync(bytes, cancellationToken);
        return await agents.AddAsync(version, [.. contents.Select(part => (part.Digest, part.SizeBytes))], Published(version), cancellationToken);
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

    private static ContentDescriptor Describe(ReadOnlyMemory<byte> bytes) => new(ContentHash.Of(bytes.Span), bytes.Length);

    private async Task StoreAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        // A program is large: it is copied only when nothing else will do.
        using var stream = MemoryMarshal.TryGetArray(bytes, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(bytes.ToArray(), writable: false);
        if ((await content.PutAsync(stream, expected: null, bytes.Length, cancellationToken)).Refusal is { } refused)
            throw new InvalidOperationException($"The content store refused what it was said to take: {refused.Code}: {refused.Detail}");
    }
}
