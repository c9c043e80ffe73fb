namespace Stoa.Market.Tasks;

/// <summary>What of a run is chance otherwise. Where it is fixed, a program does the same wherever it runs: so its runs can be compared.</summary>
/// <param name="Seed">Of the agent's random source.</param>
/// <param name="ClockMs">Unix time in milliseconds at which the agent's clock begins, 0 to <see cref="MaxClockMs"/>.</param>
public sealed record TaskWorld(long Seed, long ClockMs)
{
    /// <summary>The end of the year 9999.</summary>
    public const long MaxClockMs = 253_402_300_799_999;
}

/// <summary>How often a task is run, each time by another executor, and how many of these have to agree.</summary>
/// <param name="Runs">2 to <see cref="MaxRuns"/>.</param>
/// <param name="Agree">More than half of them, so that no two outputs are both agreed on.</param>
public sealed record Redundancy(int Runs, int Agree)
{
    public const int MinRuns = 2;

    /// <summary>The most runs: 7.</summary>
    public const int MaxRuns = 7;

    /// <summary>The least that is more than half.</summary>
    public static int MajorityOf(int runs) => (runs / 2) + 1;

    /// <summary>Whether these numbers are in their ranges.</summary>
    public bool IsValid => Runs is >= MinRuns and <= MaxRuns && Agree >= MajorityOf(Runs) && Agree <= Runs;
}
