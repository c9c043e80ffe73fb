using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Who pays for a call that has an input to bring.</summary>
/// <param name="User">The account, through whichever channel.</param>
/// <param name="IsFree">Whether the call can cost nothing.</param>
public readonly record struct CallPayer(Id<User> User, bool IsFree);

/// <summary>Bounds how many inputs of calls are on their way to this node at a time, and shares the places out among those who pay.</summary>
/// <remarks>
/// A place costs nothing, so whoever takes one and sends little must not keep others out, and no payer has more than half of them. When all are taken, a newcomer gets that of the one that is slowest against its pace. If all
/// are fast enough, he gets one of the payer who has most of them, as long as that one keeps more than he gets. If all have as many, who pays for his call gets that of one who does not: accounts cost nothing either.
/// </remarks>
/// <param name="ofOne">Of one payer; more than half of all is as good as half.</param>
/// <param name="ofAll">Of all payers together.</param>
/// <param name="minBytesPerSecond">The pace.</param>
/// <param name="time">The clock.</param>
internal sealed class CallUploads(int ofOne, int ofAll, long minBytesPerSecond, TimeProvider time)
{
    private readonly int _ofOne = Math.Min(ofOne, Math.Max(1, ofAll / 2));
    private readonly Lock _gate = new();
    private readonly HashSet<CallUpload> _underWay = [];

    /// <summary>Takes a place, until it is disposed of.</summary>
    /// <param name="payer">Who pays for the call.</param>
    /// <param name="isOwn">When there is none: whether the payer's own take as many as they may.</param>
    /// <returns>Null when there is none.</returns>
    public CallUpload? TryEnter(CallPayer payer, out bool isOwn)
    {
        CallUpload? yielding = null;
        var upload = new CallUpload(this, payer, new UploadPace(minBytesPerSecond, time));
        lock (_gate)
        {
            isOwn = CountOf(payer.User) >= _ofOne;
            if (isOwn || (_underWay.Count >= ofAll && (yielding = FindYielding(payer)) is null))
            {
                upload.Dispose();
                return null;
            }

            if (yielding is not null)
                _underWay.Remove(yielding);
            _underWay.Add(upload);
        }

        yielding?.GiveWay();
        return upload;
    }

    internal void Leave(CallUpload upload)
    {
        lock (_gate)
            _underWay.Remove(upload);
    }

    private int CountOf(Id<User> user) => _underWay.Count(upload => upload.Payer.User == user);

    private CallUpload? FindYielding(CallPayer newcomer)
    {
        if (_underWay.MinBy(upload => upload.Pace.AheadBytes) is { Pace.AheadBytes: < 0 } slowest)
            return slowest;
        var most = _underWay.GroupBy(upload => upload.Payer.User).MaxBy(uploads => uploads.Count())!;
        if (most.Count() > CountOf(newcomer.User) + 1)
            return most.MinBy(upload => upload.Pace.AheadBytes);
        return newcomer.IsFree ? null : _underWay.Where(upload => upload.Payer.IsFree).MinBy(upload => upload.Pace.AheadBytes);
    }
}

/// <summary>How far an upload is ahead of the slowest that it may be.</summary>
/// <remarks>Never more than five seconds' worth, which it has at its beginning, too: whoever has sent much at once and then stalls is found out as soon as one who has sent nothing.</remarks>
internal sealed class UploadPace
{
    private static readonly TimeSpan s_slack = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly long _minBytesPerSecond;
    private readonly double _mostAhead;
    private readonly TimeProvider _time;
    private double _ahead;
    private long _at;

    public UploadPace(long minBytesPerSecond, TimeProvider time)
    {
        (_minBytesPerSecond, _time, _at) = (minBytesPerSecond, time, time.GetTimestamp());
        _ahead = _mostAhead = s_slack.TotalSeconds * minBytesPerSecond;
    }

    /// <summary>Below zero when it is too slow.</summary>
    public double AheadBytes
    {
        get
        {
            lock (_gate)
                return _ahead - (_time.GetElapsedTime(_at).TotalSeconds * _minBytesPerSecond);
        }
    }

    /// <summary>Tells that bytes have come.</summary>
    public void Add(int bytes)
    {
        lock (_gate)
        {
            _ahead = Math.Min(_mostAhead, AheadBytes + bytes);
            _at = _time.GetTimestamp();
        }
    }
}

/// <summary>An input that is on its way.</summary>
internal sealed class CallUpload : IDisposable
{
    private readonly CallUploads _uploads;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private bool _isOver;

    public CallUpload(CallUploads uploads, CallPayer payer, UploadPace pace) => (_uploads, Payer, Pace) = (uploads, payer, pace);

    /// <summary>Who pays for the call.</summary>
    public CallPayer Payer { get; }

    /// <summary>How fast it is.</summary>
    public UploadPace Pace { get; }

    /// <summary>Whether its place was given to another one.</summary>
    public bool HasGivenWay { get; private set; }

    /// <summary>Cancelled when its place is given to another one.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>The body of its request, counted.</summary>
    public Stream Count(Stream body) => new Counted(this, body);

    /// <summary>Gives its place to another one.</summary>
    public void GiveWay()
    {
        lock (_gate)
        {
            if (_isOver)
                return;
            HasGivenWay = true;
            _ = _stop.CancelAsync();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isOver)
                return;
            _isOver = true;
        }

        _uploads.Leave(this);
        _stop.Dispose();
    }

    private sealed class Counted(CallUpload upload, Stream body) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            upload.Pace.Add(read);
            return read;
        }
    }
}
