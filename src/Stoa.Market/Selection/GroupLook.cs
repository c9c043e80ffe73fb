using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Stoa.Market.Selection;

/// <summary>A look at all agents of a group for one task: who could do it, and who would be best.</summary>
/// <remarks>
/// Two walks over the columns: one to candidates spread over the group, which ends once there are enough for the medians, and one to
/// everybody, which sifts, scores and keeps the best in one step, so that nothing is written down and read again. The object is room that
/// a thread uses again and again.
/// </remarks>
internal sealed class GroupLook
{
    /// <summary>How many of the best are kept: more than are listed, for those may not take the input.</summary>
    public const int Kept = 64;

    private const int MedianSamples = 255;
    private const int Lanes = AgentColumns.Lanes;
    private static readonly TypicalCandidate s_nobodyTypical = new(0, 0, 0, 0);

    private readonly int[] _unfit = new int[Enum.GetValues<Unfit>().Length];
    private readonly float[] _scores = new float[Kept + 1];
    private readonly int[] _best = new int[Kept + 1];
    private readonly float[][] _samples = [.. Enumerable.Range(0, 4).Select(_ => new float[MedianSamples + Lanes])];
    private AgentColumns _columns = new(Lanes);
    private byte[] _places = [];
    private int _blockCount;
    private int _bestCount;

    /// <summary>How many could do it.</summary>
    public int FitCount { get; private set; }

    /// <summary>How many could not, by the first reason.</summary>
    public ReadOnlySpan<int> UnfitCounts => _unfit;

    /// <summary>Places of those with the highest scores, the highest first. Of equal ones those that follow a random place, so that none is first for ever.</summary>
    public ReadOnlySpan<int> Best => _best.AsSpan(0, _bestCount);

    /// <summary>The medians of the candidates.</summary>
    public TypicalCandidate Typical { get; private set; } = s_nobodyTypical;

    /// <summary>Begins a look at all that are in the columns now.</summary>
    public void Begin(AgentColumns looked)
    {
        _columns = looked;
        _blockCount = _columns.BlockCount;
        if (_places.Length < _blockCount)
            _places = new byte[Math.Max(_blockCount, _places.Length * 2)];
        _columns.Taken[.._blockCount].CopyTo(_places);
        _unfit.AsSpan().Clear();
        (FitCount, _bestCount, Typical) = (0, 0, s_nobodyTypical);
    }

    /// <summary>Leaves an agent out for a reason that is known beforehand.</summary>
    public void Exclude(int index, Unfit reason)
    {
        var (block, bit) = (index / Lanes, 1 << (index % Lanes));
        if (block >= _blockCount || (_places[block] & bit) == 0)
            return;
        _places[block] &= (byte)~bit;
        _unfit[(int)reason]++;
    }

    /// <summary>Leaves out who is not in another group too.</summary>
    public void Exclude(CapabilityGroup others, string capability)
    {
        var members = others.Members;
        for (var block = 0; block < _blockCount; block++)
        {
            var common = members is null ? Able(block, capability) : Common(_columns.NumbersOf(block), members);
            _unfit[(int)Unfit.Capabilities] += BitOperations.PopCount(_places[block] & ~common);
            _places[block] &= (byte)common;
        }
    }

    /// <summary>Looks.</summary>
    public void Look(in GroupQuestion question, SelectionWeights weights, Random random)
    {
        if (_blockCount == 0)
            return;
        var first = random.Next(_blockCount);
        Typical = FindTypical(question, first);
        var scale = new ScoreScale(Typical, weights);
        LookAt(first, _blockCount, question, scale);
        LookAt(0, first, question, scale);
    }

    /// <summary>Places of candidates drawn from all of them, each at most once, in their order.</summary>
    public List<int> Draw(int count, Random random)
    {
        var ranks = new int[Math.Min(count, FitCount)];
        for (var i = 0; i < ranks.Length; i++)
            ranks[i] = random.Next(FitCount);
        Array.Sort(ranks);
        var drawn = new List<int>(ranks.Length);
        var (block, before) = (0, 0);
        foreach (var rank in ranks.Distinct())
        {
            for (int more; before + (more = BitOperations.PopCount(_places[block])) <= rank; block++)
                before += more;
            uint bits = _places[block];
            for (var skip = rank - before; skip > 0; skip--)
                bits &= bits - 1;
            drawn.Add((block * Lanes) + BitOperations.TrailingZeroCount(bits));
        }

        return drawn;
    }

    /// <summary>One that was counted as a candidate is none after all.</summary>
    public void Refuse(Unfit reason)
    {
        FitCount--;
        _unfit[(int)reason]++;
    }

    private static uint Common(ReadOnlySpan<int> numbers, ulong[] members)
    {
        var common = 0u;
        for (var lane = 0; lane < numbers.Length; lane++)
        {
            var word = numbers[lane] >> 6;
            if ((uint)word < (uint)members.Length)
                common |= ((uint)(members[word] >> numbers[lane]) & 1) << lane;
        }

        return common;
    }

    private uint Able(int block, string capability)
    {
        var able = 0u;
        for (uint asked = _places[block]; asked != 0; asked &= asked - 1)
        {
            var lane = BitOperations.TrailingZeroCount(asked);
            able |= _columns[(block * Lanes) + lane]?.State.Agent.Capabilities.Contains(capability) is true ? 1u << lane : 0;
        }

        return able;
    }

    /// <summary>The medians of candidates that are found by walking over the group in long steps.</summary>
    private TypicalCandidate FindTypical(in GroupQuestion question, int first)
    {
        var step = LongStep(_blockCount);
        Span<int> notCounted = stackalloc int[_unfit.Length];
        var (count, block) = (0, first);
        for (var met = 0; met < _blockCount && count < MedianSamples; met++)
        {
            var fits = Sift(block, question, notCounted, out var found);
            for (; fits != 0; fits &= fits - 1, count++)
            {
                var lane = BitOperations.TrailingZeroCount(fits);
                _samples[0][count] = found.Price[lane];
                _samples[1][count] = found.Failure[lane];
                _samples[2][count] = found.Seconds[lane];
                _samples[3][count] = found.Unavailability[lane];
            }

            block += step;
            block -= block >= _blockCount ? _blockCount : 0;
        }

        count = Math.Min(count, MedianSamples);
        return count == 0 ? s_nobodyTypical : new TypicalCandidate(Of(_samples[0]), Of(_samples[1]), Of(_samples[2]), Of(_samples[3]));

        double Of(float[] values) => Median.Of(values.AsSpan(0, count));
    }

    /// <summary>A step that meets every block once, and whose first so many steps are spread over all: the golden section of their count.</summary>
    private static int LongStep(int blockCount)
    {
        var step = (int)Math.Ceiling(blockCount * 0.618);
        while (BigInteger.GreatestCommonDivisor(step, blockCount) != 1)
            step++;
        return step % blockCount;
    }

    private void LookAt(int from, int to, in GroupQuestion question, in ScoreScale scale)
    {
        var least = Vector256.Create(Least);
        var fitCount = 0;
        for (var block = from; block < to; block++)
        {
            var fits = Sift(block, question, _unfit, out var found);
            _places[block] = (byte)fits;
            fitCount += BitOperations.PopCount(fits);
            var scored = scale.Score(found);
            var better = Vector256.GreaterThan(scored, least).ExtractMostSignificantBits() & fits;
            if (better != 0)
            {
                Keep(block, better, scored);
                least = Vector256.Create(Least);
            }
        }

        FitCount += fitCount;
    }

    /// <summary>Who of a block could do it; the others are counted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Sift(int block, in GroupQuestion question, Span<int> counts, out Findings found)
    {
        uint asked = _places[block];
        var agents = _columns.Block(block);
        found = question.Ask(_columns, block, out var atLimits);
        var suspended = Vector256.GreaterThan(agents[Column.SuspendedUntil].AsInt32(), question.Now).AsSingle();
        var large = Vector256.GreaterThan(question.MemoryOf(agents), question.NodeGigabytes);
        var dear = Vector256.GreaterThan(atLimits, question.SurelyInBudget);
        var slow = Vector256.GreaterThan(agents[Column.SlowSeconds], question.SecondsLeft);
        var bad = Vector256.GreaterThan(found.Failure, question.MaxFailure);
        if ((((suspended | large) | (dear | slow) | bad).ExtractMostSignificantBits() & asked) == 0)
            return asked;
        var left = Without(suspended.ExtractMostSignificantBits(), Unfit.Suspended, asked, counts);
        left = Without(large.ExtractMostSignificantBits(), Unfit.Memory, left, counts);
        var beyond = Vector256.GreaterThan(atLimits, question.SurelyBeyondBudget).ExtractMostSignificantBits();
        if ((dear.ExtractMostSignificantBits() & ~beyond & left) is > 0 and var unsure)
            beyond |= Dearer(block, unsure, question);
        left = Without(beyond, Unfit.Budget, left, counts);
        left = Without(slow.ExtractMostSignificantBits(), Unfit.Deadline, left, counts);
        return Without(bad.ExtractMostSignificantBits(), Unfit.Reputation, left, counts);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Without(uint unfit, Unfit reason, uint asked, Span<int> counts)
    {
        counts[(int)reason] += BitOperations.PopCount(unfit & asked);
        return asked & ~unfit;
    }

    /// <summary>Who costs more than the budget, of those for whom single precision cannot tell.</summary>
    private uint Dearer(int block, uint unsure, in GroupQuestion question)
    {
        var dearer = 0u;
        for (; unsure != 0; unsure &= unsure - 1)
        {
            var lane = BitOperations.TrailingZeroCount(unsure);
            dearer |= question.IsDearer(_columns, (block * Lanes) + lane) ? 1u << lane : 0;
        }

        return dearer;
    }

    /// <summary>The score that a candidate has to exceed to be kept.</summary>
    private float Least => _bestCount < Kept ? -1 : _scores[Kept - 1];

    private void Keep(int block, uint better, Vector256<float> scored)
    {
        for (; better != 0; better &= better - 1)
        {
            var lane = BitOperations.TrailingZeroCount(better);
            var score = scored[lane];
            if (score <= Least)
                continue;
            // Behind its equals.
            var (place, end) = (0, _bestCount);
            while (place < end)
            {
                var middle = (place + end) / 2;
                (place, end) = _scores[middle] < score ? (place, middle) : (middle + 1, end);
            }

            _scores.AsSpan(place, _bestCount - place).CopyTo(_scores.AsSpan(place + 1));
            _best.AsSpan(place, _bestCount - place).CopyTo(_best.AsSpan(place + 1));
            (_scores[place], _best[place]) = (score, (block * Lanes) + lane);
            _bestCount = Math.Min(_bestCount + 1, Kept);
        }
    }
}
