using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Supply;

/// <summary>A model whose answers a supplier sells, as its list has it.</summary>
/// <param name="Name">As requests name it there, with its version.</param>
/// <param name="Publisher">Key of its publisher: the same at every node.</param>
/// <param name="Weights">Digest of its weights.</param>
/// <param name="Region">Where it is answered; null when it is not said.</param>
/// <param name="Price">All that it costs there.</param>
public sealed record SoldModel(ListingName Name, PeerId Publisher, ContentHash Weights, string? Region, ModelPrice Price)
{
    /// <summary>The most of a list that are looked at.</summary>
    public const int MostModels = 1_000;

    /// <summary>Its name at every node but those of its publisher's cell.</summary>
    public ListingName Listing => new(Publisher.ToString(), Name.Name, Name.Version);

    /// <summary>Reads a row of a list, which comes from a stranger.</summary>
    /// <returns>Null when it is none.</returns>
    public static SoldModel? TryRead(string? name, string? publisher, string? weights, string? region, string? inputPrice, string? outputPrice)
    {
        var errors = new List<FieldError>();
        if (!ListingName.TryParse(name, null, out var listing) || listing.Version is null
            || !PeerId.TryParse(publisher, null, out var key)
            || !ContentHash.TryParse(weights, null, out var digest)
            || (region is not null && !Names.IsRegion(region)))
        {
            return null;
        }

        var (input, output) = (ReplicaRules.ReadPrice(inputPrice ?? "", "/inputPrice", errors), ReplicaRules.ReadPrice(outputPrice ?? "", "/outputPrice", errors));
        return errors.Count == 0 ? new SoldModel(listing, key, digest, region, new ModelPrice(input, output)) : null;
    }
}

/// <summary>Which of those that sell the same model get how many of its requests.</summary>
public static class SupplierShares
{
    // Of each token read and each token written as many, as of a page that is summed up on a quarter of one.
    private const long ReadForWritten = 4;

    /// <summary>The weight of one as a replica: who is half as dear gets twice as many, and who fails every second time half as many.</summary>
    /// <param name="price">What it asks.</param>
    /// <param name="least">What the cheapest of them asks.</param>
    /// <param name="standing">What it has done so far.</param>
    public static int WeightOf(ModelPrice price, ModelPrice least, SupplierStanding standing)
    {
        ArgumentNullException.ThrowIfNull(standing);
        // What is free is as cheap as the smallest amount.
        var dearness = Math.Max(1, CostOf(price)) / Math.Max(1, CostOf(least));
        return (int)Math.Clamp(Math.Round(Replica.MostWeight * standing.Reliability / dearness), 1, Replica.MostWeight);
    }

    /// <summary>What a typical request costs, in no unit: to compare prices.</summary>
    public static double CostOf(ModelPrice price)
    {
        ArgumentNullException.ThrowIfNull(price);
        return ((double)price.PerMillionInputTokens.Nanodollars * ReadForWritten) + price.PerMillionOutputTokens.Nanodollars;
    }

    /// <summary>For how long one gets no requests to models that has lied.</summary>
    /// <param name="lies">How often, with this time.</param>
    /// <returns>A minute, and four times as long for each lie before, up to a week.</returns>
    public static TimeSpan BarOf(long lies) => TimeSpan.FromMinutes(Math.Min(Math.Pow(4, Math.Clamp(lies - 1, 0, 16)), TimeSpan.FromDays(7).TotalMinutes));
}
