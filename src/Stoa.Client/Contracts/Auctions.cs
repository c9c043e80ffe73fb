using Stoa.Primitives;

namespace Stoa.Client.Contracts;

/// <summary>How a task is put out to bids.</summary>
/// <param name="WindowMs">How long bids are taken, 10 to 5,000 milliseconds; 150 when left out.</param>
/// <param name="OnNoBids">When nobody bids: <c>fail</c> (when left out), or <c>select</c>: the best agent does it at its posted price.</param>
public sealed record AuctionTermsBody(int? WindowMs = null, string? OnNoBids = null);

/// <summary>The auction of a task; all of it is at <c>GET /api/v1/tasks/{id}/auction</c>.</summary>
/// <param name="Id">TypeID with prefix <c>auction</c>.</param>
/// <param name="State"><c>open</c>, <c>awarded</c>, <c>noBids</c> or <c>cancelled</c>.</param>
/// <param name="ClosesAt">When the last bids are taken.</param>
public sealed record TaskAuctionBody(string Id, string State, DateTimeOffset ClosesAt);

/// <summary><c>GET /api/v1/auctions/{id}</c>: an auction, and once it is decided every bid with why it won or lost.</summary>
/// <param name="Id">TypeID with prefix <c>auction</c>.</param>
/// <param name="TaskId">What is put out to bids.</param>
/// <param name="State"><c>open</c>, <c>awarded</c>, <c>noBids</c> or <c>cancelled</c>.</param>
/// <param name="Capabilities">What must be done.</param>
/// <param name="InputBytes">Size of the input.</param>
/// <param name="OpenedAt">When it was announced.</param>
/// <param name="ClosesAt">Bids that arrive later are refused.</param>
/// <param name="Bidders">Who may bid, in the order of the award once there is one. While it is open a publisher sees its own agents only.</param>
/// <param name="SealedBids">While it is open: what came from outside so far, closed.</param>
/// <param name="Reserve">The most that the task may cost at its limits; decimal string in US dollars.</param>
/// <param name="DecidedAt">When it ended.</param>
/// <param name="Award">The record of all of it, signed by the node; left out while it is open.</param>
public sealed record AuctionResponse(
    string Id,
    string TaskId,
    string State,
    IReadOnlyList<string> Capabilities,
    long InputBytes,
    DateTimeOffset OpenedAt,
    DateTimeOffset ClosesAt,
    IReadOnlyList<BidderBody> Bidders,
    IReadOnlyList<SealedBidResponse> SealedBids,
    string? Reserve = null,
    DateTimeOffset? DecidedAt = null,
    DsseEnvelope? Award = null);

/// <summary>An agent that may bid, and what came of it.</summary>
/// <param name="Agent">Full name of the version.</param>
/// <param name="Standing"><c>invited</c> while it is open; then <c>won</c>, <c>outbid</c>, <c>noBid</c>, <c>abovePosted</c> or <c>aboveReserve</c>.</param>
/// <param name="Quality">From 0 to 1: the expected price is divided by it.</param>
/// <param name="ExpectedPrice">What the task is expected to cost at the posted prices.</param>
/// <param name="Load">Tasks that it had at the node.</param>
/// <param name="Price">Its posted prices.</param>
/// <param name="Limits">What the task would get.</param>
/// <param name="Bid">What it asked; left out while the auction is open, and when it made none.</param>
/// <param name="Award">What it is paid by if it does the task: the winner, or one of the two next when those before it fail.</param>
/// <param name="Key">The key that its own service signs bids with, base64 of SubjectPublicKeyInfo; left out when the node bids for it.</param>
/// <param name="PriceFactor">What its posted prices are multiplied by, for the task's priority and its demand; left out when that is 1.</param>
public sealed record BidderBody(
    string Agent,
    string Standing,
    double Quality,
    string ExpectedPrice,
    int Load,
    AgentPriceBody Price,
    AgentLimitsBody Limits,
    BidBody? Bid = null,
    AwardBody? Award = null,
    string? Key = null,
    double? PriceFactor = null);

/// <summary>An opened bid: a factor of the posted prices, or a price for the whole task.</summary>
/// <param name="ReceivedAt">When it was made.</param>
/// <param name="Factor">From 0 to 1, as a decimal string.</param>
/// <param name="Price">Decimal string in US dollars.</param>
/// <param name="ExpectedPrice">What the task is expected to cost by it; left out when it could not win.</param>
/// <param name="Score">That divided by the quality: the least wins.</param>
public sealed record BidBody(
    DateTimeOffset ReceivedAt, string? Factor = null, string? Price = null, string? ExpectedPrice = null, string? Score = null);

/// <summary>What a bidder is paid by: the most that it could have asked and won.</summary>
/// <param name="Rates">In place of its posted prices.</param>
/// <param name="ExpectedPrice">What the task is expected to cost by them.</param>
/// <param name="PriceAtLimits">The most that it can cost by them.</param>
/// <param name="Factor">Of the posted prices, when it bid a factor.</param>
/// <param name="Price">For the whole task, when it bid a price.</param>
/// <param name="PriceFactor">What the price by these rates is multiplied by; left out when that is 1.</param>
public sealed record AwardBody(
    AgentPriceBody Rates, string ExpectedPrice, string PriceAtLimits, string? Factor = null, string? Price = null, double? PriceFactor = null);

/// <summary>A bid that the node has taken and keeps closed until the end of the window.</summary>
/// <param name="Commitment">SHA-256 of the signed payload: the award must hold a bid with it.</param>
/// <param name="ReceivedAt">By the node's clock.</param>
public sealed record SealedBidResponse(string Commitment, DateTimeOffset ReceivedAt);

/// <summary>The payload of a bid, which is signed as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <param name="AuctionId">The auction that it is for.</param>
/// <param name="Agent">Who bids, <c>publisher/name</c>.</param>
/// <param name="Nonce">Chance, 16 to 64 characters.</param>
/// <param name="Factor">Of the posted prices, from 0 to 1 with at most six decimals, as a decimal string; or <paramref name="Price"/>.</param>
/// <param name="Price">For the whole task, as a decimal string in US dollars.</param>
public sealed record BidStatement(string AuctionId, string Agent, string Nonce, string? Factor = null, string? Price = null)
{
    public const string PayloadType = "application/vnd.stoa.bid.v1+json";
}

/// <summary><c>PUT /api/v1/agents/{publisher}/{name}/bidding</c>: what makes the bids of an agent, in all of its versions.</summary>
/// <param name="Policy"><c>posted</c> (the posted prices), <c>fixed</c>, <c>loadAware</c>, <c>wasm</c>, <c>external</c> or <c>none</c>.</param>
/// <param name="Factor"><c>fixed</c>: of the posted prices, from 0 to 1, as a decimal string; or <paramref name="Price"/>.</param>
/// <param name="Price"><c>fixed</c>: for the whole task, as a decimal string in US dollars.</param>
/// <param name="IdleFactor"><c>loadAware</c>: the factor when the agent has nothing to do.</param>
/// <param name="BusyFactor"><c>loadAware</c>: the factor at full load; 1 when left out.</param>
/// <param name="FullLoad"><c>loadAware</c>: how many tasks at a node are full load; 8 when left out.</param>
/// <param name="Program"><c>wasm</c>: digest of an uploaded program that reads the announcement and writes the bid.</param>
/// <param name="Key"><c>external</c>: the P-256 public key that your service signs bids with, base64 of SubjectPublicKeyInfo.</param>
public sealed record BiddingPolicyBody(
    string Policy,
    string? Factor = null,
    string? Price = null,
    string? IdleFactor = null,
    string? BusyFactor = null,
    int? FullLoad = null,
    string? Program = null,
    string? Key = null);

/// <summary>What makes the bids of an agent.</summary>
/// <param name="Agent"><c>publisher/name</c>.</param>
/// <param name="Policy">As it was set.</param>
/// <param name="IsDefault">The publisher has said nothing: it bids as the operator says.</param>
/// <param name="Faults">Bids that its program did not make for faults of its own.</param>
/// <param name="UpdatedAt">When it was set.</param>
/// <param name="LastFault">The newest one.</param>
public sealed record BiddingResponse(
    string Agent, BiddingPolicyBody Policy, bool IsDefault, long Faults, DateTimeOffset? UpdatedAt = null, string? LastFault = null);
