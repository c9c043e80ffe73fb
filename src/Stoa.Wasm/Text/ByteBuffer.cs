using System.Buffers.Binary;

namespace Stoa.Wasm.Text;

/// <summary>Grows by the primitive forms of the binary format (core specification 2.0, section 5.2), and remembers what in the text they are of.</summary>
internal sealed class ByteBuffer
{
    private readonly List<Mark> _marks = [];
    private byte[] _bytes = new byte[64];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Says that what is written next is of a place in the text.</summary>
    public void Mark(int source)
    {
        if (_marks.Count == 0 || _marks[^1].Offset < Length)
            _marks.Add(new Mark(Length, source));
    }

    /// <summary>The place in the text that the byte at an offset is of.</summary>
    public int SourceOf(long offset)
    {
        int low = 0;
        int high = _marks.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_marks[middle].Offset <= offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? 0 : _marks[low - 1].Source;
    }

    public void Byte(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    public void Bytes(ReadOnlySpan<byte> values)
    {
        Reserve(values.Length);
        values.CopyTo(_bytes.AsSpan(Length));
        Length += values.Length;
    }

    public void U32(uint value)
    {
        for (; value >= 0x80; value >>= 7)
            Byte((byte)(value | 0x80));
        Byte((byte)value);
    }

    public void Signed(long value)
    {
        while (true)
        {
            byte low = (byte)(value & 0x7F);
            value >>= 7;
            if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0))
            {
                Byte(low);
                return;
            }

            Byte((byte)(low | 0x80));
        }
    }

    /// <summary>The lowest bits of a number, the lowest byte first.</summary>
    public void Fixed(ulong value, int bytes)
    {
        Span<byte> all = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(all, value);
        Bytes(all[..bytes]);
    }

    /// <summary>A name or a string: its length and its bytes.</summary>
    public void Sized(ReadOnlySpan<byte> content)
    {
        U32((uint)content.Length);
        Bytes(content);
    }

    /// <summary>What another buffer holds, and what it remembers.</summary>
    public void Append(ByteBuffer other)
    {
        foreach (var mark in other._marks)
            _marks.Add(new Mark(mark.Offset + Length, mark.Source));
        Bytes(other.Written);
    }

    /// <summary>Moves what is written from an offset on to the end of another buffer.</summary>
    public void MoveTo(ByteBuffer target, int start)
    {
        target.Bytes(_bytes.AsSpan(start, Length - start));
        Length = start;
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < count)
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(2L * _bytes.Length, (long)Length + count), Array.MaxLength));
    }
}

/// <summary>From an offset in the binary on, what is written is of an offset in the text.</summary>
internal readonly record struct Mark(int Offset, int Source);
