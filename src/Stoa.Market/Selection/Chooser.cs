using System.Numerics;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>One choice among the agents of a capability.</summary>
internal sealed class Chooser(SelectionPolicy policy, CapabilityGroup group, SelectionQuery query, DateTimeOffset now, DateTimeOffset landmark, Random random)
{
    private const int MedianSamples = 255;
    private const int ExploredSamples = 64;
    private const int Explored = 8;

    /// <summary>How often the best are looked for again because none of them takes the input.</summary>
    private const int Rounds = 4;

    // What is found in single precision is checked exactly afterwards; so much more is let through here.
    private const double Rounding = 1.000001;

    [ThreadStatic]
    private static GroupAnswer? answerOfThread;

    [ThreadStatic]
    private static int[]? fitsOfThread;

    private readonly GroupAnswer answer = answerOfThread ??= new GroupAnswer();
    private readonly int[] unfit = new int[Enum.GetValues<Unfit>().Length];
    private readonly double decay = double.Exp2(-((now - landmark) / Decay.HalfLife));
    private int[] fits = [];
    private int fitCount;
    private TypicalCandidate typical = new(0, 0, 0, 0);

    public Choice Choose(IReadOnlyDictionary<string, AgentSlot> slots)
    {
        group.Look(Question(), answer);
        Exclude(slots);
        Gather();
        typical = new TypicalCandidate(
            MedianOf(answer.Price), MedianOf(answer.Failure), MedianOf(answer.Seconds), MedianOf(answer.Unavailability));
        group.Score(answer, query.Requirement.Weights, typical);
        var best = FindBest();
        if (best.Count == 0)
            return Answer([], isExploring: false);
        return query.Requirement.Explores && random.NextDouble() < policy.ExplorationShare ? Explore(best) : Balance(best);
    }

    private GroupQuestion Question()
    {
        var requirement = query.Requirement;
        return new GroupQuestion(
            (float)decay,
            // A clock that was set back to before the landmark must not make suspensions of agents that have none.
            (float)Math.Max(0, (now - landmark).TotalSeconds),
            (float)(query.InputBytes / 1e6),
            query.Caps.Fuel is { } fuel ? (float)(fuel / 1e9) : float.PositiveInfinity,
            query.Caps.MemoryBytes is { } memory ? (float)(memory / 1e9) : float.PositiveInfinity,
            query.Caps.TimeoutMs is { } timeout ? (float)(timeout / 1e3) : float.PositiveInfinity,
            (float)(query.MaxMemoryBytes / 1e9 * Rounding),
            query.Budget is { } budget ? (float)(budget.Nanodollars / 1e9 * Rounding) : float.PositiveInfinity,
            query.TimeLeft is { } left ? (float)left.TotalSeconds : float.PositiveInfinity,
            (float)(1 - requirement.MinReputation),
            query.Priority);
    }

    private void Exclude(IReadOnlyDictionary<string, AgentSlot> slots)
    {
        if (query.Requirement.Capabilities.Count > 1)
        {
            for (var i = 0; i < group.Count; i++)
            {
                if (answer.Reasons[i] == 0 && !query.Requirement.Capabilities.All(group[i].Agent.Capabilities.Contains))
                    answer.Reasons[i] = (int)Unfit.Capabilities + 1;
            }
        }

        foreach (var name in query.Excluded)
        {
            if (slots.TryGetValue(name, out var slot))
            {
                foreach (var place in slot.Places.Where(place => place.Group == group))
                    answer.Reasons[place.Index] = (int)Unfit.Tried + 1;
            }
        }
    }

    /// <summary>Counts the reasons and lists those without one.</summary>
    private void Gather()
    {
        if (fitsOfThread is null || fitsOfThread.Length < group.Count)
            fitsOfThread = new int[Math.Max(group.Count, (fitsOfThread?.Length ?? 0) * 2)];
        fits = fitsOfThread;
        var count = 0;
        Span<int> counts = stackalloc int[unfit.Length + 1];
        var reasons = answer.Reasons.AsSpan(0, group.Count);
        for (var i = 0; i < reasons.Length; i++)
        {
            var reason = reasons[i];
            fits[count] = i;
            count += reason == 0 ? 1 : 0;
            counts[reason]++;
        }

        fitCount = count;
        counts[1..].CopyTo(unfit);
    }

    private double MedianOf(float[] values)
    {
        if (fitCount == 0)
            return 0;
        Span<float> samples = stackalloc float[Math.Min(fitCount, MedianSamples)];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = values[fits[(int)((long)i * fitCount / samples.Length)]];
        samples.Sort();
        return samples[samples.Length / 2];
    }

    /// <summary>The best that take the input and are within the budget to the last nanodollar, by score.</summary>
    private List<Candidate> FindBest()
    {
        var best = new List<Candidate>();
        for (var round = 0; round < Rounds && best.Count == 0; round++)
        {
            var top = Top();
            if (top.Count == 0)
                break;
            foreach (var index in top)
            {
                if (Describe(index) is { } candidate)
                    best.Add(candidate);
                // Described or refused, it is not looked for again.
                answer.Scores[index] = -1;
            }
        }

        return [.. best.OrderByDescending(candidate => candidate.Score)];
    }

    /// <summary>Places of the highest scores. Of equal ones those that follow a random place, so that none is first for ever.</summary>
    private List<int> Top()
    {
        var top = new List<(float Score, int Index)>(policy.Listed + 1);
        var least = -1f;
        var lanes = Vector<float>.Count;
        var vectors = (group.Count + lanes - 1) / lanes;
        var first = random.Next(vectors);
        for (var step = 0; step < vectors; step++)
        {
            var start = (first + step < vectors ? first + step : first + step - vectors) * lanes;
            if (!Vector.GreaterThanAny(new Vector<float>(answer.Scores, start), new Vector<float>(least)))
                continue;
            var end = Math.Min(start + lanes, group.Count);
            for (var i = start; i < end; i++)
            {
                var score = answer.Scores[i];
                if (score <= least)
                    continue;
                var place = top.Count;
                while (place > 0 && top[place - 1].Score < score)
                    place--;
                top.Insert(place, (score, i));
                if (top.Count > policy.Listed)
                    top.RemoveAt(policy.Listed);
                if (top.Count == policy.Listed)
                    least = top[^1].Score;
            }
        }

        return [.. top.Select(entry => entry.Index)];
    }

    /// <summary>A candidate; null when it is none after all.</summary>
    private Candidate? Describe(int index)
    {
        var slot = group[index];
        var factor = slot.Agent.Factors.At(query.Priority, slot.Open);
        if (slot.Agent.PriceAtLimits(query.InputBytes, query.Caps, factor) is not { } atLimits || atLimits > query.Budget)
            return Refuse(index, Unfit.Budget);
        if (!query.Takes(slot.Agent))
            return Refuse(index, Unfit.Input);
        var weights = query.Requirement.Weights;
        var expected = Math.Min((long)Math.Ceiling((double)answer.Price[index] * 1e9), atLimits.Nanodollars);
        var quality = Part(answer.Failure[index], typical.Failure);
        var price = Part(answer.Price[index], typical.Price);
        var speed = Part(answer.Seconds[index], typical.Seconds);
        var availability = Part(answer.Unavailability[index], typical.Unavailability);
        return new Candidate(
            slot.Agent,
            quality,
            price,
            speed,
            availability,
            (quality * weights.Quality) + (price * weights.Price) + (speed * weights.Speed) + (availability * weights.Availability),
            1 - answer.Failure[index],
            new Money(expected),
            atLimits,
            answer.Seconds[index],
            EvidenceOf(slot),
            slot.Load,
            Standing.LowerScore)
        {
            Factor = factor,
        };
    }

    private Candidate? Refuse(int index, Unfit reason)
    {
        answer.Reasons[index] = (int)reason + 1;
        unfit[(int)reason]++;
        fitCount--;
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
        // The best have the score -1 by now; those that are drawn beside them are the least known of a handful.
        var pool = best.Concat(LeastKnown()).ToList();
        var weights = query.Requirement.Weights;
        var chosen = 0;
        var highest = double.NegativeInfinity;
        for (var i = 0; i < pool.Count; i++)
        {
            var candidate = pool[i];
            var failure = BeliefOf(candidate).Sample(random);
            var score = candidate.Score + (weights.Quality * (Part(failure, typical.Failure) - candidate.Quality));
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

    private List<Candidate> LeastKnown() => Enumerable.Range(0, Math.Min(fitCount, ExploredSamples))
        .Select(_ => fits[random.Next(fitCount)])
        .Distinct()
        .Where(index => answer.Scores[index] >= 0)
        .OrderBy(index => EvidenceOf(group[index]))
        .Take(Explored)
        .Select(Describe)
        .OfType<Candidate>()
        .ToList();

    private Choice Answer(IReadOnlyList<Candidate> candidates, bool isExploring) => new(
        now,
        query.Requirement.Weights,
        candidates,
        fitCount,
        unfit.Select((count, reason) => (Reason: (Unfit)reason, Count: count)).Where(entry => entry.Count > 0).ToDictionary(entry => entry.Reason, entry => entry.Count),
        isExploring,
        typical);

    private static Belief BeliefOf(Candidate candidate)
    {
        // Its mean is known; how sure it is follows from the receipts behind it.
        var strength = Reputation.PriorStrength + candidate.Evidence;
        return new Belief((1 - candidate.Reputation) * strength, candidate.Reputation * strength);
    }

    private double EvidenceOf(AgentSlot slot) => (slot.Sums.Successes + slot.Sums.Faults) * decay;

    private static double Part(double value, double median) => median + value > 0 ? median / (median + value) : 1;
}
