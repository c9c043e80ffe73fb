using System.Buffers.Binary;
using System.Numerics;

namespace Stoa.Market.Registry.Statements;

/// <summary>SHA-256 of messages that differ in their last bytes alone: what is before them is hashed once (FIPS 180-4).</summary>
/// <remarks>
/// The library hashes whole messages and gives no state away to go on from. Where hundreds of thousands are tried that nearly all have in common, that is nearly all of the work.
/// Whatever is found with this is hashed by the library before it is believed.
/// </remarks>
internal sealed class Sha256Tail
{
    private const int BlockBytes = 64;
    private const int Rounds = 64;

    // Fractions of the cube roots, and of the square roots, of the first primes.
    private static readonly uint[] s_constants = [.. Primes(Rounds).Select(prime => Fraction(prime, cubic: true))];
    private static readonly uint[] s_begin = [.. Primes(8).Select(prime => Fraction(prime, cubic: false))];

    private readonly uint[] _state = [.. s_begin];
    private readonly byte[] _rest;
    private readonly int _length;

    /// <param name="message">The first of them.</param>
    /// <param name="changing">How many bytes at its end change.</param>
    public Sha256Tail(ReadOnlySpan<byte> message, int changing)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(changing, message.Length);
        var whole = (message.Length - changing) / BlockBytes * BlockBytes;
        for (var at = 0; at < whole; at += BlockBytes)
            Compress(_state, message.Slice(at, BlockBytes));
        _length = message.Length - whole;
        // A bit that ends the message, zeros, and its length in bits.
        _rest = new byte[(_length + 9 + BlockBytes - 1) / BlockBytes * BlockBytes];
        message[whole..].CopyTo(_rest);
        _rest[_length] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(_rest.AsSpan(_rest.Length - 8), (long)message.Length * 8);
    }

    /// <summary>The end of the message, to be changed: as many bytes as change.</summary>
    public Span<byte> Last(int bytes) => _rest.AsSpan(_length - bytes, bytes);

    /// <summary>How many zero bits the hash of the message as it is now begins with; 32 when more.</summary>
    public int LeadingZeros()
    {
        Span<uint> state = stackalloc uint[8];
        _state.CopyTo(state);
        for (var at = 0; at < _rest.Length; at += BlockBytes)
            Compress(state, _rest.AsSpan(at, BlockBytes));
        return BitOperations.LeadingZeroCount(state[0]);
    }

    private static void Compress(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> words = stackalloc uint[Rounds];
        for (var index = 0; index < 16; index++)
            words[index] = BinaryPrimitives.ReadUInt32BigEndian(block[(4 * index)..]);
        for (var index = 16; index < words.Length; index++)
        {
            var (early, late) = (words[index - 15], words[index - 2]);
            words[index] = words[index - 16] + (BitOperations.RotateRight(early, 7) ^ BitOperations.RotateRight(early, 18) ^ (early >> 3))
                + words[index - 7] + (BitOperations.RotateRight(late, 17) ^ BitOperations.RotateRight(late, 19) ^ (late >> 10));
        }

        var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]);
        var constants = s_constants.AsSpan(0, Rounds);
        for (var round = 0; round < words.Length; round++)
        {
            var first = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25)) + ((e & f) ^ (~e & g)) + constants[round] + words[round];
            var second = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }

    private static IEnumerable<int> Primes(int count) =>
        Enumerable.Range(2, 400).Where(number => Enumerable.Range(2, number - 2).All(divisor => number % divisor != 0)).Take(count);

    /// <summary>The first 32 bits behind the point of a root, found in whole numbers.</summary>
    private static uint Fraction(int prime, bool cubic)
    {
        // root · 2³² is the root of prime · 2⁶⁴, or of prime · 2⁹⁶.
        var target = (BigInteger)prime << (cubic ? 96 : 64);
        var (low, high) = (BigInteger.Zero, (BigInteger)1 << 40);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if ((cubic ? middle * middle * middle : middle * middle) <= target)
                low = middle;
            else
                high = middle;
        }

        return (uint)(low & uint.MaxValue);
    }
}
