using System.Buffers;

namespace Stoa.Wasm.Wasi.Streams;

/// <summary>What a guest reads on its standard input, with a count of what it has read.</summary>
public abstract class GuestInput
{
    private protected const int BufferBytes = 64 * 1024;

    private long _bytesRead;

    /// <summary>An input that has ended before it began.</summary>
    public static GuestInput Empty() => FromBytes(ReadOnlySequence<byte>.Empty);

    /// <summary>An input of bytes that are in memory.</summary>
    public static GuestInput FromBytes(ReadOnlyMemory<byte> bytes) => FromBytes(new ReadOnlySequence<byte>(bytes));

    /// <summary>An input of bytes that are in memory.</summary>
    public static GuestInput FromBytes(ReadOnlySequence<byte> bytes) => new BytesInput(bytes);

    /// <summary>An input that is read from a stream as the guest asks for it. The stream is not closed.</summary>
    /// <param name="stream">Any readable stream; it is read from one thread at a time.</param>
    /// <param name="fillReads">
    /// True: a read waits until it is filled or the stream ends, so that what the guest sees does not depend on how the bytes
    /// arrive: use it where runs must replay. False: a read gives what is there, as a terminal or a pipe does.
    /// </param>
    /// <param name="isTerminal">True where a person sits at the other end: the guest is told of a character device.</param>
    public static GuestInput FromStream(Stream stream, bool fillReads = true, bool isTerminal = false) =>
        new StreamInput(stream, fillReads, isTerminal);

    /// <summary>Bytes that the guest has read so far; may be asked from any thread.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>True where the guest is told of a character device, which makes C libraries buffer by the line.</summary>
    public virtual bool IsTerminal => false;

    /// <summary>Reads into a buffer; 0 means the end.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting.</exception>
    /// <exception cref="IOException">The source failed.</exception>
    public int Read(Span<byte> buffer, CancellationToken cancellationToken)
    {
        var count = ReadSome(buffer, cancellationToken);
        Interlocked.Add(ref _bytesRead, count);
        return count;
    }

    /// <summary>Completes when a read would not wait; null when that is already so.</summary>
    internal abstract Task? WaitReadable();

    /// <summary>How many bytes can be read without waiting, as far as is known and at most 64 KiB; 0 at the end or where nothing has come.</summary>
    /// <param name="isReplayed">
    /// True: an input that fills reads waits for as many bytes, or for its end, so that the answer does not depend on how they arrive.
    /// </param>
    /// <param name="hasEnded">True where every byte has been read.</param>
    /// <param name="cancellationToken">Breaks the wait off.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting.</exception>
    /// <exception cref="IOException">The source failed.</exception>
    internal abstract ulong CountReadable(bool isReplayed, out bool hasEnded, CancellationToken cancellationToken);

    /// <summary>True where a read comes back short only at the end.</summary>
    internal virtual bool FillsReads => true;

    /// <summary>True where every byte is there from the beginning.</summary>
    internal virtual bool NeverWaits => false;

    private protected abstract int ReadSome(Span<byte> buffer, CancellationToken cancellationToken);
}

/// <summary>Input from memory.</summary>
internal sealed class BytesInput(ReadOnlySequence<byte> bytes) : GuestInput
{
    private ReadOnlySequence<byte> _rest = bytes;

    internal override bool NeverWaits => true;

    internal override Task? WaitReadable() => null;

    internal override ulong CountReadable(bool isReplayed, out bool hasEnded, CancellationToken cancellationToken)
    {
        hasEnded = _rest.IsEmpty;
        return (ulong)Math.Min(_rest.Length, BufferBytes);
    }

    private protected override int ReadSome(Span<byte> buffer, CancellationToken cancellationToken)
    {
        var part = _rest.Slice(0, Math.Min(buffer.Length, _rest.Length));
        part.CopyTo(buffer);
        _rest = _rest.Slice(part.End);
        return (int)part.Length;
    }
}

/// <summary>Input from a stream.</summary>
/// <remarks>
/// One read of the stream is under way at most, into a buffer of its own: so waiting for it can be broken off, by a deadline
/// or a timeout, and what it brings is there for the next read.
/// </remarks>
internal sealed class StreamInput(Stream stream, bool fillReads, bool isTerminal) : GuestInput
{
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;
    private bool _ended;
    private Task<int>? _pending;

    public override bool IsTerminal => isTerminal;

    internal override bool FillsReads => fillReads;

    internal override Task? WaitReadable()
    {
        if (_ended || _start < _end)
            return null;
        var pending = Begin();
        return pending.IsCompleted ? null : pending;
    }

    internal override ulong CountReadable(bool isReplayed, out bool hasEnded, CancellationToken cancellationToken)
    {
        if (_pending is { IsCompleted: true })
            Complete(cancellationToken);
        while (isReplayed && fillReads && !_ended && _end - _start < BufferBytes)
            Complete(cancellationToken);
        hasEnded = _ended && _start == _end;
        return (ulong)(_end - _start);
    }

    private protected override int ReadSome(Span<byte> buffer, CancellationToken cancellationToken)
    {
        var total = 0;
        while (total < buffer.Length && (!_ended || _start < _end) && (total == 0 || fillReads))
        {
            if (_start == _end)
                Complete(cancellationToken);
            var count = Math.Min(buffer.Length - total, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(buffer[total..]);
            _start += count;
            total += count;
        }

        return total;
    }

    private Task<int> Begin()
    {
        if (_pending is not null)
            return _pending;
        // Nothing reads into the buffer now, so what is left in it can make room.
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        return _pending = stream.ReadAsync(_buffer.AsMemory(_end), CancellationToken.None).AsTask();
    }

    private void Complete(CancellationToken cancellationToken)
    {
        var pending = Begin();
        if (!pending.IsCompleted)
            Task.WaitAny([pending], cancellationToken);
        _pending = null;
        var count = pending.GetAwaiter().GetResult();
        _end += count;
        _ended = count == 0;
    }
}
