using Stoa.Cli.Agents;
using Stoa.Cli.Commands;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Tour;

/// <summary>A sample agent on the node.</summary>
/// <param name="Folder">Where its manifest, program and example input are.</param>
/// <param name="Published">As the node has it.</param>
/// <param name="IsNew">It was published just now.</param>
internal sealed record SampleAgent(AgentFolder Folder, AgentResponse Published, bool IsNew);

/// <summary>The agents under <c>samples/</c>.</summary>
internal static class SampleAgents
{
    /// <exception cref="CommandFailure">There is no folder with samples.</exception>
    public static async Task<IReadOnlyList<AgentFolder>> FindAsync(string samples, CancellationToken cancellationToken)
    {
        var folders = Directory.Exists(samples)
            ? Directory.EnumerateDirectories(samples).Where(folder => File.Exists(Path.Combine(folder, AgentFolder.ManifestFile))).Order(StringComparer.Ordinal).ToList()
            : [];
        if (folders.Count == 0)
            throw new CommandFailure($"There are no sample agents in {samples}.", hint: "The tour is part of a checkout of Stoa. Without one: stoa up, and stoa agent new hello");
        var agents = new List<AgentFolder>();
        foreach (var folder in folders)
            agents.Add(await AgentFolder.OpenAsync(folder, cancellationToken));
        return agents;
    }

    /// <summary>Publishes an agent, unless the node has this version of it with this program.</summary>
    public static async Task<SampleAgent> EnsureAsync(StoaClient client, string publisher, AgentFolder folder, CancellationToken cancellationToken)
    {
        if (await FindAsync(client, publisher, folder, cancellationToken) is { } known)
            return new SampleAgent(folder, known, IsNew: false);
        return new SampleAgent(folder, await AgentPublishCommand.PublishAsync(client, folder, progress: null, cancellationToken), IsNew: true);
    }

    private static async Task<AgentResponse?> FindAsync(StoaClient client, string publisher, AgentFolder folder, CancellationToken cancellationToken)
    {
        const int notFound = 404;
        try
        {
            var known = await client.GetAgentAsync(
                new AgentReference(publisher, folder.Manifest.Name, folder.Manifest.Version.ToString()), cancellationToken);
            await using var program = File.OpenRead(folder.ProgramPath);
            return known.ProgramDigest == (await ContentHash.OfAsync(program, cancellationToken)).ToString() ? known : null;
        }
        catch (StoaException unknown) when (unknown.Problem.Status == notFound)
        {
            return null;
        }
    }
}
