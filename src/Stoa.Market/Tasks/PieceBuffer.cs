using System.Buffers;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Keeps what is written in memory, in pieces: nothing is copied twice, and there is never much more room than bytes.</summary>
internal sealed class PieceBuffer
{
    private const int PieceBytes = 64 << 10;
    private const int FirstBytes = 1 << 10;

    private Piece? _first;
    private Piece? _last;
    private int _lastLength;

    /// <summary>How many bytes there are.</summary>
    public long Count { get; private set; }

    /// <summary>All of them. What is written later is not in it.</summary>
    public ReadOnlySequence<byte> Written => _first is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_first, 0, _last!, _lastLength);

    public void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            if (_last is null || _lastLength == _last.Bytes.Length)
            {
                _last = new Piece(new byte[_last is null ? FirstBytes : PieceBytes], _last);
                _first ??= _last;
                _lastLength = 0;
            }

            var count = Math.Min(buffer.Length, _last.Bytes.Length - _lastLength);
            buffer[..count].CopyTo(_last.Bytes.AsSpan(_lastLength));
            _lastLength += count;
            Count += count;
            buffer = buffer[count..];
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(byte[] bytes, Piece? before)
        {
            (Bytes, Memory) = (bytes, bytes);
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Bytes.Length;
            before.Next = this;
        }

        public byte[] Bytes { get; }
    }
}

/// <summary>Writes into a buffer.</summary>
internal sealed class PieceStream(PieceBuffer target) : WriteOnlyStream
{
    public override void Write(ReadOnlySpan<byte> buffer) => target.Write(buffer);

    public override void Flush()
    {
    }
}
