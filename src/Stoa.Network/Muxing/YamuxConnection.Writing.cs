using System.Buffers;

namespace Stoa.Network.Muxing;

internal sealed partial class YamuxConnection
{
    // What goes to the connection below in one write at most, and what one stream may add to it before the others have their turn.
    private const int BatchLength = 64 * 1024;
    private const int MaxPayload = 16 * 1024;
    private const int MaxControlLength = 64 * 1024;
    private const int MinPayloadRoom = 1024;

    private readonly Waiter<bool> _wake;
    private readonly Queue<YamuxStream> _ready = new();
    private byte[]? _batch;
    private int _batchLength;
    private byte[] _control = [];
    private int _controlLength;

    /// <summary>Sends a frame without payload, ahead of data that waits.</summary>
    public void AppendControl(YamuxHeader header)
    {
        if (_controlLength == 0 && Room >= YamuxHeader.Size)
        {
            header.Write(Batch(YamuxHeader.Size));
        }
        else
        {
            if (_controlLength + YamuxHeader.Size > _control.Length)
            {
                if (_control.Length >= MaxControlLength)
                {
                    End("The other side does not read.", null);
                    return;
                }

                Array.Resize(ref _control, Math.Max(256 * YamuxHeader.Size, _control.Length * 2));
            }

            header.Write(_control.AsSpan(_controlLength));
            _controlLength += YamuxHeader.Size;
        }

        Wake();
    }

    /// <summary>Sends data at once if nobody else waits and there is room; answers how many bytes were taken.</summary>
    public int AppendData(uint stream, ReadOnlySpan<byte> bytes, long window) =>
        _controlLength > 0 || _ready.Count > 0 ? 0 : AppendPayload(stream, bytes, window);

    /// <summary>A stream has data and a window: it gets its turns.</summary>
    public void Enqueue(YamuxStream stream)
    {
        _ready.Enqueue(stream);
        Wake();
    }

    private int Room => BatchLength - _batchLength;

    private Span<byte> Batch(int length)
    {
        _batch ??= ArrayPool<byte>.Shared.Rent(BatchLength);
        var span = _batch.AsSpan(_batchLength, length);
        _batchLength += length;
        return span;
    }

    /// <summary>Adds a piece of data to the batch; answers how many bytes were taken, 0 when the batch is full.</summary>
    public int AppendPayload(uint stream, ReadOnlySpan<byte> bytes, long window)
    {
        var length = (int)Math.Min(Math.Min(bytes.Length, window), Math.Min(MaxPayload, Room - YamuxHeader.Size));
        // The little that is left of a batch is no reason for a tiny frame.
        if (length <= 0 || (length < MinPayloadRoom && length < Math.Min(bytes.Length, window)))
            return 0;
        new YamuxHeader(YamuxFrameType.Data, YamuxFlags.None, stream, (uint)length).Write(Batch(YamuxHeader.Size));
        bytes[..length].CopyTo(Batch(length));
        Wake();
        return length;
    }

    private void Wake()
    {
        if (_wake.IsWaiting)
            _wake.Complete(true);
    }

    private void DropUnsent() => (_batchLength, _controlLength) = (0, 0);

    /// <summary>Fills the batch with what waits: control first, then a piece of each stream in turn.</summary>
    private void FillBatch()
    {
        var control = Math.Min(_controlLength, Room / YamuxHeader.Size * YamuxHeader.Size);
        if (control > 0)
        {
            _control.AsSpan(0, control).CopyTo(Batch(control));
            _control.AsSpan(control, _controlLength - control).CopyTo(_control);
            _controlLength -= control;
        }

        while (_ready.TryPeek(out var stream))
        {
            var isTurnOver = stream.TryWritePending(out var isMoreReady);
            if (!isTurnOver)
                break;
            _ready.Dequeue();
            if (isMoreReady)
                _ready.Enqueue(stream);
        }
    }

    private async Task WriteAllAsync()
    {
        byte[]? batch = null;
        try
        {
            while (true)
            {
                int length;
                ValueTask<bool> idle = default;
                lock (Gate)
                {
                    if (batch is not null)
                        ArrayPool<byte>.Shared.Return(batch);
                    FillBatch();
                    (batch, length) = (_batch, _batchLength);
                    (_batch, _batchLength) = (null, 0);
                    if (length == 0)
                    {
                        if (_endedBecause is not null)
                            return;
                        idle = new ValueTask<bool>(_wake, _wake.Begin());
                    }
                }

                if (length == 0)
                {
                    await idle;
                    continue;
                }

                await _secured.WriteAsync(batch.AsMemory(0, length), _stop.Token);
                await _secured.FlushAsync(_stop.Token);
            }
        }
        catch (Exception e)
        {
            // Whatever the connection below throws ends this one; nobody is there to catch it.
            lock (Gate)
            {
                End($"It was lost: {e.Message}", null);
                DropUnsent();
            }
        }
        finally
        {
            if (batch is not null)
                ArrayPool<byte>.Shared.Return(batch);
        }
    }
}
