using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Market.Tasks;

/// <summary>What a node swears about one execution; signed as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <remarks>
/// With the same program, input, parameters, limits, seed and clock anyone can run it again and must get the same
/// output and the same fuel, unless it asked models. The JSON form is in <see cref="ReceiptJson"/>.
/// </remarks>
/// <param name="Id">Of the receipt.</param>
/// <param name="TaskId">The task.</param>
/// <param name="ConsumerId">Who paid.</param>
/// <param name="Agent">Full name of the version.</param>
/// <param name="ArtifactDigest">Its OCI artifact.</param>
/// <param name="ProgramDigest">The program that ran.</param>
/// <param name="Parameters">As given, in the manifest's order.</param>
/// <param name="Limits">In force.</param>
/// <param name="Seed">Seed of the agent's deterministic random source.</param>
/// <param name="ClockMs">Unix time in milliseconds at which the agent's deterministic clock began.</param>
/// <param name="InputDigest">What it was given to read.</param>
/// <param name="OutputDigest">What it wrote.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Price">What was charged.</param>
/// <param name="Shares">Who got what; sums to the price.</param>
/// <param name="NodeKey">The public key of the signing node; its peer id is the node's name.</param>
/// <param name="FinishedAt">UTC, to the millisecond.</param>
/// <param name="Pricing">What the price was computed from; null in receipts that were signed before it was stated.</param>
public sealed record Receipt(
    Id<Receipt> Id,
    Id<AgentTask> TaskId,
    Id<User> ConsumerId,
    ListingName Agent,
    ContentHash ArtifactDigest,
    ContentHash ProgramDigest,
    IReadOnlyList<TaskParameter> Parameters,
    AgentLimits Limits,
    long Seed,
    long ClockMs,
    ContentHash InputDigest,
    ContentHash OutputDigest,
    Usage Usage,
    Money Price,
    Shares Shares,
    PublicKey NodeKey,
    DateTimeOffset FinishedAt,
    ReceiptPricing? Pricing) : IIdentified
{
    public const string PayloadType = "application/vnd.stoa.receipt.v1+json";

    public static string IdPrefix => "rcpt";

    /// <summary>The auction in which the rates were awarded; null when they are the posted ones.</summary>
    public ReceiptAuction? Auction { get; init; }

    /// <summary>The key that the input was sealed to, and the output in answer to it; null when both were in the clear. The digests are those of the sealed bytes.</summary>
    public SealingKeyId? SealedTo { get; init; }

    /// <summary>Who had which part of the creator's share; none where all of it is the publisher's. They sum to it.</summary>
    public IReadOnlyList<ReceiptRoyalty> Royalties { get; init; } = [];

    /// <summary>The calls of other agents, in the order in which they began. Price and shares above have theirs in them.</summary>
    public IReadOnlyList<ReceiptCall> Calls { get; init; } = [];

    /// <summary>The requests to models, in the order in which they were made. Price and shares above have theirs in them. With any of these the run cannot be repeated: models answer another thing each time.</summary>
    public IReadOnlyList<ReceiptModelRequest> ModelRequests { get; init; } = [];

    /// <summary>Whether anyone who runs it again must get the same.</summary>
    public bool IsRepeatable => ModelRequests.Count == 0;

    /// <summary>Signs it with the key of the node that it names.</summary>
    /// <exception cref="ArgumentException">The key is another one.</exception>
    public SignedReceipt Sign(PrivateKey nodeKey) => nodeKey.PublicKey.Equals(NodeKey)
        ? new SignedReceipt(Id, TaskId, DsseEnvelope.Sign(PayloadType, ReceiptJson.Write(this), nodeKey))
        : throw new ArgumentException($"The receipt names {NodeKey.PeerId}, the key is of {nodeKey.PublicKey.PeerId}.", nameof(nodeKey));
}

/// <summary>What a price was computed from, beside the usage.</summary>
/// <param name="Rates">Those that the agent has posted, or was awarded.</param>
/// <param name="InputBytes">Size of the input, read or not.</param>
public sealed record ReceiptPricing(AgentPrice Rates, long InputBytes)
{
    /// <summary>What the sum of the parts is multiplied by.</summary>
    public PriceFactor Factor { get; init; } = PriceFactor.One;
}

/// <summary>A part of the creator's share.</summary>
/// <param name="To">Handle of who got it.</param>
/// <param name="Agent">For which version: the one that ran, or one that it is built on.</param>
/// <param name="Amount">Above zero.</param>
public sealed record ReceiptRoyalty(string To, ListingName Agent, Money Amount);

/// <summary>Where the rates of a receipt come from when they are not the posted ones.</summary>
/// <param name="Id">The auction.</param>
/// <param name="AwardDigest">SHA-256 of the payload of its signed <see cref="AwardRecord"/>.</param>
public sealed record ReceiptAuction(Id<Auction> Id, ContentHash AwardDigest);

/// <summary>A call of another agent.</summary>
/// <param name="Number">From 1, in the order in which they began.</param>
/// <param name="Parent">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Agent">The version that was called.</param>
/// <param name="ProgramDigest">Its program.</param>
/// <param name="Limits">In force.</param>
/// <param name="InputDigest">What it was given.</param>
/// <param name="OutputDigest">What it wrote; null when it failed.</param>
/// <param name="Usage">What was measured.</param>
/// <param name="Failure">How it failed, in camelCase; null when it did not.</param>
/// <param name="Pricing">The agent's rates, and the size of the input.</param>
/// <param name="Price">By these rates, without the calls that it made; nothing when it failed, or a call that it was made for.</param>
/// <param name="Shares">They sum to the price.</param>
/// <param name="Royalties">Who has which part of the creator's share, the publisher among them; they sum to it.</param>
public sealed record ReceiptCall(
    int Number,
    int? Parent,
    ListingName Agent,
    ContentHash ProgramDigest,
    AgentLimits Limits,
    ContentHash InputDigest,
    ContentHash? OutputDigest,
    Usage Usage,
    string? Failure,
    ReceiptPricing Pricing,
    Money Price,
    Shares Shares,
    IReadOnlyList<ReceiptRoyalty> Royalties)
{
    /// <summary>Whether it is about a call that was run again. Time is left out, and with it what depends on time.</summary>
    internal bool Tells(AgentCall call) => Number == call.Number && (Parent ?? 0) == call.Parent
        && Agent == call.Agent.Listing && ProgramDigest == call.Agent.ProgramDigest && Limits == call.Limits
        && InputDigest == call.Input && Pricing.InputBytes == call.InputBytes && OutputDigest == call.Output
        && Usage with { DurationMs = 0 } == call.Usage with { DurationMs = 0 }
        && (Failure is null) == (call.Failure is null) && Pricing.Rates == call.Agent.Manifest.Price;
}
