namespace Stoa.Market.Selection;

/// <summary>Puts agents that other operators' nodes would run beside those of the cell, by the same score.</summary>
/// <remarks>
/// Of the cell's agents receipts are known, of those of the network what their nodes have done. So the parts come from other quantities: quality from what the node lied about, availability from what it failed,
/// both with the cell's typical agent as the opinion about who is unknown; speed from how long it takes to answer beside what a run typically takes; the price is the node's own word, the most that it can be.
/// </remarks>
public static class NetworkChoice
{
    // What is believed with no evidence at all.
    private const double EvenOdds = 0.5;

    /// <summary>A choice that found nobody, since nobody was looked at.</summary>
    public static Choice Nobody(SelectionQuery query, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(query);
        return new Choice(now, query.Requirement.Weights, [], 0, new Dictionary<Unfit, int>(), IsExploring: false, new TypicalCandidate(0, 0, 0, 0));
    }

    /// <summary>The choice with these beside the agents of the cell; the best has the task, unless it was given to another one to learn.</summary>
    /// <param name="local">Among the agents of the cell; it may be that none fits.</param>
    /// <param name="candidates">Of the network: each agent once.</param>
    /// <param name="query">The task.</param>
    /// <param name="policy">How many candidates are listed.</param>
    public static Choice Join(Choice local, IReadOnlyList<NetworkCandidate> candidates, SelectionQuery query, SelectionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(policy);
        var unfit = local.UnfitCounts.ToDictionary();
        var estimates = new List<(NetworkCandidate Candidate, Estimate Estimate)>();
        var (failure, unavailability, seconds) = local.CandidateCount > 0 ? (local.Typical.Failure, local.Typical.Unavailability, local.Typical.Seconds) : (EvenOdds, EvenOdds, 0);
        foreach (var other in candidates)
        {
            var estimate = new Estimate(
                other.Amount.Nanodollars / 1e9,
                Believed(failure, other.Lies, other.Successes),
                other.Seconds + seconds,
                Believed(unavailability, other.Failures, other.Successes));
            if (WhyUnfit(other, estimate, query) is { } reason)
                unfit[reason] = unfit.GetValueOrDefault(reason) + 1;
            else
                estimates.Add((other, estimate));
        }

        if (estimates.Count == 0)
            return local with { UnfitCounts = unfit };
        var typical = local.CandidateCount > 0 ? local.Typical : TypicalOf([.. estimates.Select(one => one.Estimate)]);
        var added = estimates.Select(one => Describe(one.Candidate, one.Estimate, typical, query)).OrderByDescending(candidate => candidate.Score)
            .ThenBy(candidate => candidate.Agent.Name, StringComparer.Ordinal).ToList();
        var isTaken = !local.IsExploring && (local.Chosen is not { } before || added[0].Score > before.Score);
        if (isTaken)
            added[0] = added[0] with { Standing = Standing.Chosen };
        var all = local.Candidates.Select(candidate => isTaken ? candidate with { Standing = Standing.LowerScore } : candidate).Concat(added).OrderByDescending(candidate => candidate.Score).ToList();
        // Whoever has the task is listed, wherever he stands.
        var listed = all.Take(policy.Listed).ToList();
        if (!listed.Exists(candidate => candidate.Standing is Standing.Chosen))
            listed.Add(all.First(candidate => candidate.Standing is Standing.Chosen));
        return local with { RegionWeight = query.Preference is null ? null : RegionPreference.Weight, Candidates = listed, CandidateCount = local.CandidateCount + added.Count, UnfitCounts = unfit, Typical = typical };
    }

    private static double Believed(double prior, double against, double favourable) =>
        ((Reputation.PriorStrength * prior) + against) / (Reputation.PriorStrength + against + favourable);

    private static Unfit? WhyUnfit(NetworkCandidate other, Estimate estimate, SelectionQuery query)
    {
        if (query.Excluded.Contains(other.Agent.Name))
            return Unfit.Tried;
        if (Math.Min(other.Agent.Limits.MemoryBytes, query.Caps.MemoryBytes ?? long.MaxValue) > query.MaxMemoryBytes)
            return Unfit.Memory;
        if (other.Amount > query.Budget)
            return Unfit.Budget;
        if (other.Seconds > query.TimeLeft?.TotalSeconds)
            return Unfit.Deadline;
        if (estimate.Failure > 1 - query.Requirement.MinReputation)
            return Unfit.Reputation;
        return query.Takes(other.Agent) ? null : Unfit.Input;
    }

    private static Candidate Describe(NetworkCandidate other, Estimate estimate, TypicalCandidate typical, SelectionQuery query)
    {
        var weights = query.Requirement.Weights;
        var quality = Chooser.Part(estimate.Failure, typical.Failure);
        var price = Chooser.Part(estimate.Price, typical.Price);
        // Where nothing has run here yet nobody is known to be fast, and who says how long he takes is not behind.
        var speed = typical.Seconds > 0 ? Chooser.Part(estimate.Seconds, typical.Seconds) : 1;
        var availability = Chooser.Part(estimate.Unavailability, typical.Unavailability);
        var candidate = new Candidate(
            other.Agent,
            quality,
            price,
            speed,
            availability,
            (quality * weights.Quality) + (price * weights.Price) + (speed * weights.Speed) + (availability * weights.Availability),
            1 - estimate.Failure,
            other.Amount,
            other.Hold,
            estimate.Seconds,
            other.Successes + other.Lies,
            Load: 0,
            Standing.LowerScore)
        {
            Supplier = other.Node,
        };
        return query.Preference is { } preference ? RegionPreference.Weigh(candidate, preference.PartOf(other.Region)) : candidate;
    }

    private static TypicalCandidate TypicalOf(IReadOnlyList<Estimate> estimates)
    {
        return new TypicalCandidate(
            Middle(estimate => estimate.Price), Middle(estimate => estimate.Failure), Middle(estimate => estimate.Seconds), Middle(estimate => estimate.Unavailability));

        double Middle(Func<Estimate, double> quantity) => estimates.Select(quantity).Order().ElementAt(estimates.Count / 2);
    }
}
