namespace Stoa.Network.Muxing;

/// <summary>One of many streams of a connection: bytes both ways, each way ended by itself.</summary>
/// <remarks>
/// A read at the end of what the other side wrote answers 0. Reads and writes may run beside each other, but not two of a kind. A stream that either side
/// has reset throws <see cref="StreamResetException"/> from both; only what the other side had completed before its reset can still be read to
/// its end. Disposing resets what has not ended: it never waits for the other side.
/// </remarks>
public abstract class MuxedStream : Stream
{
    /// <inheritdoc/>
    public sealed override bool CanRead => true;

    /// <inheritdoc/>
    public sealed override bool CanWrite => true;

    /// <inheritdoc/>
    public sealed override bool CanSeek => false;

    /// <inheritdoc/>
    public sealed override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Says that nothing more will be written. The other side reads to the end; reading goes on.</summary>
    public abstract ValueTask CompleteWritesAsync(CancellationToken cancellationToken);

    /// <summary>Ends both ways at once. What was not read is lost. Does nothing to a stream that has ended.</summary>
    public abstract void Reset();

    /// <inheritdoc/>
    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public sealed override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public sealed override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public sealed override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Streams of peers are read asynchronously.");

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Streams of peers are written asynchronously.");

    /// <inheritdoc/>
    public sealed override void Flush()
    {
        // Every write goes out.
    }

    /// <inheritdoc/>
    public sealed override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Reset();
        base.Dispose(disposing);
    }
}
