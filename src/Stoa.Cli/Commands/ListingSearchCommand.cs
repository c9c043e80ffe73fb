using System.CommandLine;
using System.Globalization;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing search</c>.</summary>
internal sealed class ListingSearchCommand : StoaCommand
{
    private const int PageSize = 200;

    private readonly Argument<string?> _text = new("TEXT") { Description = "Words that all appear in name, description, tags or capabilities; the last one may be the beginning of a word.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _kind = new("--kind", "-k") { Description = "Only agents, models, templates, bundles or datasets.", HelpName = "KIND" };
    private readonly Option<string?> _category = new("--category") { Description = "Only what its publisher puts on this shelf, such as image-editing.", HelpName = "NAME" };
    private readonly Option<string?> _license = new("--license") { Description = "Only what names this licence of SPDX, such as MIT.", HelpName = "LICENCE" };
    private readonly Option<string?> _region = new("--region") { Description = "Only what a node in this region offers now.", HelpName = "REGION" };
    private readonly Option<string?> _framework = new("--framework") { Description = "Only models whose weights have this form, such as gguf.", HelpName = "NAME" };
    private readonly Option<string?> _quantisation = new("--quantisation") { Description = "Only models whose weights are rounded like this, such as Q4_K_M.", HelpName = "NAME" };
    private readonly Option<int?> _minContext = new("--min-context") { Description = "Only models that see so many tokens at once or more.", HelpName = "TOKENS" };
    private readonly Option<string[]> _capabilities = new("--capability", "-c") { Description = "Only agents that can do this, such as image.resize; with several, all of them.", HelpName = "NAME" };
    private readonly Option<string[]> _tags = new("--tag", "-t") { Description = "Only agents with this tag; with several, all of them.", HelpName = "TAG" };
    private readonly Option<string?> _publisher = new("--publisher", "-p") { Description = "Only agents of this publisher.", HelpName = "KEY|HANDLE" };
    private readonly Option<string?> _input = new("--input") { Description = "Only agents that read this.", HelpName = "MEDIA_TYPE" };
    private readonly Option<string?> _output = new("--output-type") { Description = "Only agents that write this.", HelpName = "MEDIA_TYPE" };
    private readonly Option<string?> _minPrice = new("--min-price") { Description = "Only what costs this or more: a task of an agent, a million tokens that a model reads.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Only what costs this or less.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<long?> _maxSize = new("--max-size") { Description = "Only what is no larger, such as 2MB: an agent's program, the file of a model or a dataset.", HelpName = "SIZE", CustomParser = Quantity.Bytes };
    private readonly Option<decimal?> _minRating = new("--min-rating") { Description = "Only agents whose reviews in this cell are so good in the mean, 1 to 5.", HelpName = "STARS" };
    private readonly Option<string?> _sort = new("--sort") { Description = "relevance, rating, tasks, price or newest. Default: relevance with TEXT, newest without.", HelpName = "ORDER" };
    private readonly Option<string[]> _facets = new("--facet") { Description = "Count what is found by capability, tag, input, output, publisher, kind, category, license, region, framework or quantisation.", HelpName = "FACET" };
    private readonly Option<int> _limit = ListLimit.Option();

    public ListingSearchCommand(CommandScope scope)
        : base(
            scope,
            "search",
            "Find agents, models and more in the network: the newest version of each that this node knows of.",
            new("The newest", "stoa listing search"),
            new("What can work on pictures? The last word may be cut off.", "stoa listing search \"resize ima\""),
            new("Cheap and well reviewed, best first", "stoa listing search -c image.resize --max-price 0.01 --min-rating 4 --sort rating"),
            new("Small models to talk to, under a free licence", "stoa listing search -k model -c chat --license Apache-2.0 --framework gguf --max-size 2GB"),
            new("By what else could I narrow it down?", "stoa listing search image --facet tag --facet input"),
            new("Names only, for a script", "stoa listing search image --json | jq -r '.items[].listing'"))
    {
        _sort.Accepts("relevance", "rating", "tasks", "price", "newest");
        _kind.Accepts("agent", "model", "template", "bundle", "dataset");
        foreach (var option in (Option[])[_kind, _category, _license, _region, _framework, _quantisation, _minContext, _capabilities, _tags, _publisher, _input, _output, _minPrice, _maxPrice, _maxSize, _minRating, _sort, _facets, _limit])
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
            Kind = invocation.Get(_kind),
            Category = invocation.Get(_category),
            License = invocation.Get(_license),
            Region = invocation.Get(_region),
            Framework = invocation.Get(_framework),
            Quantisation = invocation.Get(_quantisation),
            MinContextLength = invocation.Get(_minContext),
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
            invocation.Screen.Note("[grey]This node knows of nothing like that.[/]");
            return ExitCode.Ok;
        }

        ListingCommands.Show(invocation, found.Items);
        foreach (var (facet, counts) in found.Facets ?? new Dictionary<string, IReadOnlyList<FacetCountBody>>())
        {
            invocation.Screen.Line();
            invocation.Screen.Table(
                [char.ToUpperInvariant(facet[0]) + facet[1..], found.FacetsEstimated is true ? "About" : "Listings"],
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
