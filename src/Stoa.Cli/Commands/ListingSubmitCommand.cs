using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing submit</c>.</summary>
internal sealed class ListingSubmitCommand : StoaCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "A signed statement of the registry: a DSSE envelope. - is standard input." };

    public ListingSubmitCommand(CommandScope scope)
        : base(
            scope,
            "submit",
            "Give the node a listing, or any other statement of the registry, that was signed elsewhere.",
            new("Carry a statement to a node that is not connected", "curl $OTHER/api/v1/statements/sha256:… | stoa listing submit -"),
            new("A file", "stoa listing submit listing.json")) =>
        Add(_file);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var envelope = await SmallFile.ReadEnvelopeAsync(invocation, invocation.Get(_file)!, "statement", cancellationToken);
        var added = await invocation.Client.AddListingAsync(envelope, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(added, json => json.AddedStatementResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup("[green]✓[/] " + added.Effect switch
        {
            "known" => $"The node has this {Format.Escaped(added.Kind)} already.",
            "superseded" => $"The node has a later {Format.Escaped(added.Kind)} in place of this one.",
            "contradicted" => $"Taken as a proof: {Format.Escaped(added.Signer)} has said something else before, and the version is offered to nobody.",
            _ => $"The node has taken the {Format.Escaped(added.Kind)} of {Format.Escaped(added.Signer)}.",
        });
        invocation.Screen.Facts(("Statement", Format.Escaped(added.Id)));
        return ExitCode.Ok;
    }
}
