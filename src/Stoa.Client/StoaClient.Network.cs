using System.Globalization;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/network</c>: what the node's part in the network is.</summary>
    public Task<NetworkResponse> GetNetworkAsync(CancellationToken cancellationToken = default) =>
        GetAsync("network", StoaJson.Default.NetworkResponse, cancellationToken);

    /// <summary><c>GET /api/v1/network/peers</c>: the peers that the node is connected to, all pages.</summary>
    public IAsyncEnumerable<PeerResponse> ListPeersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("network/peers", StoaJson.Default.ListResponsePeerResponse, cancellationToken);

    /// <summary><c>GET /api/v1/network/peers/{peer}</c>: where a peer is, as the network knows it.</summary>
    public Task<FoundPeerResponse> FindPeerAsync(string peer, CancellationToken cancellationToken = default) =>
        GetAsync($"network/peers/{Uri.EscapeDataString(peer)}", StoaJson.Default.FoundPeerResponse, cancellationToken);

    /// <summary><c>GET /api/v1/network/contents/{digest}/providers</c>: who has a content, as the network knows it.</summary>
    /// <param name="digest">Of the content, such as <c>sha256:…</c> of a program.</param>
    /// <param name="limit">The most that are looked for, 1 to 100; 20 when null.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<ListResponse<FoundPeerResponse>> ListProvidersAsync(string digest, int? limit = null, CancellationToken cancellationToken = default) => GetAsync(
        $"network/contents/{Uri.EscapeDataString(digest)}/providers" + Query(("limit", limit?.ToString(CultureInfo.InvariantCulture))), StoaJson.Default.ListResponseFoundPeerResponse, cancellationToken);

    /// <summary><c>GET /api/v1/network/offers</c>: what the nodes of the network offer, all pages.</summary>
    public IAsyncEnumerable<OfferResponse> ListOffersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("network/offers", StoaJson.Default.ListResponseOfferResponse, cancellationToken);

    /// <summary><c>POST /api/v1/network/pings</c>: pings a peer from the node.</summary>
    public Task<PingResponse> PingPeerAsync(PingRequest request, CancellationToken cancellationToken = default) => SendAsync(
        Once(HttpMethod.Post, "network/pings", () => JsonBody(request, StoaJson.Default.PingRequest)), StoaJson.Default.PingResponse, cancellationToken);

    /// <summary><c>GET /api/v1/network/signers</c>: who says something in the registry, all pages.</summary>
    /// <param name="standing"><c>stranger</c>, <c>vouched</c>, <c>believed</c>, <c>own</c> or <c>forgotten</c>; null for all.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    public IAsyncEnumerable<SignerResponse> ListSignersAsync(string? standing = null, CancellationToken cancellationToken = default) =>
        ListAsync("network/signers" + Query(("standing", standing)), StoaJson.Default.ListResponseSignerResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/network/signers/{key}/vouch</c>: vouches for a publisher or a node.</summary>
    /// <param name="key">The peer id of its key.</param>
    /// <param name="receipts">Whether it is a node whose word for receipts is believed.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<SignerResponse> VouchForSignerAsync(string key, bool receipts = false, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, VouchPath(key) + Query(("receipts", receipts ? "true" : null))), StoaJson.Default.SignerResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/network/signers/{key}/vouch</c>: vouches for it no more.</summary>
    public Task StopVouchingForSignerAsync(string key, CancellationToken cancellationToken = default) => DoAsync(new Call(HttpMethod.Delete, VouchPath(key)), cancellationToken);

    private static string VouchPath(string key) => $"network/signers/{Uri.EscapeDataString(key)}/vouch";
}
