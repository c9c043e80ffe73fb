using System.Buffers;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Bytes that have come and were not taken yet, in one piece that is lent by the pool and grows up to a bound.</summary>
/// <param name="most">It holds no more than so many bytes.</param>
internal sealed class GrowingBuffer(int most) : IDisposable
{
    private const int First = 16 << 10;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(Math.Min(First, most));
    private int _start;
    private int _end;

    /// <summary>What was not taken.</summary>
    public ReadOnlySpan<byte> Span => _bytes.AsSpan(_start, _end - _start);

    /// <summary>The same.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(_start, _end - _start);

    /// <summary>How much of it there is.</summary>
    public int Length => _end - _start;

    /// <summary>Reads once from a stream.</summary>
    /// <returns>How many bytes came; 0 at the end.</returns>
    /// <exception cref="BufferFullException">There is no room for more.</exception>
    public async ValueTask<int> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        MakeRoom();
        var read = await stream.ReadAsync(_bytes.AsMemory(_end, Math.Min(_bytes.Length, _start + most) - _end), cancellationToken);
        _end += read;
        return read;
    }

    /// <summary>Reads a stream to its end, or until there is enough.</summary>
    /// <param name="stream">Read from where it is.</param>
    /// <param name="enough">So many bytes are enough.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="BufferFullException">There is no room for more.</exception>
    public async ValueTask FillAsync(Stream stream, int enough, CancellationToken cancellationToken)
    {
        while (Length < enough && await ReadAsync(stream, cancellationToken) > 0)
        {
        }
    }

    /// <summary>Takes bytes from the front.</summary>
    public void Take(int length)
    {
        _start += length;
        if (_start == _end)
            _start = _end = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var bytes = Interlocked.Exchange(ref _bytes, []);
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void MakeRoom()
    {
        if (Length >= most)
            throw new BufferFullException(most);
        if (_end < _bytes.Length)
            return;
        // Moved to the front when that makes much room, else into a larger one.
        var larger = _start >= _bytes.Length / 2 ? _bytes : ArrayPool<byte>.Shared.Rent(Math.Min(_bytes.Length * 2, Math.Max(most, _bytes.Length + 1)));
        Span.CopyTo(larger);
        (_start, _end) = (0, Length);
        if (larger != _bytes)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}

/// <summary>More came than is taken.</summary>
internal sealed class BufferFullException(int most) : IOException($"More than {most} bytes came in one piece.");
