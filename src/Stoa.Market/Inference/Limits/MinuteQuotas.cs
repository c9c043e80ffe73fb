using System.Runtime.InteropServices;

namespace Stoa.Market.Inference.Limits;

/// <summary>Counts what each key takes against its limit a minute, in memory that does not grow with what is taken: a bucket for each key that has taken something lately.</summary>
/// <remarks>
/// Up to a minute's worth is taken at once, and comes back evenly, a minute's worth in a minute. What is taken for a request and not used is given back when the request ends, but for what time has brought back of it already. So
/// of any stretch of time holds, whatever is under way at once:
/// <code>used by requests that began in it ≤ limit + limit × its minutes</code>
/// A bucket that is full again, with nothing under way, is forgotten: within a minute, and sooner when there are twice as many as were kept the last time.
/// </remarks>
/// <typeparam name="TKey">Who is counted.</typeparam>
/// <param name="time">Says how long ago something was.</param>
public sealed class MinuteQuotas<TKey>(TimeProvider time)
    where TKey : notnull
{
    private const int FewQuotas = 1_024;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, MinuteQuota> _quotas = [];
    private readonly long _began = time.GetTimestamp();
    private long _sweptAt;
    private int _sweepFrom = FewQuotas;

    /// <summary>How many keys are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _quotas.Count;
        }
    }

    /// <summary>Takes what a request may use at most.</summary>
    /// <param name="key">Who is counted.</param>
    /// <param name="limit">What it may use in a minute, from 1 to <see cref="QuotaStanding.LimitMax"/>. It may be another one each time.</param>
    /// <param name="amount">Not negative.</param>
    /// <param name="part">What was taken: to be ended with <see cref="End"/>, once.</param>
    /// <param name="standing">How the key stands then.</param>
    /// <returns>Whether there was as much; otherwise nothing is taken.</returns>
    public bool TryTake(TKey key, int limit, long amount, out QuotaPart part, out QuotaStanding standing)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, QuotaStanding.LimitMax);
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        lock (_gate)
        {
            var now = time.GetElapsedTime(_began).Ticks;
            Sweep(now);
            ref var quota = ref CollectionsMarshal.GetValueRefOrAddDefault(_quotas, key, out _);
            quota.Advance(now);
            return quota.TryTake(limit, amount, out part, out standing);
        }
    }

    /// <summary>Takes what is used at once, such as a request where requests are counted.</summary>
    /// <inheritdoc cref="TryTake"/>
    public bool TryUse(TKey key, int limit, long amount, out QuotaStanding standing)
    {
        if (!TryTake(key, limit, amount, out var part, out standing))
            return false;
        End(key, part, amount);
        return true;
    }

    /// <summary>A request has ended: what it has not used is given back.</summary>
    /// <param name="key">Who was counted.</param>
    /// <param name="part">What was taken.</param>
    /// <param name="used">Of that; more counts as all of it.</param>
    public void End(TKey key, QuotaPart part, long used)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(used);
        lock (_gate)
        {
            // It is there: what has something under way is not forgotten.
            ref var quota = ref CollectionsMarshal.GetValueRefOrNullRef(_quotas, key);
            quota.Advance(time.GetElapsedTime(_began).Ticks);
            quota.End(part, used);
        }
    }

    private void Sweep(long now)
    {
        if (now - _sweptAt < TimeSpan.TicksPerMinute && _quotas.Count < _sweepFrom)
            return;
        _sweptAt = now;
        foreach (var (key, known) in _quotas)
        {
            var quota = known;
            quota.Advance(now);
            if (quota.IsIdle)
                _quotas.Remove(key);
        }

        _sweepFrom = Math.Max(FewQuotas, 2 * _quotas.Count);
    }
}
