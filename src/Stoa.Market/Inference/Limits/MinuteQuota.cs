using Stoa.Market.Identity;

namespace Stoa.Market.Inference.Limits;

/// <summary>One bucket of <see cref="MinuteQuotas{TKey}"/>.</summary>
/// <remarks>
/// Amounts are kept as amount × ticks of a minute, so that each tick brings back exactly the limit and nothing is rounded. What is missing is first what was used for good, and only then what requests under way have taken: as long as there
/// is something of the former, time brings back that, and an ending request gets all back that it has not used. What time brings back of the latter beyond that (<see cref="_refilled"/>) cannot be given back a second time.
/// </remarks>
internal struct MinuteQuota
{
    private const long Unit = TimeSpan.TicksPerMinute;

    private long _at;
    private int _limit;
    private int _underWay;

    // What is missing in the bucket, and how much of that at most has been taken by requests under way.
    private long _missing;
    private long _open;

    // In all, since the bucket is there. At the greatest limit 64 bits would last a quarter of an hour.
    private Int128 _refilled;

    /// <summary>Whether it is as a new one.</summary>
    public readonly bool IsIdle => _missing == 0 && _underWay == 0;

    /// <summary>Time has passed.</summary>
    /// <param name="now">In ticks; not before the last one.</param>
    public void Advance(long now)
    {
        var elapsed = now - _at;
        _at = now;
        if (_missing == 0)
            return;
        var back = elapsed > _missing / _limit ? _missing : elapsed * _limit;
        var ofOpen = Math.Max(0, back - (_missing - _open));
        _missing -= back;
        _open -= ofOpen;
        _refilled += ofOpen;
    }

    public bool TryTake(int limit, long amount, out QuotaPart part, out QuotaStanding standing)
    {
        _limit = limit;
        part = default;
        var most = limit * Unit;
        if (amount > limit)
        {
            standing = Stand(null);
            return false;
        }

        var taken = amount * Unit;
        if (taken > most - _missing)
        {
            standing = Stand(TimeOf(_missing + taken - most));
            return false;
        }

        _missing += taken;
        _open += taken;
        _underWay++;
        part = new QuotaPart(amount, _refilled);
        standing = Stand(TimeSpan.Zero);
        return true;
    }

    public void End(QuotaPart part, long used)
    {
        var refilled = _refilled - part.RefilledBefore;
        _missing -= Left(Math.Max(0, part.Amount - used) * Unit, refilled);
        _open -= Left(part.Amount * Unit, refilled);
        if (--_underWay == 0)
            _open = 0;
    }

    private static long Left(long amount, Int128 refilled) => refilled >= amount ? 0 : amount - (long)refilled;

    private readonly QuotaStanding Stand(TimeSpan? wait) => new(_limit, Math.Max(0, ((_limit * Unit) - _missing) / Unit), TimeOf(_missing), wait);

    /// <summary>In which time so much comes back.</summary>
    private readonly TimeSpan TimeOf(long missing) => TimeSpan.FromTicks((missing + _limit - 1) / _limit);
}

/// <summary>What was taken for a request that is under way.</summary>
/// <param name="Amount">How much.</param>
/// <param name="RefilledBefore">What time had brought back by then of what was taken by requests under way.</param>
public readonly record struct QuotaPart(long Amount, Int128 RefilledBefore);

/// <summary>How a key stands against its limit a minute.</summary>
/// <param name="Limit">The limit.</param>
/// <param name="Remaining">What may be taken now.</param>
/// <param name="Reset">In which time all of the limit may be taken, if nothing else is.</param>
/// <param name="Wait">In which time what was asked for may be taken, if nothing else is: zero when it was taken; null when it is more than the limit, and never may be.</param>
public readonly record struct QuotaStanding(int Limit, long Remaining, TimeSpan Reset, TimeSpan? Wait)
{
    /// <summary>The highest limit a minute: above that, a limit is none.</summary>
    public const int LimitMax = ModelLimits.TokensPerMinuteMax;
}
