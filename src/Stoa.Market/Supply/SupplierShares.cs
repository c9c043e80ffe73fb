using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Goods;

namespace Stoa.Market.Supply;

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
