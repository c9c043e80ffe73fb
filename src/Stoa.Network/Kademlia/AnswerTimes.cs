namespace Stoa.Network.Kademlia;

/// <summary>How long answers take, and from it how long to wait for one.</summary>
/// <remarks>
/// Only answers are measured. When many in a row do not come, the wait doubles, as for TCP's retransmissions (RFC 6298): else a network that
/// became slower than the limit could never be measured again. As there, nobody is given up within a second, however fast answers are: a processor that had
/// others to serve for a moment would count as gone. It costs little, for the next is asked as soon as patience is over.
/// </remarks>
internal sealed class AnswerTimes(TimeSpan initialPatience, TimeSpan max)
{
    private const int Kept = 64;
    private const int Enough = 8;
    // More than the dead that one lookup meets one after the other where a third is dead.
    private const int MissesToDouble = 16;
    private static readonly TimeSpan s_leastPatience = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_leastLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly TimeSpan[] _taken = new TimeSpan[Kept];
    private int _count;
    private int _misses;
    private TimeSpan? _slow;

    /// <summary>After so long the next peer is asked beside: nine in ten have answered by then.</summary>
    public TimeSpan Patience
    {
        get
        {
            lock (_lock)
                return Slow is { } slow ? Clamp(slow * 1.25, s_leastPatience) : initialPatience;
        }
    }

    /// <summary>After so long nothing is expected any more.</summary>
    public TimeSpan Limit
    {
        get
        {
            lock (_lock)
                return Slow is { } slow ? Clamp(slow * 2 * (1 << Math.Min(_misses / MissesToDouble, 10)), s_leastLimit) : max;
        }
    }

    private TimeSpan? Slow
    {
        get
        {
            if (_slow is null && _count >= Enough)
            {
                var sorted = _taken[..Math.Min(_count, Kept)];
                Array.Sort(sorted);
                _slow = sorted[sorted.Length * 9 / 10];
            }

            return _slow;
        }
    }

    /// <summary>Notes that an answer came.</summary>
    public void Answered(TimeSpan after)
    {
        lock (_lock)
        {
            _taken[_count++ % Kept] = after;
            // Keeps the place in the ring and stays clear of an overflow.
            if (_count == 2 * Kept)
                _count = Kept;
            (_misses, _slow) = (0, null);
        }
    }

    /// <summary>Notes that none came in time.</summary>
    public void Missed()
    {
        lock (_lock)
            _misses++;
    }

    private TimeSpan Clamp(TimeSpan wait, TimeSpan least) => wait > max ? max : wait < least ? (least < max ? least : max) : wait;
}
