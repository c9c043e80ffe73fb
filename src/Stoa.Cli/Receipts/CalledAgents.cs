using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Cli.Receipts;

/// <summary>What an agent may call, as the node's catalogue says: to run a receipt again here.</summary>
internal static class CalledAgents
{
    /// <summary>Reads manifests along all that may be called; programs are loaded when they are asked for.</summary>
    /// <exception cref="CommandFailure">The catalogue does not have them as it must.</exception>
    public static async Task<RerunCalls> ReadAsync(StoaClient client, AgentResponse agent, CancellationToken cancellationToken)
    {
        if (agent.Uses is not { Count: > 0 } && agent.Asks is not { Count: > 0 })
            return RerunCalls.None;
        var known = new Dictionary<ListingName, AgentResponse>();
        try
        {
            var tree = await CallTree.ReadAsync(ToVersion(agent), async (caller, index) =>
            {
                var name = caller.Manifest.Uses[index].Agent;
                if (!known.TryGetValue(name, out var called))
                    known.Add(name, called = await client.GetAgentAsync(AgentReference.Parse(name.ToString()), cancellationToken));
                return ToVersion(called);
            });
            return new RerunCalls(tree, async (called, token) =>
            {
                using var program = new MemoryStream();
                await client.DownloadProgramAsync(known[called.Listing], program, cancellationToken: token);
                return program.ToArray();
            });
        }
        catch (Exception invalid) when (invalid is FormatException or InvalidOperationException)
        {
            throw new CommandFailure($"What {agent.Listing} calls cannot be run here: {invalid.Message}", ExitCode.Refused);
        }
    }

    /// <summary>As the node keeps it. Whose it is has no part in a run.</summary>
    private static AgentVersion ToVersion(AgentResponse agent)
    {
        var manifest = new AgentManifestBody(
            agent.Name, agent.Version, agent.Description, agent.Capabilities, "program.wasm", agent.Input, agent.Output, agent.Limits, agent.Price, agent.Tags,
            agent.Parameters, Permissions: null, agent.Royalties, agent.Uses, Asks: agent.Asks);
        return new AgentVersion(
            Id<AgentVersion>.Parse(agent.Id),
            PublisherId: default,
            agent.Publisher,
            ManifestReader.Read(JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody)).Match(
                read => read,
                refusal => throw new FormatException(
                    $"the manifest of {agent.Listing} breaks the rules. {string.Join(" ", refusal.Errors.Select(error => $"{error.Pointer}: {error.Reason}"))}")),
            ContentHash.Parse(agent.ArtifactDigest),
            ContentHash.Parse(agent.ProgramDigest),
            agent.ProgramBytes,
            agent.PublishedAt);
    }
}
