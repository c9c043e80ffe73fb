using System.CommandLine;
using Stoa.Cli.Agents;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent publish</c>.</summary>
internal sealed class AgentPublishCommand : StoaCommand, ITakesRequests
{
    private readonly Argument<string> _directory = new("DIR") { Description = "The agent's folder. Default: the current one.", DefaultValueFactory = _ => "." };

    public AgentPublishCommand(CommandScope scope)
        : base(
            scope,
            "publish",
            "Publish an agent: agent.json and its program. A version never changes; publishing the same again is no harm.",
            new("The agent in this folder", "stoa agent publish"),
            new("One that calls others, by ranges of their versions: it takes the newest that there are", "stoa agent publish my-pipeline"),
            new("One of the samples", "stoa agent publish samples/markdown-html")) =>
        Add(_directory);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var folder = await AgentFolder.OpenAsync(invocation.Surroundings.FullPath(invocation.Get(_directory)), cancellationToken);
        await ProgramFile.CheckAsync(folder, cancellationToken);
        var published = await TaskProgress.RunAsync(
            invocation.Screen, "publishing", progress => PublishAsync(invocation.Client, folder, progress.Upload, cancellationToken));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(published, json => json.AgentResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[green]✓[/] [bold]{Format.Escaped(published.Listing)}[/]");
        invocation.Screen.Facts(
            ("Artifact", $"[grey]{Format.Escaped(published.ArtifactDigest)}[/]"),
            ("Program", $"{Format.Size(published.ProgramBytes)}, [grey]{Format.Escaped(published.ProgramDigest)}[/]"),
            ("Uses", Taken(folder, published)));
        invocation.Screen.Note($"[grey]Use it: stoa task submit {Format.Escaped(published.Publisher)}/{Format.Escaped(published.Name)} FILE[/]");
        return ExitCode.Ok;
    }

    /// <summary>Publishes what is in the folder, with the newest versions that its ranges take.</summary>
    /// <exception cref="CommandFailure">A range takes none.</exception>
    internal static async Task<AgentResponse> PublishAsync(
        StoaClient client, AgentFolder folder, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        var pinned = await UsedVersions.TakeAsync(client, folder, cancellationToken);
        await using var program = new FileStream(
            folder.ProgramPath, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return await client.PublishAgentAsync(pinned.ManifestBytes, program, progress, cancellationToken);
    }

    /// <summary>What was taken for the ranges that the folder's manifest names alone; null where it names none.</summary>
    private static string? Taken(AgentFolder folder, AgentResponse published)
    {
        var taken = folder.Manifest.Uses.Zip(published.Uses ?? [])
            .Where(pair => pair.First.Agent.Version is null)
            .Select(pair => Format.Escaped($"{pair.Second.Agent}, the newest that {pair.First.Range} takes"))
            .ToList();
        return taken.Count == 0 ? null : string.Join("; ", taken);
    }
}
