using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Stoa.Wasm.Binary;

/// <summary>Reads the primitive forms of the binary format, and refuses what is cut short or written wrongly.</summary>
internal ref struct WasmReader(ReadOnlySpan<byte> bytes, int position, int end)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes[..end];

    /// <summary>Offset of the next byte in the module.</summary>
    public int Position = position;

    public readonly int End => _bytes.Length;

    public readonly int Remaining => _bytes.Length - Position;

    public readonly bool IsAtEnd => Position >= _bytes.Length;

    [DoesNotReturn]
    public readonly void Malformed(string reason) => Malformed(reason, Position);

    [DoesNotReturn]
    public static void Malformed(string reason, int offset) =>
        throw new InvalidModuleException(InvalidModuleKind.Malformed, offset, reason);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte ReadByte()
    {
        int at = Position;
        if ((uint)at >= (uint)_bytes.Length)
            Malformed("unexpected end");
        Position = at + 1;
        return _bytes[at];
    }

    public readonly byte PeekByte()
    {
        if (IsAtEnd)
            Malformed("unexpected end");
        return _bytes[Position];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint ReadU32()
    {
        int at = Position;
        if ((uint)at < (uint)_bytes.Length && _bytes[at] < 0x80)
        {
            Position = at + 1;
            return _bytes[at];
        }

        return (uint)ReadUnsigned(32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadS32()
    {
        int at = Position;
        if ((uint)at < (uint)_bytes.Length && _bytes[at] < 0x80)
        {
            Position = at + 1;
            return _bytes[at] << 25 >> 25;
        }

        return (int)ReadSigned(32);
    }

    public long ReadS33() => ReadSigned(33);

    public long ReadS64() => ReadSigned(64);

    public uint ReadF32Bits() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(4));

    public ulong ReadF64Bits() => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(8));

    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if ((uint)count > (uint)Remaining)
            Malformed("unexpected end");
        var span = _bytes.Slice(Position, count);
        Position += count;
        return span;
    }

    /// <summary>Reads the length of something that follows; it has to fit into what is left.</summary>
    public int ReadLength()
    {
        int at = Position;
        uint length = ReadU32();
        if (length > (uint)Remaining)
            Malformed("length out of bounds", at);
        return (int)length;
    }

    /// <summary>Reads the number of items that follow, of at least one byte each, so it cannot promise more than there is.</summary>
    public int ReadCount(int limit, string what)
    {
        int at = Position;
        uint count = ReadU32();
        if (count > (uint)Remaining)
            Malformed("length out of bounds", at);
        if (count > (uint)limit)
            throw new InvalidModuleException(InvalidModuleKind.LimitExceeded, at, $"{count} {what}: more than {limit}");
        return (int)count;
    }

    public string ReadName()
    {
        int at = Position;
        var span = ReadBytes(ReadLength());
        try
        {
            return s_strictUtf8.GetString(span);
        }
        catch (DecoderFallbackException)
        {
            Malformed("malformed UTF-8 encoding", at);
            return "";
        }
    }

    private ulong ReadUnsigned(int bits)
    {
        int start = Position;
        ulong result = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = ReadByte();
            if (shift + 7 >= bits)
            {
                if ((next & 0x80) != 0)
                    Malformed("integer representation too long", start);
                if (next >> (bits - shift) != 0)
                    Malformed("integer too large", start);
            }

            result |= (ulong)(next & 0x7F) << shift;
            if ((next & 0x80) == 0)
                return result;
        }
    }

    private long ReadSigned(int bits)
    {
        int start = Position;
        long result = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = ReadByte();
            if (shift + 7 >= bits)
            {
                if ((next & 0x80) != 0)
                    Malformed("integer representation too long", start);
                int used = bits - shift; // bits of this byte that count, its top one the sign
                int extension = (sbyte)(next << 1) >> used; // the sign and what repeats it: all zeros or all ones
                if (extension is not (0 or -1))
                    Malformed("integer too large", start);
            }

            result |= (long)(next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                int unused = 64 - (shift + 7);
                return unused > 0 ? result << unused >> unused : result;
            }
        }
    }
}
