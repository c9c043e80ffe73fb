
namespace Stoa.Network.Muxing;

/// <summary>A connection of Yamux: one loop reads, one writes, and one lock guards all that they and the streams share.</summary>
/// <remarks>Nothing waits while it holds the lock, and whatever waits goes on outside of it.</remarks>
internal sealed partial class YamuxConnection : IMuxedConnection
{
    private readonly Stream _secured;
    private readonly bool _isInitiator;
    private readonly Dictionary<uint, YamuxStream> _streams = [];
    private readonly List<YamuxStream> _backlog = [];
    private readonly CancellationTokenSource _stop;
    private readonly ITimer? _keepAlive;
    private readonly Bell _acceptable;
    private readonly Bell _openable;
    private uint _nextId;
    private int _incoming;
    private int _outgoing;
    private int _unacknowledged;
    private bool _isOtherGoing;
    private string? _endedBecause;

    public YamuxConnection(Stream secured, bool isInitiator, YamuxOptions options, TimeProvider time)
    {
        (_secured, _isInitiator, Options, Time) = (secured, isInitiator, options, time);
        _nextId = isInitiator ? 1u : 2u;
        _cheapFrames = new CheapFrames(options.MaxCheapFramesPerSecond);
        Home = SynchronizationContext.Current;
        _wake = new Waiter<bool>(Home);
        (_acceptable, _openable) = (new Bell(Gate), new Bell(Gate));
        _stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        if (options.KeepAliveInterval != Timeout.InfiniteTimeSpan)
            _keepAlive = time.CreateTimer(static connection => ((YamuxConnection)connection!).KeepAlive(), this, options.KeepAliveInterval, Timeout.InfiniteTimeSpan);
        Completion = RunAsync();
    }

    /// <summary>Guards the connection and its streams.</summary>
    public Lock Gate { get; } = new();

    public YamuxOptions Options { get; }

    public TimeProvider Time { get; }

    /// <summary>The context that it was made in, if any.</summary>
    public SynchronizationContext? Home { get; }

    public Task Completion { get; }

    public string? EndedBecause => Volatile.Read(ref _endedBecause);

    public async ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinkedListNode<TaskCompletionSource> place;
            lock (Gate)
            {
                if (_endedBecause is not null)
                    throw new IOException($"The connection has ended: {_endedBecause}");
                if (_isOtherGoing)
                    throw new IOException("The other side is about to end the connection.");
                if (_outgoing >= Options.MaxOutgoingStreams)
                    throw new IOException($"The connection has {Options.MaxOutgoingStreams} streams of this side, and may not have more.");
                if (_nextId > uint.MaxValue - 2)
                    throw new IOException("The connection has used up the numbers of its streams.");
                if (_unacknowledged < YamuxOptions.AckBacklog)
                    return Open();
                place = _openable.Enter();
            }

            await _openable.WaitAsync(place, cancellationToken);
        }
    }

    public async ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinkedListNode<TaskCompletionSource> place;
            lock (Gate)
            {
                if (_backlog is [var stream, ..])
                {
                    _backlog.RemoveAt(0);
                    stream.Accept();
                    return stream;
                }

                if (_endedBecause is not null)
                    return null;
                place = _acceptable.Enter();
            }

            await _acceptable.WaitAsync(place, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (Gate)
            End("It was closed here.", YamuxGoAway.Normal);
        await Completion;
    }

    /// <summary>A stream that has ended both ways, or was reset, takes up no place any more; false when it took none.</summary>
    public bool Forget(YamuxStream stream)
    {
        if (!_streams.Remove(stream.Id))
            return false;
        if (IsOurs(stream.Id))
            _outgoing--;
        else
            _incoming--;
        _backlog.Remove(stream);
        if (_isOtherGoing && _streams.Count == 0)
            End("The other side closed it.", null);
        return true;
    }

    /// <summary>The other side has taken a stream, or it is no more.</summary>
    public void OnAcknowledged()
    {
        _unacknowledged--;
        _openable.Ring();
    }

    /// <summary>Ends the connection once. With a code, the other side is told, if it is quick about it.</summary>
    private void End(string reason, YamuxGoAway? code)
    {
        if (_endedBecause is not null)
            return;
        Volatile.Write(ref _endedBecause, reason);
        foreach (var stream in _streams.Values)
            stream.Break($"The connection has ended: {reason}", isBySelf: _backlog.Contains(stream));
        _streams.Clear();
        _backlog.Clear();
        _keepAlive?.Dispose();
        _acceptable.Ring();
        _openable.Ring();
        if (code is { } told)
            AppendControl(new YamuxHeader(YamuxFrameType.GoAway, YamuxFlags.None, 0, (uint)told));
        else
            DropUnsent();
        Wake();
        _stop.CancelAfter(code is null ? TimeSpan.Zero : Options.CloseTimeout);
    }

    private void EndByFault(string reason) => End(reason, YamuxGoAway.ProtocolError);

    private YamuxStream Open()
    {
        var stream = new YamuxStream(this, _nextId, YamuxOptions.InitialWindowBytes, isIncoming: false);
        _nextId += 2;
        _streams.Add(stream.Id, stream);
        _outgoing++;
        _unacknowledged++;
        AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, stream.Id, 0));
        return stream;
    }

    private bool IsOurs(uint id) => (id & 1) == 1 == _isInitiator;

    private async Task RunAsync()
    {
        // A connection below that does not heed its token is ended by this.
        await using var stop = _stop.Token.UnsafeRegister(static connection => ((YamuxConnection)connection!).Drop(), this);
        var reading = ReadAllAsync();
        await WriteAllAsync();
        try
        {
            await _secured.DisposeAsync();
        }
        catch (Exception)
        {
            // It is given up in any case.
        }

        _stop.Cancel();
        await reading;
        _stop.Dispose();
    }

    private void Drop()
    {
        try
        {
            _secured.Dispose();
        }
        catch (Exception)
        {
            // It is given up in any case.
        }
    }
}
