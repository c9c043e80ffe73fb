using System.Runtime.InteropServices;

namespace Stoa.Node.Http;

/// <summary>Counts what each key does within a window against its limit, in memory that has a bound: a fixed window for each key, which begins with what it does first.</summary>
/// <remarks>
/// Windows are in two halves. Who does something is in the newer one; when that has as many as <see cref="MostOfHalf"/>, or a window's time after the last turn, it becomes the older one, and what is left in that is forgotten. So nobody is forgotten within
/// his window unless as many others have done something since he did. An entry has some fifty bytes, beside its key; the halves are used again and again. It may be used by many threads at once.
/// </remarks>
/// <typeparam name="TKey">Who is counted.</typeparam>
/// <param name="length">Of a window.</param>
/// <param name="time">Says how long ago something was.</param>
internal sealed class CountedWindows<TKey>(TimeSpan length, TimeProvider time)
    where TKey : notnull
{
    /// <summary>At most twice as many keys are remembered.</summary>
    public const int MostOfHalf = 65_536;

    private readonly Lock _gate = new();
    private readonly long _began = time.GetTimestamp();
    private Dictionary<TKey, Window> _newer = [];
    private Dictionary<TKey, Window> _older = [];
    private long _turnedAt;

    /// <summary>How many keys are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _newer.Count + _older.Count;
        }
    }

    /// <summary>Counts an act, or several that are done together.</summary>
    /// <param name="key">Whose it is.</param>
    /// <param name="limit">How many it may do in a window, at least 1. It may be another number each time.</param>
    /// <param name="standing">How many are left, and in which time all are there again.</param>
    /// <param name="count">How many acts it is, at least 1.</param>
    /// <returns>Whether they are not too many; otherwise none is counted.</returns>
    public bool TryUse(TKey key, int limit, out WindowStanding standing, int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        lock (_gate)
        {
            var now = time.GetElapsedTime(_began).Ticks;
            if (now - _turnedAt >= length.Ticks || _newer.Count >= MostOfHalf)
                Turn(now);
            ref var window = ref CollectionsMarshal.GetValueRefOrAddDefault(_newer, key, out var isThere);
            if (!isThere && !_older.Remove(key, out window))
                window.Since = now;
            if (now - window.Since >= length.Ticks)
                window = new Window { Since = now };
            var isIn = count <= limit - window.Used;
            if (isIn)
                window.Used += count;
            standing = new WindowStanding(Math.Max(0, limit - window.Used), new TimeSpan(window.Since + length.Ticks - now));
            return isIn;
        }
    }

    private void Turn(long now)
    {
        (_newer, _older) = (_older, _newer);
        _newer.Clear();
        _turnedAt = now;
    }

    private struct Window
    {
        // In ticks.
        public long Since;

        public int Used;
    }
}

/// <summary>How a key stands in its window.</summary>
/// <param name="Remaining">How many more it may do.</param>
/// <param name="Wait">In which time all are there again.</param>
internal readonly record struct WindowStanding(int Remaining, TimeSpan Wait);
