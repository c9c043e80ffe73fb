namespace Stoa.Market.Selection;

/// <summary>What is expected of one agent at one task: each quantity is better when it is smaller.</summary>
/// <remarks><see cref="GroupLook"/> computes the same for many at once, in single precision, and leaves out what the agents take off for volume.</remarks>
/// <param name="Price">In dollars: base, input, and what its runs burnt and held on average, but not more than at the limits; times the task's factor; and the most that its calls cost, so that
/// nobody is preferred for calls that he does not declare as tightly as others.</param>
/// <param name="Failure">The believed chance to fail.</param>
/// <param name="Seconds">The mean wall time of its runs.</param>
/// <param name="Unavailability">The believed chance that it cannot be had.</param>
internal readonly record struct Estimate(double Price, double Failure, double Seconds, double Unavailability)
{
    /// <param name="state">The agent.</param>
    /// <param name="query">The task.</param>
    /// <param name="prior">What is expected of agents that have not run.</param>
    /// <param name="decay">The weight of the landmark's observations by now.</param>
    public static Estimate Of(AgentState state, SelectionQuery query, Prior prior, double decay)
    {
        var (price, limits, caps, sums) = (state.Agent.Price, state.Agent.Limits, query.Caps, state.Sums);
        var (perGigafuel, perGigabyteSecond) = (price.PerGigafuel.Nanodollars / 1e9, price.PerGigabyteSecond.Nanodollars / 1e9);
        var fixedPart = (price.Base.Nanodollars / 1e9) + (price.PerMegabyte.Nanodollars / 1e9 * (query.InputBytes / 1e6));
        var limitPart = (perGigafuel * (Math.Min(limits.Fuel, caps.Fuel ?? long.MaxValue) / 1e9))
            + (perGigabyteSecond
                * (Math.Min(limits.MemoryBytes, caps.MemoryBytes ?? long.MaxValue) / 1e9)
                * (Math.Min(limits.TimeoutMs, caps.TimeoutMs ?? long.MaxValue) / 1e3));

        // What is known of its runs, with one run of the capability's average agent beside it.
        var runs = (sums.Runs * decay) + prior.RunStrength;
        var gigafuel = (sums.Gigafuel * decay) + (prior.RunStrength * prior.Gigafuel);
        var gigabyteSeconds = (sums.GigabyteSeconds * decay) + (prior.RunStrength * prior.GigabyteSeconds);
        var runPart = runs > 0 ? ((perGigafuel * gigafuel) + (perGigabyteSecond * gigabyteSeconds)) / runs : limitPart;
        var expected = ((fixedPart + Math.Min(runPart, limitPart)) * state.FactorFor(query).Value) + (state.Agent.MostForCalls.Nanodollars / 1e9);

        var notHad = (sums.NotHad * decay) + (Reputation.PriorStrength * prior.Unavailability);
        return new Estimate(
            expected,
            Reputation.Of(sums.Successes * decay, sums.Paid * decay, sums.Faults * decay, expected, prior.Failure).Mean,
            runs > 0 ? ((sums.Seconds * decay) + (prior.RunStrength * prior.Seconds)) / runs : 0,
            notHad / (((sums.Had + sums.NotHad) * decay) + Reputation.PriorStrength));
    }
}
