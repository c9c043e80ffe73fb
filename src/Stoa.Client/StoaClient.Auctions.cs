using System.Security.Cryptography;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/tasks/{id}/auction</c>: of a task that was put out to bids.</summary>
    public Task<AuctionResponse> GetTaskAuctionAsync(string task, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(task) + "/auction", StoaJson.Default.AuctionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/auctions/{id}</c>: for its consumer, and for the publishers of agents that were invited.</summary>
    public Task<AuctionResponse> GetAuctionAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(AuctionPath(id), StoaJson.Default.AuctionResponse, cancellationToken);

    /// <summary><c>POST /api/v1/auctions/{id}/bids</c>: bids for an agent whose bidding is external. The same envelope again is the same bid.</summary>
    public Task<SealedBidResponse> PlaceBidAsync(string auction, DsseEnvelope bid, CancellationToken cancellationToken = default) => SendAsync(
        // The node knows a repeated bid by itself, and keys would only cost time that a window does not have.
        new Call(HttpMethod.Post, AuctionPath(auction) + "/bids", () => JsonBody(bid, StoaJson.Default.DsseEnvelope)),
        StoaJson.Default.SealedBidResponse,
        cancellationToken);

    /// <summary>Signs a bid and sends it.</summary>
    /// <param name="auction">From the event <c>stoa.auction.announced</c>.</param>
    /// <param name="agent"><c>publisher/name</c>.</param>
    /// <param name="factor">Of the posted prices, such as <c>0.8</c>; null when there is a price.</param>
    /// <param name="price">For the whole task, such as <c>0.0005</c>; null when there is a factor.</param>
    /// <param name="key">The private half of the key in the agent's bidding.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<SealedBidResponse> PlaceBidAsync(
        string auction, string agent, string? factor, string? price, PrivateKey key, CancellationToken cancellationToken = default)
    {
        var statement = new BidStatement(auction, agent, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), factor, price);
        var payload = JsonSerializer.SerializeToUtf8Bytes(statement, StoaJson.Default.BidStatement);
        return PlaceBidAsync(auction, DsseEnvelope.Sign(BidStatement.PayloadType, payload, key), cancellationToken);
    }

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/bidding</c>: of an agent of yours.</summary>
    public Task<BiddingResponse> GetBiddingAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        GetAsync(BiddingPath(agent), StoaJson.Default.BiddingResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/agents/{publisher}/{name}/bidding</c>.</summary>
    public Task<BiddingResponse> SetBiddingAsync(AgentReference agent, BiddingPolicyBody policy, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, BiddingPath(agent), () => JsonBody(policy, StoaJson.Default.BiddingPolicyBody)), StoaJson.Default.BiddingResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/agents/{publisher}/{name}/bidding</c>: it bids as the operator says again.</summary>
    public Task<BiddingResponse> ResetBiddingAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, BiddingPath(agent)), StoaJson.Default.BiddingResponse, cancellationToken);

    private static string AuctionPath(string id) => $"auctions/{Uri.EscapeDataString(id)}";

    private static string BiddingPath(AgentReference agent) => agent.ListingPath + "/bidding";
}
