using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Stoa.Market.Registry;

namespace Stoa.Market.Selection;

/// <summary>A number that <see cref="AgentColumns"/> keeps of every agent, in the order of memory.</summary>
internal enum Column
{
    Base,
    PerMegabyte,

    /// <summary>Price of fuel and memory at the limits.</summary>
    LimitPart,

    /// <summary>The most that calls of other agents cost.</summary>
    Calls,
    PerGigafuel,
    PerGigabyteSecond,

    /// <summary>Price of the fuel and the memory of all runs, by their weights.</summary>
    RunPart,
    Runs,
    Seconds,
    Successes,
    Paid,
    Faults,

    /// <summary>How often it could be had or could not.</summary>
    Tries,
    NotHad,
    MemoryGigabytes,
    SlowSeconds,

    /// <summary>A whole number of seconds after the landmark.</summary>
    SuspendedUntil,
    Count,
}

/// <summary>Agents as columns of numbers in blocks of eight: many of them are looked at in a step, and memory is read as one stream.</summary>
/// <remarks>
/// One writes at a time, and any number read meanwhile: they may find an agent between two of its states. So what is found here is a
/// finding, and whoever is chosen by it is looked at as a whole (<see cref="AgentState"/>). Numbers are in single precision.
/// </remarks>
internal sealed class AgentColumns
{
    /// <summary>Agents in a block.</summary>
    public const int Lanes = 8;

    private const int BlockSize = (int)Column.Count * Lanes;
    private const int CapSize = 2 * Lanes;
    private const int Tiers = 4;
    private const int CacheLine = 64;
    private const long BytesPerMegabyte = 1_000_000;

    private readonly float[] _blocks;
    private readonly float[] _caps;
    private readonly long[] _atLimits;
    private readonly long[] _perMegabyte;
    private readonly AgentSlot?[] _slots;
    private readonly int[] _numbers;
    private readonly byte[] _taken;
    private readonly float[] _factors;
    private readonly byte[] _factored;
    private readonly int _start;
    private int _blockCount;
    private int _factoredCount;

    /// <param name="capacity">How many agents there is room for; a multiple of <see cref="Lanes"/>.</param>
    public AgentColumns(int capacity)
    {
        var count = capacity / Lanes;
        // Large arrays are not moved: a block starts at a cache line.
        _blocks = new float[(count * BlockSize) + (CacheLine / sizeof(float))];
        _start = Misalignment(_blocks);
        _caps = new float[count * CapSize];
        (_atLimits, _perMegabyte) = (new long[capacity], new long[capacity]);
        (_slots, _numbers, _taken) = (new AgentSlot?[capacity], new int[capacity], new byte[count]);
        (_factors, _factored) = (new float[count * Tiers * Lanes], new byte[count]);
    }

    /// <summary>With room for twice as many.</summary>
    public AgentColumns(AgentColumns smaller)
        : this(smaller.Capacity * 2)
    {
        smaller._blocks.AsSpan(smaller._start, smaller._taken.Length * BlockSize).CopyTo(_blocks.AsSpan(_start));
        smaller._caps.CopyTo(_caps, 0);
        smaller._atLimits.CopyTo(_atLimits, 0);
        smaller._perMegabyte.CopyTo(_perMegabyte, 0);
        smaller._slots.CopyTo(_slots, 0);
        smaller._numbers.CopyTo(_numbers, 0);
        smaller._taken.CopyTo(_taken, 0);
        smaller._factors.CopyTo(_factors, 0);
        smaller._factored.CopyTo(_factored, 0);
        (_blockCount, _factoredCount) = (smaller._blockCount, smaller._factoredCount);
    }

    public int Capacity => _slots.Length;

    /// <summary>Blocks that have had an agent.</summary>
    public int BlockCount => Volatile.Read(ref _blockCount);

    /// <summary>Whether the price of any agent depends on a task's priority or on demand: where it does not, no factors need be read.</summary>
    public bool HasFactors => Volatile.Read(ref _factoredCount) > 0;

    /// <summary>A bit for every place of every block: whether there is an agent.</summary>
    public ReadOnlySpan<byte> Taken => _taken;

    /// <summary>The agent at a place; null when it has just left.</summary>
    public AgentSlot? this[int index] => _slots[index];

    /// <summary>The numbers of eight agents in the index.</summary>
    public ReadOnlySpan<int> NumbersOf(int block) => _numbers.AsSpan(block * Lanes, Lanes);

    public void Put(int index, AgentSlot slot, DateTimeOffset landmark)
    {
        var agent = slot.State.Agent;
        var (price, limits, block, lane) = (agent.Price, agent.Limits, index / Lanes, index % Lanes);
        Write(index, Column.Base, price.Base.Nanodollars / 1e9);
        Write(index, Column.PerMegabyte, price.PerMegabyte.Nanodollars / 1e9);
        Write(index, Column.PerGigafuel, price.PerGigafuel.Nanodollars / 1e9);
        Write(index, Column.PerGigabyteSecond, price.PerGigabyteSecond.Nanodollars / 1e9);
        Write(index, Column.MemoryGigabytes, limits.MemoryBytes / 1e9);
        _caps[(block * CapSize) + lane] = (float)(limits.Fuel / 1e9);
        _caps[(block * CapSize) + Lanes + lane] = (float)(limits.TimeoutMs / 1e3);
        var isMoney = price.TryPrice(PricedWork.AtLimits(0, limits), out var parts);
        _atLimits[index] = agent.PriceAtLimits(0, new LimitCaps(), PriceFactor.One)?.Nanodollars ?? long.MaxValue;
        _perMegabyte[index] = price.PerMegabyte.Nanodollars;
        Write(index, Column.LimitPart, isMoney ? (parts!.Fuel.Nanodollars + parts.Memory.Nanodollars) / 1e9 : float.PositiveInfinity);
        Write(index, Column.Calls, agent.MostForCalls.Nanodollars / 1e9);
        SetFactors(index, slot.State);
        SetStats(index, slot.State, landmark);
        (_slots[index], _numbers[index]) = (slot, slot.Number);
        _taken[block] |= (byte)(1 << lane);
        if (block >= _blockCount)
            Volatile.Write(ref _blockCount, block + 1);
    }

    public void SetStats(int index, AgentState state, DateTimeOffset landmark)
    {
        var (price, sums) = (state.Agent.Price, state.Sums);
        Write(
            index,
            Column.RunPart,
            (price.PerGigafuel.Nanodollars / 1e9 * sums.Gigafuel) + (price.PerGigabyteSecond.Nanodollars / 1e9 * sums.GigabyteSeconds));
        Write(index, Column.Runs, sums.Runs);
        Write(index, Column.Seconds, sums.Seconds);
        Write(index, Column.Successes, sums.Successes);
        Write(index, Column.Paid, sums.Paid);
        Write(index, Column.Faults, sums.Faults);
        Write(index, Column.Tries, sums.Had + sums.NotHad);
        Write(index, Column.NotHad, sums.NotHad);
        Write(index, Column.SlowSeconds, sums.SlowSeconds);
        var suspended = state.Stats?.SuspendedUntil is { } until ? (int)Math.Clamp((until - landmark).TotalSeconds, 0, int.MaxValue) : 0;
        _blocks[At(index, Column.SuspendedUntil)] = BitConverter.Int32BitsToSingle(suspended);
    }

    public void Remove(int index)
    {
        Note(index, hasFactors: false);
        _taken[index / Lanes] &= (byte)~(1 << (index % Lanes));
        _slots[index] = null;
    }

    /// <summary>The numbers of eight agents.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AgentBlock Block(int block) => new(ref _blocks[_start + (block * BlockSize)]);

    /// <summary>The limits of eight agents: fuel in 10⁹ units, time in seconds.</summary>
    public (Vector256<float> Gigafuel, Vector256<float> Seconds) LimitsOf(int block) =>
        (Vector256.LoadUnsafe(ref _caps[block * CapSize]), Vector256.LoadUnsafe(ref _caps[(block * CapSize) + Lanes]));

    /// <summary>What the prices of eight agents are multiplied by for tasks of a priority.</summary>
    public Vector256<float> FactorsOf(int block, int priority)
    {
        ref var first = ref _factors[block * Tiers * Lanes];
        return Vector256.LoadUnsafe(ref first, (nuint)(priority * Lanes));
    }

    /// <summary>Whether a task of this size costs more than a budget at the limits of an agent, to the nanodollar; of an agent without factors.</summary>
    public bool IsDearer(int index, long inputBytes, long budget)
    {
        var left = budget - _atLimits[index];
        // The price of the input is rounded up to the nanodollar: it is above a whole number of them when it was so before.
        return left < 0 || Math.BigMul(_perMegabyte[index], inputBytes) > Math.BigMul(left, BytesPerMegabyte);
    }

    private void SetFactors(int index, AgentState state)
    {
        for (var priority = 0; priority < Tiers; priority++)
            _factors[(((index / Lanes * Tiers) + priority) * Lanes) + (index % Lanes)] = (float)state.FactorAt(priority).Value;
        Note(index, state.Agent.Factors.HasTiersOrDemand);
    }

    /// <summary>Counts who has factors.</summary>
    private void Note(int index, bool hasFactors)
    {
        var (block, bit) = (index / Lanes, 1 << (index % Lanes));
        if (((_factored[block] & bit) != 0) == hasFactors)
            return;
        _factored[block] ^= (byte)bit;
        Volatile.Write(ref _factoredCount, _factoredCount + (hasFactors ? 1 : -1));
    }

    private static int Misalignment(float[] array)
    {
        var past = (int)(Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) % CacheLine);
        return past == 0 ? 0 : (CacheLine - past) / sizeof(float);
    }

    private int At(int index, Column column) => _start + (index / Lanes * BlockSize) + ((int)column * Lanes) + (index % Lanes);

    private void Write(int index, Column column, double value) => _blocks[At(index, column)] = (float)value;
}

/// <summary>The numbers of eight agents.</summary>
internal readonly ref struct AgentBlock(ref float first)
{
    private readonly ref float _first = ref first;

    /// <summary>A number of each.</summary>
    public Vector256<float> this[Column column]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.LoadUnsafe(ref _first, (nuint)column * AgentColumns.Lanes);
    }
}
