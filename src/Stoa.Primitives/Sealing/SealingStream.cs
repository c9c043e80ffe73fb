namespace Stoa.Primitives.Sealing;

/// <summary>Seals what is written to it into another stream, which it does not close: first a header, then chunks. Nothing is whole before <see cref="Complete"/>.</summary>
public sealed class SealingStream : WriteOnlyStream
{
    private readonly Stream _sealed;
    private readonly ChunkCipher _cipher;
    private readonly byte[] _plain = new byte[ChunkCipher.PlainBytes];
    private readonly byte[] _box = new byte[ChunkCipher.PlainBytes + ChunkCipher.TagBytes];
    private int _length;

    internal SealingStream(Stream @sealed, byte[] header, ChunkCipher cipher)
    {
        (_sealed, _cipher) = (@sealed, cipher);
        @sealed.Write(header);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            // A full chunk waits for what comes behind it: it may be the last one.
            if (_length == _plain.Length)
                Pass(isLast: false);
            var part = buffer[..Math.Min(buffer.Length, _plain.Length - _length)];
            part.CopyTo(_plain.AsSpan(_length));
            _length += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>Seals the last chunk.</summary>
    public void Complete()
    {
        Pass(isLast: true);
        _sealed.Flush();
    }

    /// <summary>Nothing: a chunk goes out when it is full.</summary>
    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        Array.Clear(_plain);
        _cipher.Dispose();
        base.Dispose(disposing);
    }

    private void Pass(bool isLast)
    {
        var box = _box.AsSpan(0, _length + ChunkCipher.TagBytes);
        _cipher.Seal(_plain.AsSpan(0, _length), box, isLast);
        _length = 0;
        _sealed.Write(box);
    }
}
