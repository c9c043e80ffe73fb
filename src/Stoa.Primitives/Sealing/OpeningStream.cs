namespace Stoa.Primitives.Sealing;

/// <summary>Reads what is sealed in chunks as plaintext. Every byte that it gives was verified; that nothing is missing is known at its end.</summary>
/// <remarks>A chunk that does not verify is a <see cref="SealBrokenException"/>, then and at each later read.</remarks>
public sealed class OpeningStream : ReadOnlyStream
{
    private const int BoxBytes = ChunkCipher.PlainBytes + ChunkCipher.TagBytes;

    private readonly Stream _sealed;
    private readonly ChunkCipher _cipher;
    private readonly bool _leaveOpen;
    private readonly byte[] _plain = new byte[ChunkCipher.PlainBytes];
    // One more than a chunk: whether there is another byte tells whether it is the last one.
    private readonly byte[] _box = new byte[BoxBytes + 1];
    private int _held;
    private int _start;
    private int _end;
    private bool _isOver;
    private SealBrokenException? _broken;

    internal OpeningStream(Stream @sealed, ChunkCipher cipher, bool leaveOpen = false) => (_sealed, _cipher, _leaveOpen) = (@sealed, cipher, leaveOpen);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (NeedsMore(buffer.Length))
        {
            var read = await _sealed.ReadAtLeastAsync(_box.AsMemory(_held), _box.Length - _held, throwOnEndOfStream: false, cancellationToken);
            Open(_held + read);
        }

        return Take(buffer.Span);
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        while (NeedsMore(count))
            Open(_held + _sealed.ReadAtLeast(_box.AsSpan(_held), _box.Length - _held, throwOnEndOfStream: false));
        return Take(buffer.AsSpan(offset, count));
    }

    protected override void Dispose(bool disposing)
    {
        Array.Clear(_plain);
        _cipher.Dispose();
        if (disposing && !_leaveOpen)
            _sealed.Dispose();
        base.Dispose(disposing);
    }

    private bool NeedsMore(int wanted) => _broken is not null
        ? throw new SealBrokenException(_broken.Message, _broken)
        : wanted > 0 && _start == _end && !_isOver;

    private void Open(int length)
    {
        var isLast = length <= BoxBytes;
        var box = _box.AsSpan(0, Math.Min(length, BoxBytes));
        try
        {
            _cipher.Open(box, _plain.AsSpan(0, Math.Max(0, box.Length - ChunkCipher.TagBytes)), isLast);
        }
        catch (SealBrokenException broken)
        {
            _broken = broken;
            throw;
        }

        (_start, _end, _isOver) = (0, box.Length - ChunkCipher.TagBytes, isLast);
        _held = isLast ? 0 : 1;
        _box[0] = _box[BoxBytes];
    }

    private int Take(Span<byte> buffer)
    {
        var length = Math.Min(buffer.Length, _end - _start);
        _plain.AsSpan(_start, length).CopyTo(buffer);
        _start += length;
        return length;
    }
}
