using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>One choice among the agents of a capability.</summary>
/// <param name="policy">How the best is chosen.</param>
/// <param name="group">The agents of one of the capabilities.</param>
/// <param name="others">Those of the other ones.</param>
/// <param name="query">The task.</param>
/// <param name="now">UTC.</param>
/// <param name="landmark">Of the index.</param>
/// <param name="random">Chance of exploring and of the draws.</param>
internal sealed class Chooser(
    SelectionPolicy policy,
    CapabilityGroup group,
    IReadOnlyDictionary<string, CapabilityGroup> others,
    SelectionQuery query,
    DateTimeOffset now,
    DateTimeOffset landmark,
    Random random)
{
    private const int ExploredSamples = 64;
    private const int Explored = 8;

    [ThreadStatic]
    private static GroupLook? s_lookOfThread;

    private readonly GroupLook _look = s_lookOfThread ??= new GroupLook();
    private readonly AgentColumns _columns = group.Columns;
    private readonly double _decay = double.Exp2(-((now - landmark) / Decay.HalfLife));

    // A clock that was set back to before the landmark must not make suspensions of agents that have none.
    private readonly double _sinceLandmark = Math.Max(0, (now - landmark).TotalSeconds);

    private Prior _prior;
    private int _describedCount;

    public Choice Choose(IReadOnlyDictionary<string, AgentSlot> slots)
    {
        var best = FindBest(slots);
        if (best.Count == 0)
            return Answer([], isExploring: false);
        return query.Requirement.Explores && random.NextDouble() < policy.ExplorationShare ? Explore(best) : Balance(best);
    }

    /// <summary>Looks at all, and describes the best that can do it, by score.</summary>
    private List<Candidate> FindBest(IReadOnlyDictionary<string, AgentSlot> slots)
    {
        _prior = Prior.Of(group.Totals, _decay);
        _look.Begin(_columns);
        foreach (var name in query.Excluded)
        {
            foreach (var place in slots.TryGetValue(name, out var slot) ? slot.Places : [])
            {
                if (place.Group == group)
                    _look.Exclude(place.Index, Unfit.Tried);
            }
        }

        foreach (var (capability, other) in others)
            _look.Exclude(other, capability);
        _look.Look(new GroupQuestion(query, _columns, _prior, _decay, _sinceLandmark), query.Requirement.Weights, random);
        // Only when none of those that would be listed takes the input is it worth asking more.
        var best = new List<Candidate>(policy.Listed);
        while (best.Count == 0 && _describedCount < _look.Best.Length)
        {
            var end = Math.Min(_describedCount + policy.Listed, _look.Best.Length);
            for (; _describedCount < end; _describedCount++)
            {
                if (Describe(_look.Best[_describedCount]) is { } candidate)
                    best.Add(candidate);
            }
        }

        best.Sort((one, other) => other.Score.CompareTo(one.Score));
        return best;
    }

    /// <summary>A candidate; null when it is none after all.</summary>
    private Candidate? Describe(int index)
    {
        // It may have left, or have been replaced by a version that cannot do this, since it was looked at.
        if (_columns[index] is not { } slot)
            return Refuse(Unfit.Capabilities);
        var state = slot.State;
        var (agent, requirement) = (state.Agent, query.Requirement);
        var estimate = Estimate.Of(state, query, _prior, _decay);
        if (!requirement.Capabilities.All(agent.Capabilities.Contains))
            return Refuse(Unfit.Capabilities);
        if (state.Stats?.SuspendedUntil > now)
            return Refuse(Unfit.Suspended);
        if (Math.Min(agent.Limits.MemoryBytes, query.Caps.MemoryBytes ?? long.MaxValue) > query.MaxMemoryBytes)
            return Refuse(Unfit.Memory);
        var factor = state.FactorFor(query);
        if (agent.PriceAtLimits(query.InputBytes, query.Caps, factor) is not { } atLimits || atLimits > query.Budget)
            return Refuse(Unfit.Budget);
        if (state.Sums.SlowSeconds > query.TimeLeft?.TotalSeconds)
            return Refuse(Unfit.Deadline);
        if (estimate.Failure > 1 - requirement.MinReputation)
            return Refuse(Unfit.Reputation);
        if (!query.Takes(agent))
            return Refuse(Unfit.Input);
        if (query.CallsNobody && agent.HasCalls)
            return Refuse(Unfit.Calls);
        var (weights, typical) = (requirement.Weights, _look.Typical);
        var quality = Part(estimate.Failure, typical.Failure);
        var price = Part(estimate.Price, typical.Price);
        var speed = Part(estimate.Seconds, typical.Seconds);
        var availability = Part(estimate.Unavailability, typical.Unavailability);
        return new Candidate(
            agent,
            quality,
            price,
            speed,
            availability,
            (quality * weights.Quality) + (price * weights.Price) + (speed * weights.Speed) + (availability * weights.Availability),
            1 - estimate.Failure,
            Money.Min(new Money((long)Math.Ceiling(estimate.Price * 1e9)), atLimits),
            atLimits,
            estimate.Seconds,
            EvidenceOf(state),
            slot.Load,
            Standing.LowerScore)
        {
            Factor = factor,
        };
    }

    private Candidate? Refuse(Unfit reason)
    {
        _look.Refuse(reason);
        return null;
    }

    /// <summary>Of the near-equal best the one of two, drawn at random, that has less to do.</summary>
    /// <remarks>Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.</remarks>
    private Choice Balance(List<Candidate> best)
    {
        var near = best.TakeWhile(candidate => candidate.Score >= best[0].Score - policy.NearEqual).Count();
        var one = random.Next(near);
        var other = near > 1 ? (one + 1 + random.Next(near - 1)) % near : one;
        var (better, worse) = one < other ? (one, other) : (other, one);
        var chosen = best[worse].Load < best[better].Load ? worse : better;
        return Answer(
            [.. best.Select((candidate, place) => candidate with
            {
                Standing = place == chosen ? Standing.Chosen : place < near ? Standing.Load : Standing.LowerScore,
            })],
            isExploring: false);
    }

    /// <summary>Each shows a chance to fail that it might have, by what is known of it: who is known little shows anything.</summary>
    private Choice Explore(List<Candidate> best)
    {
        var pool = best.Concat(LeastKnown()).ToList();
        var weights = query.Requirement.Weights;
        var chosen = 0;
        var highest = double.NegativeInfinity;
        for (var i = 0; i < pool.Count; i++)
        {
            var candidate = pool[i];
            var failure = BeliefOf(candidate).Sample(random);
            var score = candidate.Score + (weights.Quality * (Part(failure, _look.Typical.Failure) - candidate.Quality));
            if (score > highest)
                (chosen, highest) = (i, score);
        }

        var given = pool[chosen];
        return Answer(
            [.. pool
                .OrderByDescending(candidate => candidate.Score)
                .Select(candidate => candidate with
                {
                    Standing = ReferenceEquals(candidate, given) ? Standing.Chosen
                        : candidate.Score > given.Score ? Standing.PassedOverToExplore
                        : Standing.LowerScore,
                })],
            isExploring: true);
    }

    /// <summary>The least known of a handful that are drawn.</summary>
    private IEnumerable<Candidate> LeastKnown() => _look.Draw(ExploredSamples, random)
        .Except(_look.Best[.._describedCount].ToArray())
        .Select(index => (Index: index, Evidence: _columns[index] is { } slot ? EvidenceOf(slot.State) : 0))
        .OrderBy(drawn => drawn.Evidence)
        .Take(Explored)
        .Select(drawn => Describe(drawn.Index))
        .OfType<Candidate>();

    private Choice Answer(IReadOnlyList<Candidate> candidates, bool isExploring)
    {
        var unfit = new Dictionary<Unfit, int>();
        for (var reason = 0; reason < _look.UnfitCounts.Length; reason++)
        {
            if (_look.UnfitCounts[reason] > 0)
                unfit.Add((Unfit)reason, _look.UnfitCounts[reason]);
        }

        return new Choice(now, query.Requirement.Weights, candidates, _look.FitCount, unfit, isExploring, _look.Typical);
    }

    private static Belief BeliefOf(Candidate candidate)
    {
        // Its mean is known; how sure it is follows from the receipts behind it.
        var strength = Reputation.PriorStrength + candidate.Evidence;
        return new Belief((1 - candidate.Reputation) * strength, candidate.Reputation * strength);
    }

    private double EvidenceOf(AgentState state) => (state.Sums.Successes + state.Sums.Faults) * _decay;

    internal static double Part(double value, double median) => median + value > 0 ? median / (median + value) : 1;
}
