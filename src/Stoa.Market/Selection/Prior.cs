namespace Stoa.Market.Selection;

/// <summary>The sums of a group: what is known of agents of this capability in general.</summary>
internal sealed record Totals(
    double Successes, double Faults, double Had, double NotHad, double Runs, double Seconds, double Gigafuel, double GigabyteSeconds)
{
    public static Totals Zero { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>What one agent adds: its ratios, with at most one voice, so that nobody moves the average by sheer number.</summary>
    public static Totals Of(AgentSums sums)
    {
        var receipts = 1 / (1 + sums.Successes + sums.Faults);
        var tries = 1 / (1 + sums.Had + sums.NotHad);
        var runs = 1 / (1 + sums.Runs);
        return new Totals(
            sums.Successes * receipts, sums.Faults * receipts, sums.Had * tries, sums.NotHad * tries,
            sums.Runs * runs, sums.Seconds * runs, sums.Gigafuel * runs, sums.GigabyteSeconds * runs);
    }

    public static Totals operator +(Totals a, Totals b) => new(
        a.Successes + b.Successes, a.Faults + b.Faults, a.Had + b.Had, a.NotHad + b.NotHad, a.Runs + b.Runs, a.Seconds + b.Seconds,
        a.Gigafuel + b.Gigafuel, a.GigabyteSeconds + b.GigabyteSeconds);

    public static Totals operator -(Totals a, Totals b) => new(
        a.Successes - b.Successes, a.Faults - b.Faults, a.Had - b.Had, a.NotHad - b.NotHad, a.Runs - b.Runs, a.Seconds - b.Seconds,
        a.Gigafuel - b.Gigafuel, a.GigabyteSeconds - b.GigabyteSeconds);
}

/// <summary>What is believed of an agent of which nothing is known: the averages of its capability.</summary>
/// <param name="Failure">Chance to fail; with no evidence at all, one half.</param>
/// <param name="Unavailability">Chance that it cannot be had.</param>
/// <param name="RunStrength">How many runs the averages of runs are worth: 0 when there are none.</param>
/// <param name="Seconds">Wall time of a run.</param>
/// <param name="Gigafuel">Fuel of a run.</param>
/// <param name="GigabyteSeconds">Memory of a run, times its time.</param>
internal readonly record struct Prior(
    double Failure, double Unavailability, double RunStrength, double Seconds, double Gigafuel, double GigabyteSeconds)
{
    // Below this the sums are what is left of subtracting equal numbers.
    private const double Least = 1e-9;

    public static Prior Of(Totals totals, double decay)
    {
        var hasRuns = totals.Runs > Least;
        var perRun = hasRuns ? 1 / totals.Runs : 0;
        return new Prior(
            (Decayed(totals.Faults) + 0.5) / (Decayed(totals.Successes) + Decayed(totals.Faults) + 1),
            (Decayed(totals.NotHad) + 0.5) / (Decayed(totals.Had) + Decayed(totals.NotHad) + 1),
            hasRuns ? 1 : 0,
            Positive(totals.Seconds) * perRun,
            Positive(totals.Gigafuel) * perRun,
            Positive(totals.GigabyteSeconds) * perRun);

        double Decayed(double sum) => Positive(sum) * decay;
    }

    private static double Positive(double value) => Math.Max(0, value);
}
