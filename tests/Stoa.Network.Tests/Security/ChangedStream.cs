namespace Stoa.Network.Tests.Security;

/// <summary>A stream whose writes somebody on the way changes.</summary>
internal sealed class ChangedStream(Stream inner) : Stream
{
    private long _written;

    /// <summary>The byte, counted from the first that is written, of which a bit is flipped; -1 for none.</summary>
    public long FlipAt { get; init; } = -1;

    /// <summary>After how many bytes the stream ends.</summary>
    public long CutAfter { get; init; } = long.MaxValue;

    /// <summary>How many bytes were written.</summary>
    public long Written => Interlocked.Read(ref _written);

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var bytes = buffer.ToArray();
        var at = Written;
        Interlocked.Add(ref _written, bytes.Length);
        if (FlipAt >= at && FlipAt < at + bytes.Length)
            bytes[FlipAt - at] ^= (byte)(1 << (int)(FlipAt % 8));
        await inner.WriteAsync(bytes.AsMemory(0, (int)Math.Clamp(CutAfter - at, 0, bytes.Length)), cancellationToken);
        if (at + bytes.Length <= CutAfter)
            return;
        await inner.DisposeAsync();
        throw new IOException("The way is cut.");
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
