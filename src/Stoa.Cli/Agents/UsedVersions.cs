using Stoa.Client;
using Stoa.Market.Registry;

namespace Stoa.Cli.Agents;

/// <summary>Which versions of the agents that it calls an agent is published with, where its manifest names ranges alone.</summary>
internal static class UsedVersions
{
    /// <summary>Takes the newest version that each range takes, of those that the node offers.</summary>
    /// <returns>The folder with these versions in its manifest; the file is not changed.</returns>
    /// <exception cref="CommandFailure">A range takes none; each that does is in the message.</exception>
    public static async Task<AgentFolder> TakeAsync(StoaClient client, AgentFolder folder, CancellationToken cancellationToken)
    {
        var uses = folder.Manifest.Uses;
        var taken = new Dictionary<int, ListingName>();
        var faults = new List<string>();
        for (var index = 0; index < uses.Count; index++)
        {
            if (uses[index] is not { Agent: { Version: null } agent, Range: { } range })
                continue;
            var (version, newest) = await FindAsync(client, agent, range, cancellationToken);
            if (version is not null)
                taken[index] = agent with { Version = version };
            else
                faults.Add($"  /uses/{index}/range  " + (newest is null ? $"No version of {agent} is offered here." : $"{range} takes no version of {agent} that is offered here; the newest is {newest}."));
        }

        if (faults.Count > 0)
        {
            throw new CommandFailure(
                string.Join(Environment.NewLine, faults.Prepend("agent.json names ranges that take no version; mend them and publish again.")),
                ExitCode.Refused,
                hint: "See which versions there are with: stoa agent show PUBLISHER/NAME");
        }

        return taken.Count == 0 ? folder : folder.WithManifest(UseRanges.Write(folder.ManifestBytes, taken));
    }

    /// <summary>The newest version that a range takes, and the newest that there is.</summary>
    private static async Task<(SemanticVersion? Version, SemanticVersion? Newest)> FindAsync(
        StoaClient client, ListingName agent, SemanticRange range, CancellationToken cancellationToken)
    {
        SemanticVersion? newest = null;
        // They come newest first.
        await foreach (var offered in client.ListAgentVersionsAsync(new AgentReference(agent.Publisher, agent.Name), cancellationToken))
        {
            if (!SemanticVersion.TryParse(offered.Version, null, out var version))
                continue;
            newest ??= version;
            if (range.Takes(version))
                return (version, newest);
        }

        return (null, newest);
    }
}
