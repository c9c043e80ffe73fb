using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/listings</c>: the agents of the network, all pages.</summary>
    /// <param name="query">Its publisher is a key (a peer id) or a handle.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public IAsyncEnumerable<ListingResponse> ListListingsAsync(AgentQuery? query = null, CancellationToken cancellationToken = default) => ListAsync(
        "listings" + Query(("text", query?.Text), ("capability", query?.Capability), ("publisher", query?.Publisher)),
        StoaJson.Default.ListResponseListingResponse,
        cancellationToken);

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

    /// <summary><c>GET /api/v1/statements/{id}</c>: a statement of the registry as its signer made it. That its payload has this id, and was signed by the key in it, is the caller's to check.</summary>
    public Task<DsseEnvelope> GetStatementAsync(ContentHash id, CancellationToken cancellationToken = default) =>
        GetAsync($"statements/{id}", StoaJson.Default.DsseEnvelope, cancellationToken);
}
