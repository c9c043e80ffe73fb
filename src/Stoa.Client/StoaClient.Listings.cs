using System.Globalization;
using System.Runtime.CompilerServices;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

/// <summary>What is looked for in the network; all of it has to hold.</summary>
/// <param name="Text">Words of name, description, tags or capabilities; the last one may be the beginning of a word.</param>
public sealed record ListingQuery(string? Text = null)
{
    /// <summary>What it can do, such as <c>image.resize</c>.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = [];

    /// <summary>Tags that it has.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>A key (a peer id) or a handle.</summary>
    public string? Publisher { get; init; }

    /// <summary><c>agent</c>, <c>model</c>, <c>template</c>, <c>bundle</c> or <c>dataset</c>; null for anything.</summary>
    public string? Kind { get; init; }

    /// <summary>The shelf that it stands on.</summary>
    public string? Category { get; init; }

    /// <summary>A licence that it names, such as <c>MIT</c>.</summary>
    public string? License { get; init; }

    /// <summary>Where a node offers it now, such as <c>eu-central</c>.</summary>
    public string? Region { get; init; }

    /// <summary>The form of a model's weights, such as <c>gguf</c>.</summary>
    public string? Framework { get; init; }

    /// <summary>How a model's weights are rounded, such as <c>Q4_K_M</c>.</summary>
    public string? Quantisation { get; init; }

    /// <summary>The least number of tokens that a model sees at once.</summary>
    public int? MinContextLength { get; init; }

    /// <summary>Media type that it reads.</summary>
    public string? Input { get; init; }

    /// <summary>Media type that it writes.</summary>
    public string? Output { get; init; }

    /// <summary>The least base price of a task in US dollars.</summary>
    public string? MinPrice { get; init; }

    /// <summary>The greatest base price of a task in US dollars.</summary>
    public string? MaxPrice { get; init; }

    /// <summary>The largest program, or of models, templates and datasets the largest file.</summary>
    public long? MaxProgramBytes { get; init; }

    /// <summary>The least mean of its reviews, 1 to 5.</summary>
    public decimal? MinRating { get; init; }

    /// <summary><c>relevance</c>, <c>rating</c>, <c>tasks</c>, <c>price</c> or <c>newest</c>; null for relevance when there are words, and newest otherwise.</summary>
    public string? Sort { get; init; }

    /// <summary>By what is counted: <c>capability</c>, <c>tag</c>, <c>input</c>, <c>output</c>, <c>publisher</c>, <c>kind</c>, <c>category</c>, <c>license</c>, <c>region</c>, <c>framework</c>, <c>quantisation</c>.</summary>
    public IReadOnlyList<string> Facets { get; init; } = [];
}

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/listings</c>: a page of what is listed in the network.</summary>
    /// <param name="query">What is looked for; null for everything.</param>
    /// <param name="limit">How many items the page has at most, 1 to 200; null for 50.</param>
    /// <param name="cursor">The <c>NextCursor</c> of the page before; null for the first.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public Task<ListingSearchResponse> SearchListingsAsync(ListingQuery? query = null, int? limit = null, string? cursor = null, CancellationToken cancellationToken = default)
    {
        query ??= new ListingQuery();
        return GetAsync(
            "listings" + Query(
            [
                ("q", query.Text), ("publisher", query.Publisher), ("input", query.Input), ("output", query.Output), ("minPrice", query.MinPrice), ("maxPrice", query.MaxPrice),
                ("maxProgramBytes", query.MaxProgramBytes?.ToString(CultureInfo.InvariantCulture)), ("minRating", query.MinRating?.ToString(CultureInfo.InvariantCulture)), ("sort", query.Sort),
                ("kind", query.Kind), ("category", query.Category), ("license", query.License), ("region", query.Region), ("framework", query.Framework), ("quantisation", query.Quantisation),
                ("minContextLength", query.MinContextLength?.ToString(CultureInfo.InvariantCulture)),
                .. query.Capabilities.Select(capability => ("capability", (string?)capability)), .. query.Tags.Select(tag => ("tag", (string?)tag)), .. query.Facets.Select(facet => ("facet", (string?)facet)),
                ("limit", limit?.ToString(CultureInfo.InvariantCulture)), ("cursor", cursor),
            ]),
            StoaJson.Default.ListingSearchResponse,
            cancellationToken);
    }

    /// <summary><c>GET /api/v1/listings</c>: the agents of the network, all pages.</summary>
    /// <param name="query">What is looked for; null for everything.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public async IAsyncEnumerable<ListingResponse> ListListingsAsync(ListingQuery? query = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? cursor = null;
        do
        {
            var page = await SearchListingsAsync(query, limit: null, cursor, cancellationToken);
            foreach (var item in page.Items)
                yield return item;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}</c>: an agent of the network with its versions.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public Task<ListingDetailsResponse> GetListingAsync(string publisher, string name, CancellationToken cancellationToken = default) =>
        GetAsync($"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}", StoaJson.Default.ListingDetailsResponse, cancellationToken);

    /// <summary><c>POST /api/v1/listings</c>: gives the node a listing, or any other statement of the registry, that was signed elsewhere.</summary>
    /// <exception cref="StoaException">It is not taken.</exception>
    public Task<AddedStatementResponse> AddListingAsync(DsseEnvelope statement, CancellationToken cancellationToken = default) => SendAsync(
        // The same one again changes nothing.
        new Call(HttpMethod.Post, "listings", () => JsonBody(statement, StoaJson.Default.DsseEnvelope)), StoaJson.Default.AddedStatementResponse, cancellationToken);

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/versions</c>: the versions of an agent of the network, newest first, all pages.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="range">Which of them, such as <c>^1.2.0</c>; null for all.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public IAsyncEnumerable<ListingVersionBody> ListListingVersionsAsync(string publisher, string name, string? range = null, CancellationToken cancellationToken = default) => ListAsync(
        $"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}/versions" + Query(("range", range)), StoaJson.Default.ListResponseListingVersionBody, cancellationToken);

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/resolve</c>: the newest versions of agents that fit together with all that they call.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="range">Which versions of it will do; null for every release.</param>
    /// <param name="also">Other listings that have to fit, <c>publisher/name@range</c>.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public Task<ResolutionResponse> ResolveListingAsync(string publisher, string name, string? range = null, IReadOnlyList<string>? also = null, CancellationToken cancellationToken = default) => GetAsync(
        $"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}/resolve" + Query([("range", range), .. (also ?? []).Select(other => ("also", (string?)other))]),
        StoaJson.Default.ResolutionResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/statements/{id}</c>: a statement of the registry as its signer made it. That its payload has this id, and was signed by the key in it, is the caller's to check.</summary>
    public Task<DsseEnvelope> GetStatementAsync(ContentHash id, CancellationToken cancellationToken = default) =>
        GetAsync($"statements/{id}", StoaJson.Default.DsseEnvelope, cancellationToken);

    /// <summary><c>GET /api/v1/contradictions</c>: versions of which their publishers have signed two that say different things, all pages.</summary>
    /// <param name="publisher">A key (a peer id) or a handle; null for everybody's.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public IAsyncEnumerable<ContradictionBody> ListContradictionsAsync(string? publisher = null, CancellationToken cancellationToken = default) => ListAsync(
        "contradictions" + Query([("publisher", publisher)]), StoaJson.Default.ListResponseContradictionBody, cancellationToken);

    /// <summary><c>GET /api/v1/contradictions/{publisher}/{name}/{version}</c>: both statements. That they hold is the caller's to check.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public Task<ContradictionProofResponse> GetContradictionAsync(AgentReference listing, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(listing);
        return GetAsync(
            $"contradictions/{Uri.EscapeDataString(listing.Publisher)}/{Uri.EscapeDataString(listing.Name)}/{Uri.EscapeDataString(listing.Version ?? "")}",
            StoaJson.Default.ContradictionProofResponse,
            cancellationToken);
    }

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/reviews</c>: what consumers of the whole network say of an agent, all pages.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public IAsyncEnumerable<ListingReviewBody> ListListingReviewsAsync(string publisher, string name, CancellationToken cancellationToken = default) => ListAsync(
        $"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}/reviews", StoaJson.Default.ListResponseListingReviewBody, cancellationToken);

    /// <summary><c>PUT /api/v1/listings/{publisher}/{name}[/{version}]/deprecation</c>: says of a listing of the caller's that there is something better.</summary>
    /// <param name="listing">A listing of yours, or a version.</param>
    /// <param name="request">What is said.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<ListingDetailsResponse> DeprecateListingAsync(AgentReference listing, DeprecateListingRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, PathOf(listing) + "/deprecation", () => JsonBody(request, StoaJson.Default.DeprecateListingRequest)), StoaJson.Default.ListingDetailsResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/listings/{publisher}/{name}[/{version}]/deprecation</c>: takes that back.</summary>
    public Task<ListingDetailsResponse> UndeprecateListingAsync(AgentReference listing, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, PathOf(listing) + "/deprecation"), StoaJson.Default.ListingDetailsResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/listings/{publisher}/{name}/transfer</c>: gives a listing of the caller's to another publisher, or takes one.</summary>
    /// <param name="listing">A listing of yours, without a version.</param>
    /// <param name="request">Where it goes on, or what it goes on from.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<ListingDetailsResponse> TransferListingAsync(AgentReference listing, TransferListingRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, PathOf(listing) + "/transfer", () => JsonBody(request, StoaJson.Default.TransferListingRequest)), StoaJson.Default.ListingDetailsResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/listings/{publisher}/{name}/transfer</c>: takes that back.</summary>
    public Task<ListingDetailsResponse> TakeTransferBackAsync(AgentReference listing, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, PathOf(listing) + "/transfer"), StoaJson.Default.ListingDetailsResponse, cancellationToken);
}
