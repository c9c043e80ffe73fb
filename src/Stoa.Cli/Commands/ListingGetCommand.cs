using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing get</c>.</summary>
internal sealed class ListingGetCommand : StoaCommand
{
    private readonly Argument<string> _listing = new("LISTING") { Description = "HANDLE/NAME@VERSION or KEY/NAME@VERSION; without a version the newest." };
    private readonly Option<string> _outputFile = new("--output-file", "-o") { Description = "Where it is saved.", HelpName = "FILE", Required = true };

    public ListingGetCommand(CommandScope scope)
        : base(
            scope,
            "get",
            "Get the file of a model, a template or a dataset of the node's cell, verified against the digest that its publisher has signed.",
            new CommandExample("The weights of a model", "stoa listing get ada/small-chat@1.0.0 -o weights.gguf"))
    {
        Add(_listing);
        Add(_outputFile);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var (version, content) = await FindAsync(invocation.Client, reference, cancellationToken);
        var output = invocation.Get(_outputFile)!;
        ResultOutput.RefuseUnwritable(invocation, output);
        var path = invocation.Surroundings.FullPath(output);
        await TaskProgress.RunAsync(invocation.Screen, "downloading", async progress =>
        {
            await ResultOutput.SaveAsync(path, file => invocation.Client.DownloadListingContentAsync(reference with { Version = version }, content.Digest, file, progress.Download, cancellationToken));
            return path;
        });
        if (!invocation.IsJson)
            invocation.Screen.Note($"[grey]Saved as[/] {Format.Escaped(path)}");
        return ExitCode.Ok;
    }

    private static async Task<(string Version, BlobResponse Content)> FindAsync(StoaClient client, AgentReference reference, CancellationToken cancellationToken)
    {
        var details = await client.GetListingAsync(reference.Publisher, reference.Name, cancellationToken);
        var wanted = reference.Version ?? details.Newest;
        var found = details.Versions.FirstOrDefault(version => version.Version == wanted)
            ?? throw new CommandFailure(wanted is null ? $"No version of {details.Name} is offered." : $"There is no version {wanted} of {details.Name}.");
        if (found.ContradictionId is not null)
        {
            throw new CommandFailure(
                $"The publisher of {details.Name} has signed two listings of {found.Version} that say different things: neither is to be trusted.",
                ExitCode.Refused,
                hint: $"See both with: stoa listing contradictions {details.Publisher.Key} --verify");
        }

        return found.Content is { } content
            ? (found.Version, content)
            : throw new CommandFailure($"A listing of the kind {details.Kind} has no file of its own.", hint: details.Kind == "agent" ? "Give an agent a task with: stoa task submit" : $"See what belongs to it with: stoa listing show {reference.Publisher}/{reference.Name} --json");
    }
}
