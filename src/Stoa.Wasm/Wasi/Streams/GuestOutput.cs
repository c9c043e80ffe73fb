using System.Buffers;
using System.Text;

namespace Stoa.Wasm.Wasi.Streams;

/// <summary>What happens when a guest writes more than an output may hold.</summary>
public enum OutputOverflow
{
    /// <summary>The guest ends with <see cref="OutputLimitExceededException"/>; what fits has been written.</summary>
    Stop,

    /// <summary>The rest is dropped, a mark is written once in its place, and the guest goes on.</summary>
    Truncate,
}

/// <summary>Where a guest's standard output or standard error goes, with a limit and a count.</summary>
public abstract class GuestOutput
{
    /// <summary>What is written in place of the bytes that were dropped.</summary>
    public const string TruncationMark = "\n[output truncated]\n";

    private readonly long _maxBytes;
    private readonly OutputOverflow _overflow;
    private long _bytesWritten;
    private bool _truncated;

    private protected GuestOutput(long maxBytes, OutputOverflow overflow)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        _maxBytes = maxBytes;
        _overflow = overflow;
    }

    /// <summary>An output that nobody reads: it counts, and drops.</summary>
    public static GuestOutput Discard(long maxBytes = long.MaxValue, OutputOverflow overflow = OutputOverflow.Stop) =>
        new StreamOutput(Stream.Null, maxBytes, overflow, false);

    /// <summary>An output into a stream, which is not closed.</summary>
    /// <param name="stream">Any writable stream.</param>
    /// <param name="maxBytes">How many bytes it takes; the mark of a truncation comes on top.</param>
    /// <param name="overflow">What happens to more.</param>
    /// <param name="isTerminal">True where a person sits at the other end: the guest is told of a character device.</param>
    public static GuestOutput ToStream(
        Stream stream,
        long maxBytes = long.MaxValue,
        OutputOverflow overflow = OutputOverflow.Stop,
        bool isTerminal = false) => new StreamOutput(stream, maxBytes, overflow, isTerminal);

    /// <summary>An output that is kept in memory.</summary>
    public static BufferOutput ToMemory(long maxBytes = 64L << 20, OutputOverflow overflow = OutputOverflow.Stop) =>
        new(maxBytes, overflow);

    /// <summary>Bytes that went through, the mark left out; may be asked from any thread.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <summary>True when bytes were dropped; may be asked from any thread.</summary>
    public bool IsTruncated => Volatile.Read(ref _truncated);

    /// <summary>True where the guest is told of a character device, which makes C libraries buffer by the line.</summary>
    public virtual bool IsTerminal => false;

    /// <summary>Takes all of the bytes, or deals with those over the limit as was asked.</summary>
    /// <exception cref="OutputLimitExceededException">The limit is passed and the output is to stop then.</exception>
    /// <exception cref="IOException">The sink failed.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        var fits = (int)Math.Min(bytes.Length, _maxBytes - BytesWritten);
        if (fits > 0)
        {
            WriteThrough(bytes[..fits]);
            Interlocked.Add(ref _bytesWritten, fits);
        }

        if (fits == bytes.Length)
            return;
        if (_overflow == OutputOverflow.Stop)
            throw new OutputLimitExceededException(_maxBytes);
        if (!IsTruncated)
            WriteThrough(Encoding.UTF8.GetBytes(TruncationMark));
        Volatile.Write(ref _truncated, true);
    }

    /// <summary>Hands on what a buffer still holds.</summary>
    /// <exception cref="IOException">The sink failed.</exception>
    public virtual void Flush()
    {
    }

    private protected abstract void WriteThrough(ReadOnlySpan<byte> bytes);
}

/// <summary>Output into a stream.</summary>
internal sealed class StreamOutput(Stream stream, long maxBytes, OutputOverflow overflow, bool isTerminal)
    : GuestOutput(maxBytes, overflow)
{
    public override bool IsTerminal => isTerminal;

    public override void Flush() => stream.Flush();

    private protected override void WriteThrough(ReadOnlySpan<byte> bytes) => stream.Write(bytes);
}

/// <summary>Output that is kept in memory. It may be looked at from any thread while the guest writes.</summary>
public sealed class BufferOutput : GuestOutput
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();

    internal BufferOutput(long maxBytes, OutputOverflow overflow)
        : base(maxBytes, overflow)
    {
    }

    /// <summary>A copy of what has been written.</summary>
    public byte[] ToArray()
    {
        lock (_gate)
            return _buffer.WrittenSpan.ToArray();
    }

    /// <summary>What has been written, as text; bytes that are not UTF-8 become U+FFFD.</summary>
    public override string ToString() => Encoding.UTF8.GetString(ToArray());

    private protected override void WriteThrough(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
            _buffer.Write(bytes);
    }
}
