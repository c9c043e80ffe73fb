using System.Runtime.ExceptionServices;

namespace Stoa.Node.Inference.Programs;

/// <summary>The answer of a program that is still being written. Whoever disposes of it wants no more, and the program ends.</summary>
/// <param name="run">Writes it.</param>
internal sealed class ProgramAnswer(ProgramRun run) : Stream
{
    private readonly Stream _written = run.Output.Reader.AsStream();

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="Gateway.UpstreamException">All that the program has written was read, and then it has failed.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _written.ReadAsync(buffer, cancellationToken);
        if (read == 0 && run.Output.Failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            run.Stop();
            _written.Dispose();
        }

        base.Dispose(disposing);
    }
}
