using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing search</c>.</summary>
internal sealed class ListingSearchCommand : StoaCommand
{
    private const int PageSize = 200;

    private readonly Argument<string?> _text = new("TEXT") { Description = "Words that all appear in name, description, tags or capabilities; the last one may be the beginning of a word.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string[]> _capabilities = new("--capability", "-c") { Description = "Only agents that can do this, such as image.resize; with several, all of them.", HelpName = "NAME" };
    private readonly Option<string[]> _tags = new("--tag", "-t") { Description = "Only agents with this tag; with several, all of them.", HelpName = "TAG" };
    private readonly Option<string?> _publisher = new("--publisher", "-p") { Description = "Only agents of this publisher.", HelpName = "KEY|HANDLE" };
    private readonly Option<string?> _input = new("--input") { Description = "Only agents that read this.", HelpName = "MEDIA_TYPE" };
    private readonly Option<string?> _output = new("--output-type") { Description = "Only agents that write this.", HelpName = "MEDIA_TYPE" };
    private readonly Option<string?> _minPrice = new("--min-price") { Description = "Only agents whose base price is this or more.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Only agents whose base price is this or less.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<long?> _maxSize = new("--max-size") { Description = "Only agents whose program is no larger, such as 2MB.", HelpName = "SIZE", CustomParser = Quantity.Bytes };
    private readonly Option<decimal?> _minRating = new("--min-rating") { Description = "Only agents whose reviews in this cell are so good in the mean, 1 to 5.", HelpName = "STARS" };
    private readonly Option<string?> _sort = new("--sort") { Description = "relevance, rating, tasks, price or newest. Default: relevance with TEXT, newest without.", HelpName = "ORDER" };
    private readonly Option<string[]> _facets = new("--facet") { Description = "Count what is found by capability, tag, input, output or publisher.", HelpName = "KIND" };
    private readonly Option<int> _limit = ListLimit.Option();

    public ListingSearchCommand(CommandScope scope)
        : base(
            scope,
            "search",
            "Find agents in the network: the newest version of each that this node knows of.",
            new("The newest", "stoa listing search"),
            new("What can work on pictures? The last word may be cut off.", "stoa listing search \"resize ima\""),
            new("Cheap and well reviewed, best first", "stoa listing search -c image.resize --max-price 0.01 --min-rating 4 --sort rating"),
            new("By what else could I narrow it down?", "stoa listing search image --facet tag --facet input"),
            new("Names only, for a script", "stoa listing search image --json | jq -r '.items[].listing'"))
    {
        _sort.Accepts("relevance", "rating", "tasks", "price", "newest");
        foreach (var option in (Option[])[_capabilities, _tags, _publisher, _input, _output, _minPrice, _maxPrice, _maxSize, _minRating, _sort, _facets, _limit])
            Add(option);
        Add(_text);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var query = new ListingQuery(invocation.Get(_text))
        {
            Capabilities = invocation.Get(_capabilities) ?? [],
            Tags = invocation.Get(_tags) ?? [],
            Publisher = invocation.Get(_publisher),
            Input = invocation.Get(_input),
            Output = invocation.Get(_output),
            MinPrice = invocation.Get(_minPrice),
            MaxPrice = invocation.Get(_maxPrice),
            MaxProgramBytes = invocation.Get(_maxSize),
            MinRating = invocation.Get(_minRating),
            Sort = invocation.Get(_sort),
            Facets = invocation.Get(_facets) ?? [],
        };
        var found = await SearchAsync(invocation.Client, query, invocation.Get(_limit), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(found, json => json.ListingSearchResponse);
            return ExitCode.Ok;
        }

        if (found.IsIncomplete is true)
            invocation.Screen.Note("[grey]The node has started a moment ago and still reads what there is: more may be found soon.[/]");
        if (found.Items.Count == 0)
        {
            invocation.Screen.Note("[grey]This node knows of no such agent.[/]");
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Agent", "Version", "Publisher", "Can do", "From", "Rating", "Key"],
            [.. found.Items.Select(listing => (IReadOnlyList<string>)
            [
                listing.Name,
                listing.Version + (listing.Deprecation is null ? "" : " (deprecated)"),
                ListingCommands.Say(listing.Publisher),
                string.Join(", ", listing.Capabilities),
                Format.Money(listing.Price.Base),
                listing.Standing?.Rating is { } rating ? string.Create(CultureInfo.InvariantCulture, $"{rating:0.0} ({listing.Standing.Reviews:N0})") : "",
                listing.Publisher.Key,
            ])]);
        foreach (var (facet, counts) in found.Facets ?? new Dictionary<string, IReadOnlyList<FacetCountBody>>())
        {
            invocation.Screen.Line();
            invocation.Screen.Table(
                [char.ToUpperInvariant(facet[0]) + facet[1..], found.FacetsEstimated is true ? "About" : "Agents"],
                [.. counts.Select(count => (IReadOnlyList<string>)[count.Value, count.Count.ToString("N0", CultureInfo.InvariantCulture)])]);
        }

        ListLimit.TellOfMore(invocation, found.NextCursor is not null);
        return ExitCode.Ok;
    }

    /// <summary>As many pages as are needed, as one. Only the first is counted by facets.</summary>
    private static async Task<ListingSearchResponse> SearchAsync(StoaClient client, ListingQuery query, int limit, CancellationToken cancellationToken)
    {
        var found = await client.SearchListingsAsync(query, Math.Min(limit, PageSize), cursor: null, cancellationToken);
        while (found.NextCursor is { } cursor && found.Items.Count < limit)
        {
            var more = await client.SearchListingsAsync(query with { Facets = [] }, Math.Min(limit - found.Items.Count, PageSize), cursor, cancellationToken);
            found = found with { Items = [.. found.Items, .. more.Items], NextCursor = more.NextCursor };
        }

        return found;
    }
}
