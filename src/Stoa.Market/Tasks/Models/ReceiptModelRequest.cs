using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>A request to a model, as a receipt states it. What a model answers is another thing each time: a receipt with any of these cannot be run again.</summary>
/// <param name="Number">From 1, in the order in which they were made.</param>
/// <param name="Call">The number of the call that made it; null for the task's own agent.</param>
/// <param name="Asked">What it named as its model.</param>
/// <param name="Endpoint">Of OpenAI's API: <c>chat</c>, <c>completion</c> or <c>embedding</c>.</param>
/// <param name="RequestDigest">SHA-256 of its body.</param>
/// <param name="AnswerDigest">SHA-256 of what the agent could read of it: the answer, or the error.</param>
/// <param name="Failure">Why there was no answer, by its name in OpenAI's API; null when there was one.</param>
/// <param name="Used">Who answered, and what was counted; null when nothing was used.</param>
/// <param name="Price">By the prices in <paramref name="Used"/>; nothing when nothing was used, or it was made for a call that failed.</param>
/// <param name="Shares">They sum to the price.</param>
/// <param name="Royalties">Who has the creator's share: the model's publisher.</param>
public sealed record ReceiptModelRequest(
    int Number,
    int? Call,
    string Asked,
    string Endpoint,
    ContentHash RequestDigest,
    ContentHash AnswerDigest,
    string? Failure,
    ReceiptModelUse? Used,
    Money Price,
    Shares Shares,
    IReadOnlyList<ReceiptRoyalty> Royalties);

/// <summary>What a request to a model used, and at which prices.</summary>
/// <param name="Model">The version that answered.</param>
/// <param name="ListingPrice">What its publisher is paid; null for nothing.</param>
/// <param name="ServingPrice">What the operator is paid for serving it; null for nothing.</param>
/// <param name="Tokens">As they are billed.</param>
public sealed record ReceiptModelUse(ListingName Model, ModelPrice? ListingPrice, ModelPrice? ServingPrice, TokenUsage Tokens)
{
    /// <summary>Which other operator's node has answered, and what it is paid: the node that signs has asked for its agent there. Null where a server of its own has.</summary>
    public SuppliedPrice? Supplied { get; init; }

    /// <summary>What it costs; null when the prices are none, or it is out of the range of money.</summary>
    public Money? Price => IsNegative(ListingPrice) || IsNegative(ServingPrice) || IsNegative(Supplied?.Price)
        ? null
        : new PricedModel(Model, Publisher: default(Id<Identity.User>), ListingPrice, ServingPrice) { Supplied = Supplied }.TryPriceOf(Tokens)?.Total;

    /// <summary>States what a request was paid by.</summary>
    public static ReceiptModelUse Of(PaidRequest paid)
    {
        ArgumentNullException.ThrowIfNull(paid);
        return new(paid.Model.Listing, paid.Model.Publisher is null ? null : paid.Model.ListingPrice, paid.Model.ServingPrice, paid.Used) { Supplied = paid.Model.Supplied };
    }

    private static bool IsNegative(ModelPrice? price) => price is not null && (price.PerMillionInputTokens < Money.Zero || price.PerMillionOutputTokens < Money.Zero);
}
