using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The log of one attempt while it is written: its last bytes, which any number of readers may follow by their offsets.</summary>
/// <remarks>
/// Readers look into the one ring that the attempt needs anyway, so they cost it no memory, and one who is too slow finds that the oldest
/// bytes are gone and how many. The writer waits for nobody: under the lock bytes are only copied. Memory grows with what is written.
/// </remarks>
public sealed class LiveLog : WriteOnlyStream
{
    /// <summary>The longest log that is kept, whatever a task's limits say: 64 KiB.</summary>
    public const int MaxBytes = 64 << 10;

    private const int FirstBytes = 256;

    private readonly Lock _gate = new();
    private byte[] _ring = [];
    private int _capacity = MaxBytes;
    private long _start;
    private long _written;
    private bool _isComplete;
    private TaskCompletionSource? _waiting;

    /// <summary>How many bytes are kept, 1 to <see cref="MaxBytes"/>. Set it before the first byte.</summary>
    public long Capacity
    {
        get => _capacity;
        set
        {
            lock (_gate)
                _capacity = (int)Math.Clamp(value, 1, MaxBytes);
        }
    }

    /// <summary>How many bytes have been written, kept or not.</summary>
    public long Written
    {
        get
        {
            lock (_gate)
                return _written;
        }
    }

    /// <summary>Whether nothing more will be written.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_gate)
                return _isComplete;
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        TaskCompletionSource? waiting;
        lock (_gate)
        {
            if (buffer.IsEmpty || _isComplete)
                return;
            Append(buffer);
            waiting = TakeWaiting();
        }

        waiting?.SetResult();
    }

    /// <summary>Writes what another holder of this log has from an offset on. What is here already is left out; what lies before the offset
    /// and is not here is lost.</summary>
    public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        TaskCompletionSource? waiting;
        lock (_gate)
        {
            var known = _written - offset;
            if (known >= bytes.Length || _isComplete)
                return;
            if (known < 0)
            {
                // A full ring from here on: what was before the gap is given up, so that the kept bytes have none.
                Array.Resize(ref _ring, _capacity);
                (_start, _written) = (offset, offset);
            }

            Append(bytes[(int)Math.Max(known, 0)..]);
            waiting = TakeWaiting();
        }

        waiting?.SetResult();
    }

    public override void Flush()
    {
    }

    /// <summary>Says that nothing more will be written.</summary>
    public void Complete()
    {
        TaskCompletionSource? waiting;
        lock (_gate)
        {
            _isComplete = true;
            waiting = TakeWaiting();
        }

        waiting?.SetResult();
    }

    /// <summary>Copies bytes from an offset on, or from the first that is still there.</summary>
    /// <returns>The offset of the first copied byte, and how many were copied.</returns>
    public (long Start, int Count) Read(long offset, Span<byte> buffer)
    {
        lock (_gate)
        {
            var from = Math.Clamp(offset, _start, _written);
            var count = (int)Math.Min(buffer.Length, _written - from);
            Copy(from, buffer[..count]);
            return (from, count);
        }
    }

    /// <summary>Ends once bytes after an offset are there, or nothing more will come; at once when that is so already.</summary>
    public async Task WaitBeyondAsync(long offset, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_written > offset || _isComplete)
                    return;
                // What readers do next must not run on the guest's thread.
                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _waiting.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>What is kept now.</summary>
    public KeptLog Keep()
    {
        lock (_gate)
        {
            var bytes = new byte[_written - _start];
            Copy(_start, bytes);
            return new KeptLog(bytes, _start);
        }
    }

    /// <summary>The last bytes as text, from the start of a character on; bytes that are not UTF-8 become U+FFFD.</summary>
    public string ToText(int maxBytes)
    {
        var bytes = Keep().Bytes.Span;
        var from = Math.Max(0, bytes.Length - maxBytes);
        while (from > 0 && from < bytes.Length && (bytes[from] & 0xC0) == 0x80)
            from++;
        return Encoding.UTF8.GetString(bytes[from..]).Replace('\0', '\uFFFD').TrimEnd();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _capacity)
        {
            _written += bytes.Length - _capacity;
            bytes = bytes[^_capacity..];
        }

        Grow(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var at = (int)(_written % _ring.Length);
            var part = Math.Min(bytes.Length, _ring.Length - at);
            bytes[..part].CopyTo(_ring.AsSpan(at));
            bytes = bytes[part..];
            _written += part;
        }

        _start = Math.Max(_start, _written - _ring.Length);
    }

    private void Copy(long from, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            var at = (int)(from % _ring.Length);
            var part = Math.Min(target.Length, _ring.Length - at);
            _ring.AsSpan(at, part).CopyTo(target);
            target = target[part..];
            from += part;
        }
    }

    /// <summary>Doubles the ring until it holds what is written or is as large as it may be. It only grows while it has not gone round.</summary>
    private void Grow(int more)
    {
        if (_ring.Length == _capacity || _written + more <= _ring.Length)
            return;
        var size = Math.Max((long)FirstBytes, _ring.Length);
        while (size < _written + more)
            size *= 2;
        // A write that skips ahead may begin anywhere in the ring: everything before it is overwritten or unreachable.
        Array.Resize(ref _ring, (int)Math.Min(size, _capacity));
    }

    private TaskCompletionSource? TakeWaiting()
    {
        var waiting = _waiting;
        _waiting = null;
        return waiting;
    }
}
