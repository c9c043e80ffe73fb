using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>A model version as it is priced here: what its publisher asks for using it, and what the operator asks for serving it.</summary>
/// <param name="Listing"><c>publisher/name@version</c>.</param>
/// <param name="Publisher">Who earns by the listing price; null for a publisher of another cell, and then there is no listing price.</param>
/// <param name="ListingPrice">What the publisher asks for; null for nothing.</param>
/// <param name="ServingPrice">What the operator asks for; null for nothing.</param>
public sealed record PricedModel(ListingName Listing, Id<User>? Publisher, ModelPrice? ListingPrice, ModelPrice? ServingPrice)
{
    /// <summary>What another operator's node asks for answering: all that there is to pay, and then there are no other prices. Null where a server of this cell answers.</summary>
    public SuppliedPrice? Supplied { get; init; }

    private const long Million = 1_000_000;

    /// <summary>Without a publisher there is nobody whom it could be paid to.</summary>
    private ModelPrice? PaidListingPrice => Publisher is null ? null : ListingPrice;

    /// <summary>Whether nothing is ever paid for it.</summary>
    public bool IsFree => IsNothing(PaidListingPrice) && IsNothing(ServingPrice) && IsNothing(Supplied?.Price);

    /// <summary>What a million tokens cost, all parts together.</summary>
    public ModelPrice PerMillion => new(
        Sum(price => price.PerMillionInputTokens),
        Sum(price => price.PerMillionOutputTokens));

    /// <summary>What tokens cost: all parts, each rounded up to the nanodollar.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    /// <exception cref="OverflowException">It is out of the range of money.</exception>
    public Money PriceOf(TokenUsage usage) =>
        TryPriceOf(usage) is { } parts ? parts.Total : throw new OverflowException($"{usage.InputTokens} and {usage.OutputTokens} tokens of {Listing} are out of the range of money.");

    /// <summary>The same by its parts; null when it is out of the range of money.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    public InferencePrice? TryPriceOf(TokenUsage usage)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(usage.InputTokens, nameof(usage));
        ArgumentOutOfRangeException.ThrowIfNegative(usage.OutputTokens, nameof(usage));
        var (listing, serving, supplied) = (PartOf(PaidListingPrice, usage), PartOf(ServingPrice, usage), SuppliedPartOf(usage));
        return listing + serving + supplied > long.MaxValue ? null : new InferencePrice(new Money((long)listing), new Money((long)serving), new Money((long)supplied));
    }

    /// <summary>⌈(input tokens × their price + output tokens × their price) / 10⁶⌉ nanodollars. Two products of 63 bits are far from the range of 128.</summary>
    private static Int128 PartOf(ModelPrice? price, TokenUsage usage)
    {
        if (price is null)
            return 0;
        var product = (Int128)price.PerMillionInputTokens.Nanodollars * usage.InputTokens + (Int128)price.PerMillionOutputTokens.Nanodollars * usage.OutputTokens + (Million - 1);
        // Nearly all fit into 64 bits, which are divided in a fraction of the time.
        return product <= long.MaxValue ? (long)product / Million : product / Million;
    }

    private Money Sum(Func<ModelPrice, Money> part) =>
        new[] { PaidListingPrice, ServingPrice, Supplied?.Price }.OfType<ModelPrice>().Aggregate(Money.Zero, (sum, price) => sum + part(price));

    // Its price there has two parts as well, each of which is rounded up, and the list has their sum.
    private Int128 SuppliedPartOf(TokenUsage usage) => PartOf(Supplied?.Price, usage) is var part && part > 0 ? part + 1 : part;

    private static bool IsNothing(ModelPrice? price) => price is null || (price.PerMillionInputTokens == Money.Zero && price.PerMillionOutputTokens == Money.Zero);
}

/// <summary>A price by its parts.</summary>
/// <param name="Listing">For the publisher's listing; shared by creator, node and market.</param>
/// <param name="Serving">For serving it; shared by node and market.</param>
/// <param name="Supplied">For having it answered at another operator's node; the node's whole, which has paid as much there.</param>
public readonly record struct InferencePrice(Money Listing, Money Serving, Money Supplied = default)
{
    /// <summary>What the consumer pays.</summary>
    public Money Total => Listing + Serving + Supplied;

    /// <summary>The same price, but no more than so much: what is too much goes off the serving part first, and off what is paid elsewhere last.</summary>
    public InferencePrice AtMost(Money most)
    {
        if (Total <= most)
            return this;
        var supplied = Money.Min(Supplied, most);
        var listing = Money.Min(Listing, most - supplied);
        return new InferencePrice(listing, most - supplied - listing, supplied);
    }

    /// <summary>Both together.</summary>
    public static InferencePrice operator +(InferencePrice one, InferencePrice other) => new(one.Listing + other.Listing, one.Serving + other.Serving, one.Supplied + other.Supplied);
}

/// <summary>What another operator's node asks for answering with a model.</summary>
/// <remarks>What is reckoned by it is the most that an answer costs there, a nanodollar too much at most: what the node does charge is in its receipt.</remarks>
/// <param name="Node">Its peer id.</param>
/// <param name="Price">All that it asks for.</param>
public sealed record SuppliedPrice(PeerId Node, ModelPrice Price);
