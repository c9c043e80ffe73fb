using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing publish</c>.</summary>
internal sealed class ListingPublishCommand : StoaCommand, ITakesRequests
{
    private readonly Argument<string> _file = new("FILE") { Description = "The manifest of a model, a template, a bundle or a dataset. - is standard input." };

    public ListingPublishCommand(CommandScope scope)
        : base(
            scope,
            "publish",
            "Publish a model, a template, a bundle or a dataset. A version never changes; publishing the same again is no harm. Agents: stoa agent publish.",
            new("First upload the weights, whose digest and size the manifest names", "stoa blob put weights.gguf"),
            new("Then publish the manifest", "stoa listing publish model.json")) =>
        Add(_file);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var manifest = await SmallFile.ReadAsync(invocation, invocation.Get(_file)!, "manifest", cancellationToken);
        var published = await invocation.Client.PublishListingAsync(manifest, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(published, json => json.ListingResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[green]✓[/] [bold]{Format.Escaped(published.Listing)}[/]");
        invocation.Screen.Facts(
            ("Kind", Format.Escaped(published.Kind)),
            ("Content", published.Content is { } content ? $"{Format.Size(content.SizeBytes)}, [grey]{Format.Escaped(content.Digest)}[/]" : null),
            ("Statement", Format.Escaped(published.StatementId)));
        return ExitCode.Ok;
    }
}
