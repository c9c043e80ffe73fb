using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Stoa.Market.Selection;

/// <summary>What is expected of eight agents, see <see cref="Estimate"/>.</summary>
internal readonly record struct Findings(
    Vector256<float> Price, Vector256<float> Failure, Vector256<float> Seconds, Vector256<float> Unavailability);

/// <summary>A query in the units of the columns, each number eight times.</summary>
/// <remarks>
/// The columns' sums are not decayed to now, which would take a multiplication for each: what stands beside them is grown instead, so
/// that the ratios are the same. What is found here in single precision lets through who is within a millionth of a limit.
/// </remarks>
internal readonly struct GroupQuestion
{
    private const double Rounding = 1.000002;

    // Three parts of a price are rounded up to the nanodollar.
    private const double PriceRounding = 4e-9;
    private const double GreatestFactor = 100;

    private readonly bool _hasCaps;
    private readonly bool _hasFactors;
    private readonly Vector256<float> _megabytes, _maxGigafuel, _maxGigabytes, _maxSeconds;
    private readonly Vector256<float> _runStrength, _runSeconds, _runGigafuel, _runGigabyteSeconds, _runDollars;
    private readonly Vector256<float> _failures, _successes, _notHad, _tries;

    /// <param name="query">The task.</param>
    /// <param name="columns">Who is asked.</param>
    /// <param name="prior">What is expected of agents that have not run.</param>
    /// <param name="decay">The weight of the landmark's observations by now.</param>
    /// <param name="secondsNow">Since the landmark.</param>
    public GroupQuestion(SelectionQuery query, AgentColumns columns, Prior prior, double decay, double secondsNow)
    {
        var caps = query.Caps;
        _hasCaps = caps != new LimitCaps();
        _hasFactors = columns.HasFactors;
        InputBytes = query.InputBytes;
        Budget = query.Budget?.Nanodollars ?? long.MaxValue;
        Query = query;
        _megabytes = All(query.InputBytes / 1e6);
        _maxGigafuel = All(caps.Fuel / 1e9);
        _maxGigabytes = All(caps.MemoryBytes / 1e9);
        _maxSeconds = All(caps.TimeoutMs / 1e3);
        // While there are no runs at all, nobody's runs say less than the limits.
        var strength = prior.RunStrength > 0 ? prior.RunStrength / decay : 1;
        _runStrength = All(strength);
        _runSeconds = All(strength * prior.Seconds);
        _runGigafuel = All(strength * prior.Gigafuel);
        _runGigabyteSeconds = All(strength * prior.GigabyteSeconds);
        _runDollars = All(prior.RunStrength > 0 ? 0 : 1e30);
        _failures = All(Reputation.PriorStrength * prior.Failure / decay);
        _successes = All(Reputation.PriorStrength * (1 - prior.Failure) / decay);
        _notHad = All(Reputation.PriorStrength * prior.Unavailability / decay);
        _tries = All(Reputation.PriorStrength / decay);

        Now = Vector256.Create((int)secondsNow);
        NodeGigabytes = All(query.MaxMemoryBytes / 1e9 * Rounding);
        var rounding = _hasFactors ? PriceRounding * GreatestFactor : PriceRounding;
        SurelyInBudget = All((Budget / 1e9 / Rounding) - rounding);
        SurelyBeyondBudget = All((Budget / 1e9 * Rounding) + rounding);
        SecondsLeft = All(query.TimeLeft?.TotalSeconds * Rounding);
        MaxFailure = All((1 - query.Requirement.MinReputation) * Rounding);
    }

    public SelectionQuery Query { get; }

    public long InputBytes { get; }

    /// <summary>In nanodollars.</summary>
    public long Budget { get; }

    public Vector256<int> Now { get; }

    public Vector256<float> NodeGigabytes { get; }

    public Vector256<float> SurelyInBudget { get; }

    public Vector256<float> SurelyBeyondBudget { get; }

    public Vector256<float> SecondsLeft { get; }

    public Vector256<float> MaxFailure { get; }

    /// <summary>What eight agents' memory may come to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> MemoryOf(AgentBlock agents) => Vector256.MinNative(agents[Column.MemoryGigabytes], _maxGigabytes);

    /// <summary>What is expected of eight agents, and what they cost at their limits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Findings Ask(AgentColumns columns, int block, out Vector256<float> atLimits)
    {
        var agents = columns.Block(block);
        var perGigafuel = agents[Column.PerGigafuel];
        var perGigabyteSecond = agents[Column.PerGigabyteSecond];
        var limitPart = agents[Column.LimitPart];
        if (_hasCaps)
            limitPart = CappedPart(columns, block);
        var fixedPart = Multiply(agents[Column.PerMegabyte], _megabytes, agents[Column.Base]);
        atLimits = fixedPart + limitPart;

        var perRun = Vector256<float>.One / (agents[Column.Runs] + _runStrength);
        var runPart = Multiply(perGigafuel, _runGigafuel, agents[Column.RunPart] + _runDollars);
        runPart = Multiply(perGigabyteSecond, _runGigabyteSeconds, runPart);
        var used = Multiply(runPart, perRun, fixedPart);
        if (_hasFactors)
        {
            var factor = columns.FactorsOf(block, Query.Priority);
            (atLimits, used) = (atLimits * factor, used * factor);
        }

        var calls = agents[Column.Calls];
        (atLimits, used) = (atLimits + calls, used + calls);
        var price = Vector256.MinNative(used, atLimits);
        var seconds = (agents[Column.Seconds] + _runSeconds) * perRun;

        var succeeded = agents[Column.Successes];
        var worth = Vector256.ConditionalSelect(
            Vector256.GreaterThan(price, Vector256<float>.Zero), agents[Column.Paid] / price, succeeded);
        var failed = agents[Column.Faults] + _failures;
        var failure = failed / (failed + _successes + Vector256.MinNative(succeeded, worth));
        var unavailability = (agents[Column.NotHad] + _notHad) / (agents[Column.Tries] + _tries);
        return new Findings(price, failure, seconds, unavailability);
    }

    /// <summary>Whether an agent costs more than the budget at its limits, to the nanodollar.</summary>
    public bool IsDearer(AgentColumns columns, int index) => _hasCaps || _hasFactors
        ? columns[index]?.State is not { } state || !(state.Agent.PriceAtLimits(InputBytes, Query.Caps, state.FactorAt(Query.Priority))?.Nanodollars <= Budget)
        : columns.IsDearer(index, InputBytes, Budget);

    private Vector256<float> CappedPart(AgentColumns columns, int block)
    {
        var agents = columns.Block(block);
        var (gigafuel, seconds) = columns.LimitsOf(block);
        var gigabyteSeconds = MemoryOf(agents) * Vector256.MinNative(seconds, _maxSeconds);
        return Multiply(
            agents[Column.PerGigafuel],
            Vector256.MinNative(gigafuel, _maxGigafuel),
            agents[Column.PerGigabyteSecond] * gigabyteSeconds);
    }

    /// <summary>a × b + c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.MultiplyAddEstimate(a, b, c);

    private static Vector256<float> All(double? value) => Vector256.Create((float)(value ?? double.PositiveInfinity));
}

/// <summary>What the quantities of a candidate are compared with, and what matters how much.</summary>
internal readonly struct ScoreScale
{
    // Far below a nanodollar and a millisecond; whoever is as good as a typical one that takes nothing has all of the part.
    private const float Tiny = 1e-12f;

    private readonly Vector256<float> _price, _failure, _seconds, _unavailability;
    private readonly Vector256<float> _forPrice, _forFailure, _forSeconds, _forUnavailability;

    public ScoreScale(TypicalCandidate typical, SelectionWeights weights)
    {
        (_price, _forPrice) = Of(typical.Price, weights.Price);
        (_failure, _forFailure) = Of(typical.Failure, weights.Quality);
        (_seconds, _forSeconds) = Of(typical.Seconds, weights.Speed);
        (_unavailability, _forUnavailability) = Of(typical.Unavailability, weights.Availability);

        static (Vector256<float> Typical, Vector256<float> Weighed) Of(double median, double weight) =>
            (Vector256.Create((float)median + Tiny), Vector256.Create(((float)median + Tiny) * (float)weight));
    }

    /// <summary>The sum of weight × m / (m + x) over the four parts, as one fraction: divisions are what takes time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Score(in Findings found)
    {
        var (a, b) = (_price + found.Price, _failure + found.Failure);
        var (c, d) = (_seconds + found.Seconds, _unavailability + found.Unavailability);
        var (ab, cd) = (a * b, c * d);
        var first = Vector256.MultiplyAddEstimate(_forPrice, b, _forFailure * a);
        var second = Vector256.MultiplyAddEstimate(_forSeconds, d, _forUnavailability * c);
        return Vector256.MultiplyAddEstimate(first, cd, second * ab) / (ab * cd);
    }
}
