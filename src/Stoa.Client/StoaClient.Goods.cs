using System.Globalization;
using System.Net.Http.Headers;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/listings/manifests</c>: lists a version of a model, a template, a bundle or a dataset under the caller's handle.</summary>
    /// <param name="manifestJson">The manifest. What it names by a digest is content of the caller's: <see cref="UploadAsync(Stream, IProgress{TransferProgress}?, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    /// <exception cref="StoaException">It is refused; every reason is listed.</exception>
    public Task<ListingResponse> PublishListingAsync(ReadOnlyMemory<byte> manifestJson, CancellationToken cancellationToken = default) => SendAsync(
        // The same one again changes nothing.
        new Call(HttpMethod.Post, "listings/manifests", () => new ByteArrayContent(manifestJson.ToArray()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } }),
        StoaJson.Default.ListingResponse,
        cancellationToken);

    /// <summary><c>PUT /api/v1/listings/{publisher}/{name}[/{version}]/withdrawal</c>: offers a model, a template, a bundle or a dataset of the caller's no more; without a version all that are offered.</summary>
    /// <param name="listing">A listing of yours.</param>
    /// <param name="reason">For everybody to read: one line of at most 500 characters; null for none.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<AgentOfferResponse> WithdrawListingAsync(AgentReference listing, string? reason = null, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, PathOf(listing) + "/withdrawal", () => JsonBody(new WithdrawAgentRequest(reason), StoaJson.Default.WithdrawAgentRequest)),
        StoaJson.Default.AgentOfferResponse,
        cancellationToken);

    /// <summary><c>DELETE /api/v1/listings/{publisher}/{name}/{version}/withdrawal</c>: offers a version again.</summary>
    /// <param name="listing">A version of yours.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<AgentOfferResponse> ReinstateListingAsync(AgentReference listing, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, PathOf(listing) + "/withdrawal"), StoaJson.Default.AgentOfferResponse, cancellationToken);

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/{version}/content</c>: what a version consists of, verified against its digest.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="digest">What the listing says of it: <see cref="ListingVersionBody.Content"/>.</param>
    /// <param name="destination">Gets the bytes.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ContentMismatchException">The bytes are others.</exception>
    public Task DownloadListingContentAsync(
        AgentReference listing, string digest, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DownloadAsync(PathOf(listing) + "/content", digest, destination, progress, cancellationToken);

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/similar</c>: what is like a listing, best first.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the listing.</param>
    /// <param name="limit">How many at most, 1 to 50; null for 10.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public async Task<IReadOnlyList<SimilarListingBody>> ListSimilarListingsAsync(string publisher, string name, int? limit = null, CancellationToken cancellationToken = default) => (await GetAsync(
        $"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}/similar" + Query(("limit", limit?.ToString(CultureInfo.InvariantCulture))),
        StoaJson.Default.ListResponseSimilarListingBody,
        cancellationToken)).Items;

    /// <summary><c>GET /api/v1/listings/{publisher}/{name}/used-with</c>: agents that the same consumers of the node's cell use, closest first.</summary>
    /// <param name="publisher">A key (a peer id) or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public async Task<IReadOnlyList<ListingResponse>> ListUsedWithAsync(string publisher, string name, CancellationToken cancellationToken = default) => (await GetAsync(
        $"listings/{Uri.EscapeDataString(publisher)}/{Uri.EscapeDataString(name)}/used-with", StoaJson.Default.ListResponseListingResponse, cancellationToken)).Items;

    // Addresses of listings are those of agents below another name.
    private static string PathOf(AgentReference listing) => "listings" + listing.Path["agents".Length..];
}
