using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Reads an input and remembers what went wrong with it. A program is only told that its read failed.</summary>
internal sealed class InputStream(Stream inner) : ReadOnlyStream
{
    /// <summary>What went wrong, if anything did.</summary>
    public Exception? Fault { get; private set; }

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await inner.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException fault)
        {
            Fault = fault;
            throw;
        }
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return inner.Read(buffer, offset, count);
        }
        catch (IOException fault)
        {
            Fault = fault;
            throw;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
