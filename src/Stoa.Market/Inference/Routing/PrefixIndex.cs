using System.Numerics;

namespace Stoa.Market.Inference.Routing;

/// <summary>Remembers which replicas have seen how prompts begin, and so have their key-value cache, in memory of a size that does not change.</summary>
/// <remarks>
/// A table of sets of eight entries. An entry is the hash of a prompt up to the end of one of its blocks, the two replicas that saw it last, and when. A new one takes the place of the oldest of its set, so however
/// many prompts there are, what is remembered are the newest of about as many as there are entries. Reads and writes of different threads are not ordered: what comes of a race is that a prompt is forgotten,
/// or a replica asked that has not seen it, which is slower and not wrong.
/// </remarks>
public sealed class PrefixIndex
{
    private const int Ways = 8;
    private const int SecondsMask = 0x7FFF_FFFF;

    private readonly ulong[] _hashes;
    private readonly ulong[] _entries;
    private readonly int _setMask;
    private readonly int _ttlSeconds;

    /// <param name="entries">How many are remembered at most, 8 to 2²⁶; rounded up to a power of two. Each takes 16 bytes.</param>
    /// <param name="ttlSeconds">How long an entry is good: caches of servers are emptied by what comes after.</param>
    public PrefixIndex(int entries, int ttlSeconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(entries, Ways);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entries, 1 << 26);
        ArgumentOutOfRangeException.ThrowIfLessThan(ttlSeconds, 1);
        var count = (int)BitOperations.RoundUpToPowerOf2((uint)entries);
        _hashes = new ulong[count];
        _entries = new ulong[count];
        _setMask = (count / Ways) - 1;
        _ttlSeconds = ttlSeconds;
    }

    /// <summary>The replicas that have seen most of a prompt.</summary>
    /// <param name="prefixes">Hashes of the prompt up to the end of each of its blocks, shortest first.</param>
    /// <param name="now">Milliseconds of a monotonic clock.</param>
    public PrefixMatch Find(ReadOnlySpan<ulong> prefixes, long now)
    {
        var seconds = SecondsOf(now);
        var match = PrefixMatch.None;
        // Whoever has seen a prefix has seen all shorter ones.
        for (var blocks = 0; blocks < prefixes.Length; blocks++)
        {
            if (Find(prefixes[blocks]) is not { } at || Age(_entries[at], seconds) > _ttlSeconds)
                break;
            var entry = _entries[at];
            match = new PrefixMatch(blocks + 1, (ushort)(entry >> 32), (ushort)(entry >> 48));
        }

        return match;
    }

    /// <summary>Remembers that a replica sees a prompt now.</summary>
    public void Note(ReadOnlySpan<ulong> prefixes, ushort slot, long now)
    {
        var seconds = SecondsOf(now);
        foreach (var hash in prefixes)
        {
            var at = Find(hash);
            ushort other = slot;
            if (at is { } known && Age(_entries[known], seconds) <= _ttlSeconds)
                other = Other(_entries[known], slot);
            var place = at ?? Oldest(hash, seconds);
            _entries[place] = seconds | ((ulong)slot << 32) | ((ulong)other << 48);
            _hashes[place] = hash;
        }
    }

    private static uint SecondsOf(long now) => (uint)(now / 1_000) & SecondsMask;

    private static uint Age(ulong entry, uint seconds) => (seconds - (uint)entry) & SecondsMask;

    private static ushort Other(ulong entry, ushort slot) => (ushort)(entry >> 32) == slot ? (ushort)(entry >> 48) : (ushort)(entry >> 32);

    private int? Find(ulong hash)
    {
        var set = SetOf(hash);
        for (var at = set; at < set + Ways; at++)
        {
            if (_hashes[at] == hash)
                return at;
        }

        return null;
    }

    private int Oldest(ulong hash, uint seconds)
    {
        var set = SetOf(hash);
        var oldest = set;
        for (var at = set; at < set + Ways; at++)
        {
            if (_hashes[at] == 0)
                return at;
            if (Age(_entries[at], seconds) > Age(_entries[oldest], seconds))
                oldest = at;
        }

        return oldest;
    }

    private int SetOf(ulong hash) => ((int)(hash >> 32) & _setMask) * Ways;
}

/// <summary>Who has seen the beginning of a prompt.</summary>
/// <param name="Blocks">How many of its blocks; 0 when nobody has.</param>
/// <param name="First">The replica that saw it last.</param>
/// <param name="Second">The one before that; the same when there was none.</param>
public readonly record struct PrefixMatch(int Blocks, ushort First, ushort Second)
{
    /// <summary>Nobody has seen anything of it.</summary>
    public static PrefixMatch None => default;

    /// <summary>Whether a replica is one of them.</summary>
    public bool Has(ushort slot) => Blocks > 0 && (First == slot || Second == slot);
}
