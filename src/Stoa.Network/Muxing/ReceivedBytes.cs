using System.Buffers;

namespace Stoa.Network.Muxing;

/// <summary>Bytes that have arrived and were not read, in blocks of the shared pool. Not safe for use by many threads.</summary>
internal struct ReceivedBytes
{
    private const int MinBlock = 1024;
    private const int MaxBlock = 16 * 1024;

    private Block? _first;
    private Block? _last;

    public int Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_last is null || _last.End == _last.Bytes.Length)
            {
                var block = new Block(ArrayPool<byte>.Shared.Rent(Math.Clamp(bytes.Length, MinBlock, MaxBlock)));
                if (_last is null)
                    _first = block;
                else
                    _last.Next = block;
                _last = block;
            }

            var length = Math.Min(bytes.Length, _last.Bytes.Length - _last.End);
            bytes[..length].CopyTo(_last.Bytes.AsSpan(_last.End));
            _last.End += length;
            bytes = bytes[length..];
        }
    }

    public int Read(Span<byte> target)
    {
        var read = 0;
        while (read < target.Length && _first is { } block)
        {
            var length = Math.Min(target.Length - read, block.End - block.Start);
            block.Bytes.AsSpan(block.Start, length).CopyTo(target[read..]);
            block.Start += length;
            read += length;
            if (block.Start == block.End)
                DropFirst(block);
        }

        Length -= read;
        return read;
    }

    public void Clear()
    {
        while (_first is { } block)
            DropFirst(block);
        Length = 0;
    }

    private void DropFirst(Block block)
    {
        ArrayPool<byte>.Shared.Return(block.Bytes);
        _first = block.Next;
        if (_first is null)
            _last = null;
    }

    private sealed class Block(byte[] bytes)
    {
        public readonly byte[] Bytes = bytes;
        public int Start;
        public int End;
        public Block? Next;
    }
}
