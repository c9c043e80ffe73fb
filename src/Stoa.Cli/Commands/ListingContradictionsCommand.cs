using System.CommandLine;
using Stoa.Cli.Receipts;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing contradictions</c>.</summary>
internal sealed class ListingContradictionsCommand : StoaCommand
{
    private readonly Argument<string?> _publisher = new("PUBLISHER") { Description = "KEY or HANDLE; everybody's when it is left out.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> _verify = new("--verify") { Description = "Get both statements of each and check their signatures here, whatever the node says." };
    private readonly Option<int> _limit = ListLimit.Option();

    public ListingContradictionsCommand(CommandScope scope)
        : base(
            scope,
            "contradictions",
            "List the versions of which their publishers have signed two that say different things.",
            new("Whose word is not worth much?", "stoa listing contradictions"),
            new("Is it true of one publisher?", "stoa listing contradictions QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N --verify"))
    {
        Add(_publisher);
        Add(_verify);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (found, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListContradictionsAsync(invocation.Get(_publisher), cancellationToken), invocation.Get(_limit));
        var faults = new List<string>();
        foreach (var one in invocation.Get(_verify) ? found : [])
        {
            var proof = await invocation.Client.GetContradictionAsync(CommonArguments.ParseAgent(one.Listing), cancellationToken);
            if (ContradictionCheck.FindFault(one.Listing, proof) is { } fault)
                faults.Add($"{one.Listing}: {fault}");
        }

        if (faults.Count > 0)
            throw new CommandFailure(string.Join(" ", faults.Select(Format.Line)), ExitCode.Refused, hint: "The node accuses a publisher without proof. Ask another one.");
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ContradictionBody>(found), json => json.ListResponseContradictionBody);
            return ExitCode.Ok;
        }

        if (found.Count == 0)
        {
            invocation.Screen.Note("[grey]The node knows of none.[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Listing", "Publisher", "Known since", "Statements"],
            [.. found.Select(one => (IReadOnlyList<string>)[one.Listing, ListingCommands.Say(one.Publisher), Format.Time(one.FoundAt), string.Join(' ', one.StatementIds)])]);
        if (invocation.Get(_verify))
            invocation.Screen.Note("[grey]Of each both signatures hold, and the two say different things.[/]");
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }
}
