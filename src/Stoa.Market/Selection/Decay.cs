namespace Stoa.Market.Selection;

/// <summary>Forgetting by half-life, without ever touching what is stored: forward decay.</summary>
/// <remarks>
/// An observation at the instant t is added with the weight 2^((t − landmark) / half-life), and a sum is read at the instant
/// now divided by 2^((now − landmark) / half-life). That is the same as letting each observation fade from 1, but sums are only ever
/// added to, so the order in which nodes write them does not matter, and ratios of sums need no clock at all.
/// (Cormode, Shkapenyuk, Srivastava, Xu: "Forward Decay: A Practical Time Decay Model for Streaming Systems", ICDE 2009.)
/// A double holds weights until eighty years after the landmark.
/// </remarks>
public static class Decay
{
    /// <summary>After this time an observation counts half.</summary>
    public static readonly TimeSpan HalfLife = TimeSpan.FromDays(30);

    private static readonly DateTimeOffset s_landmark = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The weight with which an observation of this instant is added to stored sums.</summary>
    public static double WeightAt(DateTimeOffset instant) => double.Exp2((instant - s_landmark) / HalfLife);
}
