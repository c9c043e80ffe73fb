using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Channels;
using Stoa.Market.PayPerCall;
using Stoa.Node.Http;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>A channel out of which answers are paid, as this node knows it: for seconds at a time without looking, since what may be spent is decided where it is held.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
/// <param name="channel">As it was read.</param>
/// <param name="time">The clock.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle of the system, and whoever waits for it may do so when the channel is not kept any more.")]
internal sealed class PayingChannel(Channel channel, TimeProvider time)
{
    // Two nodes of a payer may sign for the same channel.
    private const int GoodVouchers = 4;

    private const int GivenUp = -1;

    private static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _settling = new(1, 1);
    private readonly (ContentHash Payment, Claim Claim)[] _good = new (ContentHash, Claim)[GoodVouchers];
    private Channel _channel = channel;
    private (Money Cumulative, long At, ProblemResult Why)? _unsettled;
    private int _nextGood;
    private int _holders;
    private int _underWay;
    private long _readAt = time.GetTimestamp();
    private long _usedAt = time.GetTimestamp();

    /// <summary>The channel, as it was read last.</summary>
    public Channel Channel => Volatile.Read(ref _channel);

    /// <summary>What its payer could not pay for lately.</summary>
    public UnpaidThrottle Unpaid { get; } = new(time);

    /// <summary>Holds on to it until what comes back is disposed of: meanwhile it is not given up.</summary>
    /// <returns>Null when it was given up.</returns>
    public IDisposable? TryHold()
    {
        lock (_gate)
        {
            if (_holders == GivenUp)
                return null;
            _holders++;
            _usedAt = time.GetTimestamp();
        }

        return new Leaving(() =>
        {
            lock (_gate)
                _holders--;
        });
    }

    /// <summary>Gives it up, for good, if nobody holds on to it.</summary>
    /// <param name="idle">Nor has for as long.</param>
    public bool TryGiveUp(TimeSpan idle)
    {
        lock (_gate)
        {
            if (_holders != 0 || time.GetElapsedTime(_usedAt) < idle)
                return false;
            _holders = GivenUp;
            return true;
        }
    }

    /// <summary>Whether it is to be read again, by whoever asks: others go on with what there is meanwhile.</summary>
    /// <param name="fresh">How long it is good.</param>
    public bool TryBeginReading(TimeSpan fresh)
    {
        var readAt = Volatile.Read(ref _readAt);
        return time.GetElapsedTime(readAt) >= fresh && Interlocked.CompareExchange(ref _readAt, time.GetTimestamp(), readAt) == readAt;
    }

    /// <summary>It was read again. What is settled only grows, so of two readings the one with more is the later.</summary>
    public void Become(Channel read)
    {
        lock (_gate)
        {
            if (read.Settled >= _channel.Settled)
                Volatile.Write(ref _channel, read);
        }
    }

    /// <summary>Takes a place for a request until it is disposed of; null when there are as many as may be.</summary>
    public IDisposable? TryEnter(int most)
    {
        if (Interlocked.Increment(ref _underWay) <= most)
            return new Leaving(() => Interlocked.Decrement(ref _underWay));
        Interlocked.Decrement(ref _underWay);
        return null;
    }

    /// <summary>What a payment says that was found good before, byte for byte; null when it was not.</summary>
    /// <param name="payment">SHA-256 of its header.</param>
    public Claim? FindGood(ContentHash payment)
    {
        lock (_gate)
        {
            foreach (var (known, claim) in _good)
            {
                if (known == payment)
                    return claim;
            }
        }

        return null;
    }

    /// <summary>A payment was found good.</summary>
    public void AddGood(ContentHash payment, Claim claim)
    {
        lock (_gate)
        {
            _good[_nextGood] = (payment, claim);
            _nextGood = (_nextGood + 1) % GoodVouchers;
        }
    }

    /// <summary>Has a voucher paid, unless as much was settled before.</summary>
    /// <param name="till">Pays it.</param>
    /// <param name="claim">What it says.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Why it is not taken; null when it is.</returns>
    public async ValueTask<ProblemResult?> SettleAsync(Till till, Claim claim, CancellationToken cancellationToken)
    {
        if (claim.Cumulative <= Channel.Settled)
            return null;
        // Of many that bring the same voucher one has it settled.
        await _settling.WaitAsync(cancellationToken);
        try
        {
            if (claim.Cumulative <= Channel.Settled)
                return null;
            if (_unsettled is { } before && claim.Cumulative >= before.Cumulative && time.GetElapsedTime(before.At) < s_remembered)
                return before.Why;
            // Nobody's disconnecting is to undo for others what is nearly done.
            if ((await till.TakeAsync(new CheckedPayment(Channel, claim), CancellationToken.None)).TryGet(out var after, out var refusal))
            {
                Become(after);
                _unsettled = null;
                return null;
            }

            _unsettled = (claim.Cumulative, time.GetTimestamp(), refusal);
            return refusal;
        }
        finally
        {
            _settling.Release();
        }
    }

    private sealed class Leaving(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose() => Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}
