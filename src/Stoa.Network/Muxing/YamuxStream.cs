
namespace Stoa.Network.Muxing;

/// <summary>A stream of Yamux. What the connection calls, it calls under <see cref="YamuxConnection.Gate"/>.</summary>
internal sealed class YamuxStream : MuxedStream
{
    private readonly YamuxConnection _connection;
    private string? _readsBrokenBecause;
    private string? _writesBrokenBecause;

    // Reading.
    private ReceivedBytes _received;
    private Waiter<int>? _reading;
    private Memory<byte> _target;
    private int _window = YamuxOptions.InitialWindowBytes;
    private int _readSinceUpdate;
    private long _updatedAt;

    // Writing.
    private Waiter<bool>? _writing;
    private ReadOnlyMemory<byte> _pending;
    private long _sendWindow;
    private bool _isEndSent;
    private bool _isAcknowledged;
    private bool _isQueued;

    public YamuxStream(YamuxConnection connection, uint id, long sendWindow, bool isIncoming)
    {
        (_connection, Id, _sendWindow, _isAcknowledged) = (connection, id, sendWindow, isIncoming);
        _updatedAt = connection.Time.GetTimestamp();
    }

    public uint Id { get; }

    /// <summary>What the other side may still send, in bytes.</summary>
    public int ReceiveWindow { get; private set; } = YamuxOptions.InitialWindowBytes;

    public bool IsEndReceived { get; private set; }

    /// <summary>What has arrived and was not read, in bytes.</summary>
    public int Buffered => _received.Length;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<int>(cancellationToken);
        lock (_connection.Gate)
        {
            if (_received.Length > 0)
            {
                var read = _received.Read(buffer.Span);
                _connection.OnBuffered(-read);
                OnRead(read);
                return ValueTask.FromResult(read);
            }

            if (_readsBrokenBecause is not null)
                return ValueTask.FromException<int>(new StreamResetException(_readsBrokenBecause));
            if (IsEndReceived)
                return ValueTask.FromResult(0);
            _reading ??= new Waiter<int>(_connection.Home);
            var wait = new ValueTask<int>(_reading, _reading.Begin());
            _target = buffer;
            if (cancellationToken.CanBeCanceled)
                _reading.CancelWith(static (stream, token) => ((YamuxStream)stream!).CancelRead(token), this, cancellationToken);
            return wait;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Of a write that was cancelled a part may have gone out: such a stream can only be reset.</remarks>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        lock (_connection.Gate)
        {
            if (_writesBrokenBecause is not null)
                return ValueTask.FromException(new StreamResetException(_writesBrokenBecause));
            if (_isEndSent)
                throw new InvalidOperationException("Nothing can be written after the end.");
            if (_writing is { IsWaiting: true })
                throw new InvalidOperationException("One read and one write at a time are expected of a stream.");
            var sent = _isQueued ? 0 : _connection.AppendData(Id, buffer.Span, _sendWindow);
            _sendWindow -= sent;
            if (sent == buffer.Length)
                return ValueTask.CompletedTask;
            _writing ??= new Waiter<bool>(_connection.Home);
            var wait = new ValueTask(_writing, _writing.Begin());
            _pending = buffer[sent..];
            if (cancellationToken.CanBeCanceled)
                _writing.CancelWith(static (stream, token) => ((YamuxStream)stream!).CancelWrite(token), this, cancellationToken);
            EnqueueIfReady();
            return wait;
        }
    }

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync(CancellationToken cancellationToken)
    {
        lock (_connection.Gate)
        {
            if (_isEndSent)
                return ValueTask.CompletedTask;
            if (_writesBrokenBecause is not null)
                return ValueTask.FromException(new StreamResetException(_writesBrokenBecause));
            if (_writing is { IsWaiting: true })
                throw new InvalidOperationException("One read and one write at a time are expected of a stream.");
            _isEndSent = true;
            _connection.AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Fin, Id, 0));
            ForgetIfEnded();
            return ValueTask.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (_connection.Gate)
            ResetBecause("The stream was reset here.");
    }

    /// <summary>Breaks it off and tells the other side, unless it has ended.</summary>
    public void ResetBecause(string reason)
    {
        if (_connection.Forget(this))
            _connection.AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, Id, 0));
        Break(reason, isBySelf: true);
    }

    /// <summary>Fails what waits and what is to come. What the other side had sent to its end can still be read, if it was not this side that broke it off.</summary>
    public void Break(string reason, bool isBySelf)
    {
        if (!_isEndSent)
            _writesBrokenBecause ??= reason;
        if (isBySelf || !IsEndReceived)
        {
            _readsBrokenBecause ??= reason;
            _connection.OnBuffered(-_received.Length);
            _received.Clear();
        }

        OnAcknowledged();
        _connection.OnWindowGone(_window - YamuxOptions.InitialWindowBytes);
        _window = YamuxOptions.InitialWindowBytes;
        _pending = default;
        _target = default;
        if (_reading is { IsWaiting: true })
            _reading.Fail(new StreamResetException(reason));
        if (_writing is { IsWaiting: true })
            _writing.Fail(new StreamResetException(reason));
    }

    /// <summary>Somebody has accepted it, and the other side is told.</summary>
    public void Accept() => _connection.AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Ack, Id, 0));

    /// <summary>The other side has said anything of the stream: it knows it.</summary>
    public void OnAcknowledged()
    {
        if (_isAcknowledged)
            return;
        _isAcknowledged = true;
        _connection.OnAcknowledged();
    }

    /// <summary>A frame with data within the window has begun.</summary>
    public void Expect(int length) => ReceiveWindow -= length;

    public void Receive(ReadOnlySpan<byte> bytes)
    {
        if (_readsBrokenBecause is not null)
            return;
        if (_reading is { IsWaiting: true })
        {
            var length = Math.Min(bytes.Length, _target.Length);
            bytes[..length].CopyTo(_target.Span);
            bytes = bytes[length..];
            _target = default;
            _reading.Complete(length);
            OnRead(length);
        }

        // To answer what was read may have ended the connection.
        if (bytes.IsEmpty || _readsBrokenBecause is not null)
            return;
        _received.Append(bytes);
        _connection.OnBuffered(bytes.Length);
    }

    public void ReceiveEnd()
    {
        if (IsEndReceived || _readsBrokenBecause is not null)
            return;
        IsEndReceived = true;
        if (_reading is { IsWaiting: true })
        {
            _target = default;
            _reading.Complete(0);
        }

        ForgetIfEnded();
    }

    /// <summary>The other side has room for more; false when it claims more than there can be.</summary>
    public bool TryWidenSendWindow(uint bytes)
    {
        _sendWindow += bytes;
        if (_sendWindow > uint.MaxValue)
            return false;
        EnqueueIfReady();
        return true;
    }

    /// <summary>Takes its turn in the batch that is filled; false when the batch has no room, and the turn is still to come.</summary>
    public bool TryWritePending(out bool isMoreReady)
    {
        isMoreReady = false;
        if (!_pending.IsEmpty && _sendWindow > 0)
        {
            var sent = _connection.AppendPayload(Id, _pending.Span, _sendWindow);
            if (sent == 0)
                return false;
            _sendWindow -= sent;
            _pending = _pending[sent..];
            if (_pending.IsEmpty)
                _writing!.Complete(true);
            isMoreReady = !_pending.IsEmpty && _sendWindow > 0;
        }

        _isQueued = isMoreReady;
        return true;
    }

    private void EnqueueIfReady()
    {
        if (_isQueued || _pending.IsEmpty || _sendWindow <= 0)
            return;
        _isQueued = true;
        _connection.Enqueue(this);
    }

    private void OnRead(int length)
    {
        _readSinceUpdate += length;
        if (IsEndReceived || _readsBrokenBecause is not null || _readSinceUpdate < _window / 2)
            return;
        var growth = _connection.GrowWindow(_window, _connection.Time.GetElapsedTime(_updatedAt));
        var update = _readSinceUpdate + growth;
        _window += growth;
        ReceiveWindow += update;
        (_readSinceUpdate, _updatedAt) = (0, _connection.Time.GetTimestamp());
        _connection.AppendControl(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.None, Id, (uint)update));
    }

    private void ForgetIfEnded()
    {
        if (!_isEndSent || !IsEndReceived)
            return;
        _connection.Forget(this);
        OnAcknowledged();
        _connection.OnWindowGone(_window - YamuxOptions.InitialWindowBytes);
        _window = YamuxOptions.InitialWindowBytes;
    }

    private void CancelRead(CancellationToken cancellationToken)
    {
        lock (_connection.Gate)
        {
            if (_reading is not { IsWaiting: true } || _reading.Cancellation != cancellationToken)
                return;
            _target = default;
            _reading.Fail(new OperationCanceledException(cancellationToken));
        }
    }

    private void CancelWrite(CancellationToken cancellationToken)
    {
        lock (_connection.Gate)
        {
            if (_writing is not { IsWaiting: true } || _writing.Cancellation != cancellationToken)
                return;
            _pending = default;
            _writing.Fail(new OperationCanceledException(cancellationToken));
        }
    }
}
