using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Selection;

/// <summary>What docs/selection.md says, one agent after another and with nothing clever: the index must find the same.</summary>
internal sealed class PlainSelection(IReadOnlyCollection<PlainAgent> agents, SelectionQuery query, DateTimeOffset now)
{
    /// <summary>The least reason why an agent is no candidate, with how often it is one; and the candidates.</summary>
    public (Dictionary<Unfit, int> Unfit, List<PlainCandidate> Candidates) Look()
    {
        // The index looks at those of the rarest capability, and takes the averages of that.
        var rarest = query.Requirement.Capabilities.MinBy(capability => agents.Count(known => known.Agent.Capabilities.Contains(capability)))!;
        var group = agents.Where(known => known.Agent.Capabilities.Contains(rarest)).ToList();
        var prior = PlainPrior.Of([.. group.Select(known => known.Stats).OfType<AgentStats>()], now);
        var unfit = new Dictionary<Unfit, int>();
        var candidates = new List<PlainCandidate>();
        foreach (var (agent, stats, open) in group)
        {
            var candidate = PlainCandidate.Of(
                agent, stats ?? new AgentStats { Agent = agent.Name }, agent.Factors.At(query.Priority, open), query, prior, now);
            if (ReasonAgainst(candidate) is { } reason)
                unfit[reason] = unfit.GetValueOrDefault(reason) + 1;
            else
                candidates.Add(candidate);
        }

        return (unfit, candidates);
    }

    private Unfit? ReasonAgainst(PlainCandidate candidate)
    {
        var agent = candidate.Agent;
        if (query.Excluded.Contains(agent.Name))
            return Unfit.Tried;
        if (!query.Requirement.Capabilities.All(agent.Capabilities.Contains))
            return Unfit.Capabilities;
        if (candidate.Stats.SuspendedUntil > now)
            return Unfit.Suspended;
        if (Math.Min(agent.Limits.MemoryBytes, query.Caps.MemoryBytes ?? long.MaxValue) > query.MaxMemoryBytes)
            return Unfit.Memory;
        if (agent.PriceAtLimits(query.InputBytes, query.Caps, candidate.Factor) is not { } price || price > query.Budget)
            return Unfit.Budget;
        if (query.TimeLeft is { } left && candidate.SlowSeconds > left.TotalSeconds)
            return Unfit.Deadline;
        return candidate.Failure > 1 - query.Requirement.MinReputation ? Unfit.Reputation : null;
    }
}

/// <summary>An agent, what is known of it, and how many tasks of it are open.</summary>
internal sealed record PlainAgent(IndexedAgent Agent, AgentStats? Stats, int Open);

/// <summary>What is expected of one agent.</summary>
internal sealed record PlainCandidate(
    IndexedAgent Agent, AgentStats Stats, PriceFactor Factor, double Price, double Failure, double Seconds, double SlowSeconds, double Unavailability)
{
    public static PlainCandidate Of(
        IndexedAgent agent, AgentStats stats, PriceFactor factor, SelectionQuery query, PlainPrior prior, DateTimeOffset now)
    {
        var unit = Decay.WeightAt(now);
        var fuel = Math.Min(agent.Limits.Fuel, query.Caps.Fuel ?? long.MaxValue) / 1e9;
        var memory = Math.Min(agent.Limits.MemoryBytes, query.Caps.MemoryBytes ?? long.MaxValue) / 1e9;
        var time = Math.Min(agent.Limits.TimeoutMs, query.Caps.TimeoutMs ?? long.MaxValue) / 1e3;
        var runs = (stats.Runs / unit) + prior.Runs;
        var atLimits = (Dollars(agent.Price.PerGigafuel) * fuel) + (Dollars(agent.Price.PerGigabyteSecond) * memory * time);
        var used = runs == 0
            ? atLimits
            : (Dollars(agent.Price.PerGigafuel) * ((stats.Gigafuel / unit) + (prior.Runs * prior.Gigafuel)) / runs)
                + (Dollars(agent.Price.PerGigabyteSecond) * ((stats.GigabyteSeconds / unit) + (prior.Runs * prior.GigabyteSeconds)) / runs);
        var price = (Dollars(agent.Price.Base) + (Dollars(agent.Price.PerMegabyte) * query.InputBytes / 1e6) + Math.Min(used, atLimits))
            * factor.Tier * factor.Demand / 1e6;

        var (successes, faults) = (stats.Successes / unit, stats.Faults / unit);
        var worth = price > 0 ? Math.Min(successes, stats.Paid / unit / price) : successes;
        var mean = stats.Runs > 0 ? stats.Seconds / stats.Runs : 0;
        var variance = stats.Runs > 0 ? Math.Max(0, (stats.SecondsSquared / stats.Runs) - (mean * mean)) : 0;
        return new PlainCandidate(
            agent,
            stats,
            factor,
            price,
            ((2 * prior.Failure) + faults) / (2 + faults + worth),
            runs == 0 ? 0 : ((stats.Seconds / unit) + (prior.Runs * prior.Seconds)) / runs,
            mean + (2 * Math.Sqrt(variance)),
            ((2 * prior.Unavailability) + (stats.NotHad / unit)) / (2 + ((stats.Had + stats.NotHad) / unit)));
    }

    public double Score(TypicalCandidate typical, SelectionWeights weights) =>
        (weights.Quality * Part(Failure, typical.Failure)) + (weights.Price * Part(Price, typical.Price))
        + (weights.Speed * Part(Seconds, typical.Seconds)) + (weights.Availability * Part(Unavailability, typical.Unavailability));

    public static double Part(double value, double median) => median + value > 0 ? median / (median + value) : 1;

    private static double Dollars(Money money) => money.Nanodollars / 1e9;
}

/// <summary>The averages of a capability, each agent having at most one voice.</summary>
internal sealed record PlainPrior(double Failure, double Unavailability, int Runs, double Seconds, double Gigafuel, double GigabyteSeconds)
{
    public static PlainPrior Of(IReadOnlyList<AgentStats> all, DateTimeOffset now)
    {
        // A voice is measured at the landmark of the index, and fades from there like everything else.
        var landmark = Decay.WeightAt(Market.Start);
        var decay = landmark / Decay.WeightAt(now);
        var good = all.Sum(stats => Voice(stats.Successes, stats.Successes + stats.Faults)) * decay;
        var bad = all.Sum(stats => Voice(stats.Faults, stats.Successes + stats.Faults)) * decay;
        var had = all.Sum(stats => Voice(stats.Had, stats.Had + stats.NotHad)) * decay;
        var notHad = all.Sum(stats => Voice(stats.NotHad, stats.Had + stats.NotHad)) * decay;
        var runs = all.Sum(stats => Voice(stats.Runs, stats.Runs));
        return new PlainPrior(
            (bad + 0.5) / (good + bad + 1),
            (notHad + 0.5) / (had + notHad + 1),
            runs > 0 ? 1 : 0,
            runs > 0 ? all.Sum(stats => Voice(stats.Seconds, stats.Runs)) / runs : 0,
            runs > 0 ? all.Sum(stats => Voice(stats.Gigafuel, stats.Runs)) / runs : 0,
            runs > 0 ? all.Sum(stats => Voice(stats.GigabyteSeconds, stats.Runs)) / runs : 0);

        double Voice(double sum, double of) => sum / landmark / (1 + (of / landmark));
    }
}
