using System.CommandLine;
using System.Globalization;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing similar</c>.</summary>
internal sealed class ListingSimilarCommand : StoaCommand
{
    private const int Most = 50;
    private const int Default = 10;

    private readonly Argument<string> _listing = new("LISTING") { Description = "KEY/NAME or HANDLE/NAME, as stoa listing search shows it." };
    private readonly Option<int> _limit = new("--limit", "-n") { Description = $"How many at most, 1 to {Most}. Default: {Default}.", HelpName = "COUNT", DefaultValueFactory = _ => Default };

    public ListingSimilarCommand(CommandScope scope)
        : base(
            scope,
            "similar",
            "List what is like a listing, best first: of the same kind, with the same capabilities, tags and words.",
            new("What else could resize my pictures?", "stoa listing similar stoa/image-resize"),
            new("The three that are most like it", "stoa listing similar stoa/image-resize --limit 3"))
    {
        _limit.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) || limit is < 1 or > Most))
                result.AddError($"--limit is from 1 to {Most}.");
        });
        Add(_listing);
        Add(_limit);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var found = await invocation.Client.ListSimilarListingsAsync(reference.Publisher, reference.Name, invocation.Get(_limit), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<SimilarListingBody>(found), json => json.ListResponseSimilarListingBody);
            return ExitCode.Ok;
        }

        if (found.Count == 0)
        {
            invocation.Screen.Note("[grey]Nothing that this node knows of is like it.[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Name", "Likeness", "Version", "Publisher", "Can do", "Key"],
            [.. found.Select(similar => (IReadOnlyList<string>)
            [
                similar.Listing.Name,
                similar.Likeness.ToString("0%", CultureInfo.InvariantCulture),
                similar.Listing.Version,
                ListingCommands.Say(similar.Listing.Publisher),
                string.Join(", ", similar.Listing.Capabilities),
                similar.Listing.Publisher.Key,
            ])]);
        return ExitCode.Ok;
    }
}

/// <summary><c>stoa listing used-with</c>.</summary>
internal sealed class ListingUsedWithCommand : StoaCommand
{
    private readonly Argument<string> _listing = new("LISTING") { Description = "KEY/NAME or HANDLE/NAME, as stoa listing search shows it." };

    public ListingUsedWithCommand(CommandScope scope)
        : base(
            scope,
            "used-with",
            "List agents that the same consumers of the node's cell use, closest first.",
            new CommandExample("What do others use beside it?", "stoa listing used-with stoa/image-resize")) => Add(_listing);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = CommonArguments.ParseAgent(invocation.Get(_listing));
        var found = await invocation.Client.ListUsedWithAsync(reference.Publisher, reference.Name, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<ListingResponse>(found), json => json.ListResponseListingResponse);
            return ExitCode.Ok;
        }

        if (found.Count == 0)
            invocation.Screen.Note("[grey]Too few have used it together with anything else to say so.[/]");
        else
            ListingCommands.Show(invocation, found);
        return ExitCode.Ok;
    }
}
