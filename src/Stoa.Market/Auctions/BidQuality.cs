using Stoa.Market.Selection;

namespace Stoa.Market.Auctions;

/// <summary>What the price of a bid is divided by before bids are compared.</summary>
public static class BidQuality
{
    /// <summary>The greatest quality, in units of 10⁻⁹.</summary>
    public const long Full = 1_000_000_000;

    // With a price that matters nearly nothing all bids but the best's would be out of the range of numbers.
    private const double MaxExponent = 8;

    /// <summary>The quality of a candidate of the selection.</summary>
    /// <remarks>
    /// The weighted mean of its parts quality, speed and availability, each from 0 to 1 with 0.5 typical, raised to the power (1 − p) / p,
    /// where p is the weight of the price: the less the price matters, the more the rest does. Rounded, so that everyone who computes
    /// with it has the same number.
    /// </remarks>
    /// <returns>From 1 to <see cref="Full"/>.</returns>
    public static long Of(Candidate candidate, SelectionWeights weights)
    {
        var others = weights.Quality + weights.Speed + weights.Availability;
        if (!(others > 0))
            return Full;
        var mean = ((candidate.Quality * weights.Quality) + (candidate.Speed * weights.Speed) + (candidate.Availability * weights.Availability)) / others;
        var exponent = weights.Price > 0 ? Math.Min(others / weights.Price, MaxExponent) : MaxExponent;
        var quality = Math.Pow(mean, exponent) * Full;
        return double.IsNaN(quality) ? 1 : (long)Math.Clamp(Math.Round(quality), 1, Full);
    }
}
