using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Bounds how many inputs of calls are on their way to this node at a time, and shares the places out among those who pay.</summary>
/// <remarks>
/// A place costs nothing, so whoever takes one and sends little must not keep others out. When all are taken, a newcomer gets that of the one that is slowest against its pace. If all are fast enough, he gets one of
/// the payer who has most of them, as long as that one keeps more than he gets.
/// </remarks>
/// <param name="ofOne">Of one payer.</param>
/// <param name="ofAll">Of all payers together.</param>
/// <param name="minBytesPerSecond">The pace.</param>
/// <param name="time">The clock.</param>
internal sealed class CallUploads(int ofOne, int ofAll, long minBytesPerSecond, TimeProvider time)
{
    // A connection that has just begun is not slow yet.
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly HashSet<CallUpload> _underWay = [];

    /// <summary>Takes a place, until it is disposed of.</summary>
    /// <param name="payer">Who pays for the call.</param>
    /// <param name="isOwn">When there is none: whether the payer's own take as many as they may.</param>
    /// <returns>Null when there is none.</returns>
    public CallUpload? TryEnter(Id<User> payer, out bool isOwn)
    {
        CallUpload? yielding = null;
        var upload = new CallUpload(this, payer, time);
        lock (_gate)
        {
            isOwn = CountOf(payer) >= ofOne;
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

    private int CountOf(Id<User> payer) => _underWay.Count(upload => upload.Payer == payer);

    private CallUpload? FindYielding(Id<User> newcomer)
    {
        var slowest = _underWay.Where(upload => upload.Age >= s_start).MaxBy(LagOf);
        if (slowest is not null && LagOf(slowest) > 0)
            return slowest;
        var most = _underWay.GroupBy(upload => upload.Payer).MaxBy(uploads => uploads.Count());
        return most is not null && most.Count() > CountOf(newcomer) + 1 ? most.MaxBy(LagOf) : null;
    }

    /// <summary>How many bytes it is behind its pace; below zero when it is ahead.</summary>
    private double LagOf(CallUpload upload) => (upload.Age.TotalSeconds * minBytesPerSecond) - upload.ReceivedBytes;
}

/// <summary>An input that is on its way.</summary>
internal sealed class CallUpload : IDisposable
{
    private readonly CallUploads _uploads;
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private long _receivedBytes;
    private bool _isOver;

    public CallUpload(CallUploads uploads, Id<User> payer, TimeProvider time) => (_uploads, Payer, _time, _began) = (uploads, payer, time, time.GetTimestamp());

    /// <summary>Who pays for the call.</summary>
    public Id<User> Payer { get; }

    /// <summary>Whether its place was given to another one.</summary>
    public bool HasGivenWay { get; private set; }

    /// <summary>Cancelled when its place is given to another one.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>How long it is under way.</summary>
    public TimeSpan Age => _time.GetElapsedTime(_began);

    /// <summary>What has come of it.</summary>
    public long ReceivedBytes => Interlocked.Read(ref _receivedBytes);

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
            Interlocked.Add(ref upload._receivedBytes, read);
            return read;
        }
    }
}
