using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Stoa.Market.Registry;

namespace Stoa.Market.Selection;

/// <summary>All agents of one capability as columns of numbers, so that many of them are looked at in a step.</summary>
/// <remarks>
/// The columns hold single-precision numbers: they find the best, and what is promised to anyone is computed exactly for those. Sums
/// are decayed to the landmark of the index, see <see cref="AgentIndex"/>.
/// </remarks>
internal sealed class CapabilityGroup
{
    private const int Columns = (int)Column.Count;
    private static readonly int Lanes = Vector<float>.Count;
    private readonly float[][] columns = new float[Columns][];
    private AgentSlot[] slots = [];
    private Totals totals;

    // How many agents here have factors: where none has, none are read.
    private int factored;

    public CapabilityGroup() => Grow(Math.Max(8, Lanes));

    private enum Column
    {
        Base, PerMegabyte, PerGigafuel, PerGigabyteSecond,
        Gigafuel, MemoryGigabytes, TimeoutSeconds,
        Successes, Paid, Faults, Had, NotHad, Runs, Seconds, SecondsSquared, RunGigafuel, RunGigabyteSeconds,
        SuspendedUntil, BackgroundFactor, HighFactor, UrgentFactor, DemandFactor,
        Count,
    }

    public int Count { get; private set; }

    public AgentSlot this[int index] => slots[index];

    public void Add(AgentSlot slot)
    {
        if (Count == slots.Length)
            Grow(slots.Length * 2);
        slots[Count] = slot;
        slot.Places.Add((this, Count));
        Count++;
        Write(Count - 1);
        totals += Totals.Of(slot.Sums);
        factored += HasFactors(slot) ? 1 : 0;
    }

    public void Remove(AgentSlot slot, int index)
    {
        totals -= Totals.Of(slot.Sums);
        factored -= HasFactors(slot) ? 1 : 0;
        slot.Places.Remove((this, index));
        Count--;
        if (index < Count)
        {
            var last = slots[Count];
            last.Places[last.Places.IndexOf((this, Count))] = (this, index);
            slots[index] = last;
            Write(index);
        }

        slots[Count] = null!;
        foreach (var column in columns)
            column[Count] = 0;
    }

    /// <summary>The sums of an agent here have changed.</summary>
    public void Change(int index, AgentSums before)
    {
        totals = totals - Totals.Of(before) + Totals.Of(slots[index].Sums);
        Write(index);
    }

    /// <summary>Looks at all: who could do it, at what price, how well.</summary>
    public void Look(in GroupQuestion question, GroupAnswer answer)
    {
        answer.Begin(Count, Lanes);
        var prior = Prior.Of(totals, question.Decay);
        answer.Prior = prior;
        var (price, failure, seconds, unavailability) = (answer.Price, answer.Failure, answer.Seconds, answer.Unavailability);
        var reasons = answer.Reasons;
        var decay = new Vector<float>(question.Decay);
        var megabytes = new Vector<float>(question.InputMegabytes);
        var (maxFuel, maxMemory, maxSeconds) = (new Vector<float>(question.MaxGigafuel), new Vector<float>(question.MaxGigabytes), new Vector<float>(question.MaxSeconds));
        var (strength, priorFailure) = (new Vector<float>((float)Reputation.PriorStrength), new Vector<float>(prior.Failure));
        var priorFaults = strength * priorFailure;
        var priorSuccesses = strength - priorFaults;
        var priorNotHad = strength * new Vector<float>(prior.Unavailability);
        var (known, noPrice) = (new Vector<float>(prior.RunStrength), Vector<float>.Zero);
        var gigafuelOf = columns[(int)Column.Gigafuel];
        var memoryGigabytesOf = columns[(int)Column.MemoryGigabytes];
        var timeoutSecondsOf = columns[(int)Column.TimeoutSeconds];
        var baseOf = columns[(int)Column.Base];
        var perMegabyteOf = columns[(int)Column.PerMegabyte];
        var perGigafuelOf = columns[(int)Column.PerGigafuel];
        var perGigabyteSecondOf = columns[(int)Column.PerGigabyteSecond];
        var runsOf = columns[(int)Column.Runs];
        var secondsOf = columns[(int)Column.Seconds];
        var secondsSquaredOf = columns[(int)Column.SecondsSquared];
        var runGigafuelOf = columns[(int)Column.RunGigafuel];
        var runGigabyteSecondsOf = columns[(int)Column.RunGigabyteSeconds];
        var successesOf = columns[(int)Column.Successes];
        var paidOf = columns[(int)Column.Paid];
        var faultsOf = columns[(int)Column.Faults];
        var notHadOf = columns[(int)Column.NotHad];
        var hadOf = columns[(int)Column.Had];
        var suspendedUntilOf = columns[(int)Column.SuspendedUntil];
        var tierOf = factored == 0 ? null : TierOf(question.Priority);
        var demandOf = factored == 0 ? null : columns[(int)Column.DemandFactor];
        for (var i = 0; i < Count; i += Lanes)
        {
            var fuelLimit = Vector.Min(At(gigafuelOf, i), maxFuel);
            var memoryLimit = Vector.Min(At(memoryGigabytesOf, i), maxMemory);
            var timeLimit = Vector.Min(At(timeoutSecondsOf, i), maxSeconds);
            var fixedPart = At(baseOf, i) + (At(perMegabyteOf, i) * megabytes);
            var atLimits = fixedPart + (At(perGigafuelOf, i) * fuelLimit) + (At(perGigabyteSecondOf, i) * memoryLimit * timeLimit);

            // What is known of the runs, with one run of the capability's average agent beside it.
            var runs = (At(runsOf, i) * decay) + known;
            var hasRuns = Vector.GreaterThan(runs, noPrice);
            var perRun = Vector.ConditionalSelect(hasRuns, Vector<float>.One / runs, Vector<float>.Zero);
            var mean = ((At(secondsOf, i) * decay) + (known * prior.Seconds)) * perRun;
            // Too slow is only who was seen to be: two standard deviations above its own mean, without anybody else's.
            var seen = Vector.GreaterThan(At(runsOf, i), Vector<float>.Zero);
            var perSeen = Vector.ConditionalSelect(seen, Vector<float>.One / At(runsOf, i), Vector<float>.Zero);
            var seenMean = At(secondsOf, i) * perSeen;
            var slow = seenMean
                + (2 * Vector.SquareRoot(Vector.Max((At(secondsSquaredOf, i) * perSeen) - (seenMean * seenMean), Vector<float>.Zero)));
            var fuel = Vector.ConditionalSelect(hasRuns, ((At(runGigafuelOf, i) * decay) + (known * prior.Gigafuel)) * perRun, fuelLimit);
            var memory = Vector.ConditionalSelect(
                hasRuns, ((At(runGigabyteSecondsOf, i) * decay) + (known * prior.GigabyteSeconds)) * perRun, memoryLimit * timeLimit);
            var used = fixedPart + (At(perGigafuelOf, i) * Vector.Min(fuel, fuelLimit)) + (At(perGigabyteSecondOf, i) * memory);
            if (demandOf is not null)
            {
                var factor = tierOf is null ? At(demandOf, i) : At(demandOf, i) * At(tierOf, i);
                (atLimits, used) = (atLimits * factor, used * factor);
            }

            var expected = Vector.Min(used, atLimits);

            var successes = At(successesOf, i) * decay;
            var paid = At(paidOf, i) * decay;
            var worth = Vector.ConditionalSelect(Vector.GreaterThan(expected, noPrice), paid / expected, successes);
            var failing = (At(faultsOf, i) * decay) + priorFaults;
            var belief = failing / (failing + priorSuccesses + Vector.Min(successes, worth));
            var notHad = (At(notHadOf, i) * decay) + priorNotHad;
            var missing = notHad / ((At(notHadOf, i) * decay) + (At(hadOf, i) * decay) + strength);

            var reason = Pick(Vector.GreaterThan(belief, new Vector<float>(question.MaxFailure)), Unfit.Reputation, Vector<int>.Zero);
            reason = Pick(Vector.GreaterThan(slow, new Vector<float>(question.SecondsLeft)), Unfit.Deadline, reason);
            reason = Pick(Vector.GreaterThan(atLimits, new Vector<float>(question.Budget)), Unfit.Budget, reason);
            reason = Pick(Vector.GreaterThan(memoryLimit, new Vector<float>(question.NodeGigabytes)), Unfit.Memory, reason);
            reason = Pick(Vector.GreaterThan(At(suspendedUntilOf, i), new Vector<float>(question.Now)), Unfit.Suspended, reason);
            Put(expected, price, i);
            Put(belief, failure, i);
            Put(mean, seconds, i);
            Put(missing, unavailability, i);
            reason.StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(reasons), (nuint)i);
        }
    }

    /// <summary>Scores all that could do it; the others get -1.</summary>
    public void Score(GroupAnswer answer, SelectionWeights weights, TypicalCandidate typical)
    {
        var (price, failure, seconds, unavailability) = (answer.Price, answer.Failure, answer.Seconds, answer.Unavailability);
        var reasons = answer.Reasons;
        for (var i = 0; i < Count; i += Lanes)
        {
            var score = (Part(failure, typical.Failure, i) * (float)weights.Quality)
                + (Part(price, typical.Price, i) * (float)weights.Price)
                + (Part(seconds, typical.Seconds, i) * (float)weights.Speed)
                + (Part(unavailability, typical.Unavailability, i) * (float)weights.Availability);
            var fits = Vector.Equals(new Vector<int>(reasons, i), Vector<int>.Zero);
            Put(Vector.ConditionalSelect(fits, score, new Vector<float>(-1)), answer.Scores, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> At(float[] column, int i) => Vector.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(column), (nuint)i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector<float> values, float[] column, int i) =>
        values.StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(column), (nuint)i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Part(float[] values, double typical, int i)
    {
        var median = new Vector<float>((float)typical);
        var sum = median + At(values, i);
        return Vector.ConditionalSelect(Vector.GreaterThan(sum, Vector<float>.Zero), median / sum, Vector<float>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Pick(Vector<int> mask, Unfit reason, Vector<int> otherwise) =>
        Vector.ConditionalSelect(mask, new Vector<int>((int)reason + 1), otherwise);

    private static bool HasFactors(AgentSlot slot) => slot.Agent.Factors != PriceFactors.None;

    /// <summary>The column of the factors of a priority; null for the one whose factor is always one.</summary>
    private float[]? TierOf(int priority) => priority switch
    {
        0 => columns[(int)Column.BackgroundFactor],
        2 => columns[(int)Column.HighFactor],
        3 => columns[(int)Column.UrgentFactor],
        _ => null,
    };

    private void Grow(int capacity)
    {
        Array.Resize(ref slots, capacity);
        // A whole number of vectors, so that the last one reads zeros and not past the end.
        var padded = (capacity + Lanes - 1) / Lanes * Lanes;
        for (var column = 0; column < Columns; column++)
            Array.Resize(ref columns[column], padded);
    }

    private void Write(int index)
    {
        var (agent, sums) = (slots[index].Agent, slots[index].Sums);
        Set(Column.Base, agent.Price.Base.Nanodollars / 1e9);
        Set(Column.PerMegabyte, agent.Price.PerMegabyte.Nanodollars / 1e9);
        Set(Column.PerGigafuel, agent.Price.PerGigafuel.Nanodollars / 1e9);
        Set(Column.PerGigabyteSecond, agent.Price.PerGigabyteSecond.Nanodollars / 1e9);
        Set(Column.Gigafuel, agent.Limits.Fuel / 1e9);
        Set(Column.MemoryGigabytes, agent.Limits.MemoryBytes / 1e9);
        Set(Column.TimeoutSeconds, agent.Limits.TimeoutMs / 1e3);
        Set(Column.Successes, sums.Successes);
        Set(Column.Paid, sums.Paid);
        Set(Column.Faults, sums.Faults);
        Set(Column.Had, sums.Had);
        Set(Column.NotHad, sums.NotHad);
        Set(Column.Runs, sums.Runs);
        Set(Column.Seconds, sums.Seconds);
        Set(Column.SecondsSquared, sums.SecondsSquared);
        Set(Column.RunGigafuel, sums.Gigafuel);
        Set(Column.RunGigabyteSeconds, sums.GigabyteSeconds);
        Set(Column.SuspendedUntil, sums.SuspendedUntil);
        Set(Column.BackgroundFactor, agent.Factors.Background / (double)PriceFactors.One);
        Set(Column.HighFactor, agent.Factors.High / (double)PriceFactors.One);
        Set(Column.UrgentFactor, agent.Factors.Urgent / (double)PriceFactors.One);
        Set(Column.DemandFactor, agent.Factors.At(PriceFactors.NormalTier, slots[index].Open).Demand / (double)PriceFactors.One);

        void Set(Column column, double value) => columns[(int)column][index] = (float)value;
    }
}

/// <summary>The sums of a group: what is known of agents of this capability in general.</summary>
internal readonly record struct Totals(
    double Successes, double Faults, double Had, double NotHad, double Runs, double Seconds, double Gigafuel, double GigabyteSeconds)
{
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
    float Failure, float Unavailability, float RunStrength, float Seconds, float Gigafuel, float GigabyteSeconds)
{
    // Below this the sums are what is left of subtracting equal numbers.
    private const double Least = 1e-9;

    public static Prior Of(Totals totals, double decay)
    {
        var hasRuns = totals.Runs > Least;
        var perRun = hasRuns ? 1 / totals.Runs : 0;
        return new Prior(
            (float)((Decayed(totals.Faults) + 0.5) / (Decayed(totals.Successes) + Decayed(totals.Faults) + 1)),
            (float)((Decayed(totals.NotHad) + 0.5) / (Decayed(totals.Had) + Decayed(totals.NotHad) + 1)),
            hasRuns ? 1 : 0,
            (float)(Positive(totals.Seconds) * perRun),
            (float)(Positive(totals.Gigafuel) * perRun),
            (float)(Positive(totals.GigabyteSeconds) * perRun));

        double Decayed(double sum) => Positive(sum) * decay;
    }

    private static double Positive(double value) => Math.Max(0, value);
}

/// <summary>A query in the units of the columns.</summary>
internal readonly record struct GroupQuestion(
    float Decay,
    float Now,
    float InputMegabytes,
    float MaxGigafuel,
    float MaxGigabytes,
    float MaxSeconds,
    float NodeGigabytes,
    float Budget,
    float SecondsLeft,
    float MaxFailure,
    int Priority);

/// <summary>Room for what a look at a group finds; used again by the same thread.</summary>
internal sealed class GroupAnswer
{
    public float[] Price { get; private set; } = [];

    public float[] Failure { get; private set; } = [];

    public float[] Seconds { get; private set; } = [];

    public float[] Unavailability { get; private set; } = [];

    public float[] Scores { get; private set; } = [];

    /// <summary>0 for a candidate, otherwise an <see cref="Unfit"/> plus one.</summary>
    public int[] Reasons { get; private set; } = [];

    public Prior Prior { get; set; }

    public void Begin(int count, int lanes)
    {
        var padded = (count + lanes - 1) / lanes * lanes;
        if (padded <= Reasons.Length)
            return;
        padded = Math.Max(padded, Reasons.Length * 2);
        padded = (padded + lanes - 1) / lanes * lanes;
        (Price, Failure, Seconds, Unavailability) = (new float[padded], new float[padded], new float[padded], new float[padded]);
        (Scores, Reasons) = (new float[padded], new int[padded]);
    }
}
