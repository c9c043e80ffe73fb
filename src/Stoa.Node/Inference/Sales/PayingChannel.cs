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
internal sealed class PayingChannel(Channel channel, TimeProvider time) : IDisposable
{
    // Two nodes of a payer may sign for the same channel.
    private const int GoodVouchers = 4;

    // So many in a row that are not paid for may be a payer who learns what things cost.
    private const int MostUnpaid = 8;

    private static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _settling = new(1, 1);
    private readonly (ContentHash Payment, Claim Claim)[] _good = new (ContentHash, Claim)[GoodVouchers];
    private Channel _channel = channel;
    private Unpaid? _unpaid;
    private (Money Cumulative, long At, ProblemResult Why)? _unsettled;
    private int _nextGood;
    private int _unpaidInARow;
    private int _underWay;
    private long _readAt = time.GetTimestamp();
    private long _usedAt = time.GetTimestamp();

    /// <summary>The channel, as it was read last.</summary>
    public Channel Channel => Volatile.Read(ref _channel);

    /// <summary>How many of its requests are under way.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>How long nobody has asked for it.</summary>
    public TimeSpan Idle => time.GetElapsedTime(Volatile.Read(ref _usedAt));

    /// <summary>Somebody asks for it.</summary>
    public void Use() => Volatile.Write(ref _usedAt, time.GetTimestamp());

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
            return new Place(this);
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

    /// <summary>A request could not be paid for.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="claim">What was paid with it in all.</param>
    /// <param name="credit">What there was.</param>
    public void NoteUnpaid(ForSale wanted, Money claim, CallCredit credit)
    {
        lock (_gate)
        {
            _unpaid = new Unpaid(wanted, claim, credit, time.GetTimestamp());
            _unpaidInARow++;
        }
    }

    /// <summary>A request was paid for.</summary>
    public void NotePaid()
    {
        if (Volatile.Read(ref _unpaid) is null)
            return;
        lock (_gate)
            (_unpaid, _unpaidInARow) = (null, 0);
    }

    /// <summary>The credit of a moment ago, when nothing was paid since and it did not suffice for as much: this request is not paid for either.</summary>
    /// <param name="most">What a request may cost.</param>
    /// <param name="claim">What is paid with it in all.</param>
    public CallCredit? FindTooLittle(Money most, Money claim)
    {
        lock (_gate)
        {
            if (_unpaid is not { } unpaid || most < unpaid.Wanted.Most || claim > unpaid.Claim || time.GetElapsedTime(unpaid.At) >= s_remembered)
                return null;
            _unpaidInARow++;
            return unpaid.Credit;
        }
    }

    /// <summary>Whether a long body is read: not of whoever has asked again and again lately, has paid for nothing of it, and does not pay what was demanded last.</summary>
    /// <param name="claim">What is paid in all.</param>
    public bool MayBringLong(Money claim)
    {
        lock (_gate)
            return _unpaidInARow < MostUnpaid || _unpaid is not { } unpaid || claim >= unpaid.Credit.Required(unpaid.Wanted.Most) || time.GetElapsedTime(unpaid.At) >= s_pause;
    }

    public void Dispose() => _settling.Dispose();

    private sealed record Unpaid(ForSale Wanted, Money Claim, CallCredit Credit, long At);

    private sealed class Place(PayingChannel channel) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
                Interlocked.Decrement(ref channel._underWay);
        }
    }
}
