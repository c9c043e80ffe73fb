using System.Buffers.Binary;
using System.Numerics;

namespace Stoa.Market.Registry.Replication;

/// <summary>A key of <see cref="SipHash"/>: 128 bits.</summary>
/// <param name="First">The first eight bytes, the lowest first.</param>
/// <param name="Second">The other eight.</param>
public readonly record struct SipKey(ulong First, ulong Second)
{
    /// <summary>The length in bytes.</summary>
    public const int Size = 16;

    /// <summary>Reads the first 16 bytes.</summary>
    public static SipKey FromBytes(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));

    /// <summary>Writes 16 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, First);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Second);
    }
}

/// <summary>SipHash-2-4: a short hash that nobody can aim at who does not know the key.</summary>
/// <remarks>J.-P. Aumasson and D. J. Bernstein, SipHash: a fast short-input PRF, 2012.</remarks>
public static class SipHash
{
    /// <summary>Hashes bytes.</summary>
    public static ulong Of(SipKey key, ReadOnlySpan<byte> bytes)
    {
        var state = new State(key);
        var last = (ulong)(byte)bytes.Length << 56;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            state.Take(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        for (var index = 0; index < bytes.Length; index++)
            last |= (ulong)bytes[index] << (8 * index);
        state.Take(last);
        return state.End();
    }

    /// <summary>Hashes the 16 bytes of an item, the highest first.</summary>
    public static ulong Of(SipKey key, UInt128 item)
    {
        var state = new State(key);
        state.Take(BinaryPrimitives.ReverseEndianness((ulong)(item >> 64)));
        state.Take(BinaryPrimitives.ReverseEndianness((ulong)item));
        state.Take(16UL << 56);
        return state.End();
    }

    private struct State(SipKey key)
    {
        // "somepseudorandomlygeneratedbytes", as the paper has it.
        private ulong _a = key.First ^ 0x736f6d6570736575;
        private ulong _b = key.Second ^ 0x646f72616e646f6d;
        private ulong _c = key.First ^ 0x6c7967656e657261;
        private ulong _d = key.Second ^ 0x7465646279746573;

        public void Take(ulong word)
        {
            _d ^= word;
            Round();
            Round();
            _a ^= word;
        }

        public ulong End()
        {
            _c ^= 0xff;
            Round();
            Round();
            Round();
            Round();
            return _a ^ _b ^ _c ^ _d;
        }

        private void Round()
        {
            _a += _b;
            _c += _d;
            _b = BitOperations.RotateLeft(_b, 13) ^ _a;
            _d = BitOperations.RotateLeft(_d, 16) ^ _c;
            _a = BitOperations.RotateLeft(_a, 32);
            _c += _b;
            _a += _d;
            _b = BitOperations.RotateLeft(_b, 17) ^ _c;
            _d = BitOperations.RotateLeft(_d, 21) ^ _a;
            _c = BitOperations.RotateLeft(_c, 32);
        }
    }
}
