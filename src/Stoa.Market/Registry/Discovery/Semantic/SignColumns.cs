using System.Runtime.Intrinsics;

namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>The signs of many vectors, a bit for each number, and how many of them differ from those of another vector.</summary>
/// <remarks>
/// Four vectors stand together: their first words, their second ones, and so on. So they are read in the order in which they are in memory, which is what takes the time, and the bits of four words are counted at once.
/// </remarks>
/// <param name="vectors">How many there may be, a multiple of four.</param>
/// <param name="dimensions">How many numbers each has.</param>
internal sealed class SignColumns(int vectors, int dimensions)
{
    private const int Together = 4;

    // Each word adds at most 8 to each byte.
    private const int MostWordsInBytes = byte.MaxValue / 8;

    private readonly int _words = EmbeddingVector.SignWords(dimensions);
    private readonly ulong[] _signs = new ulong[vectors * EmbeddingVector.SignWords(dimensions)];

    /// <summary>Takes the signs of a vector.</summary>
    /// <param name="place">In the place of which one.</param>
    /// <param name="vector">As it is kept.</param>
    public void Write(int place, ReadOnlySpan<sbyte> vector)
    {
        Span<ulong> signs = stackalloc ulong[_words];
        EmbeddingVector.WriteSigns(vector, signs);
        for (var word = 0; word < signs.Length; word++)
            _signs[(((place / Together * _words) + word) * Together) + (place % Together)] = signs[word];
    }

    /// <summary>From how many signs of each of the first vectors others differ.</summary>
    /// <param name="signs">The others.</param>
    /// <param name="distances">Has room for a multiple of four; what stands behind the last vector says nothing.</param>
    /// <param name="count">How many vectors.</param>
    public void Measure(ReadOnlySpan<ulong> signs, Span<ushort> distances, int count)
    {
        ReadOnlySpan<ulong> rest = _signs;
        for (var place = 0; place < count; place += Together)
        {
            var sums = Vector256<ulong>.Zero;
            for (var left = signs; !left.IsEmpty;)
            {
                var words = left[..Math.Min(MostWordsInBytes, left.Length)];
                sums += SumOfBytes(CountBits(words, rest[..(words.Length * Together)]));
                left = left[words.Length..];
                rest = rest[(words.Length * Together)..];
            }

            for (var index = 0; index < Together; index++)
                distances[place + index] = (ushort)sums[index];
        }
    }

    // By halves, quarters and bytes of what is added up: few processors count the bits of several words in one step, and all do this.
    private static Vector256<ulong> CountBits(ReadOnlySpan<ulong> signs, ReadOnlySpan<ulong> columns)
    {
        var bytes = Vector256<ulong>.Zero;
        for (var word = 0; word < signs.Length; word++)
        {
            var bits = Vector256.Create(columns.Slice(word * Together, Together)) ^ Vector256.Create(signs[word]);
            bits -= (bits >>> 1) & Vector256.Create(0x5555_5555_5555_5555UL);
            bits = (bits & Vector256.Create(0x3333_3333_3333_3333UL)) + ((bits >>> 2) & Vector256.Create(0x3333_3333_3333_3333UL));
            bytes += (bits + (bits >>> 4)) & Vector256.Create(0x0F0F_0F0F_0F0F_0F0FUL);
        }

        return bytes;
    }

    private static Vector256<ulong> SumOfBytes(Vector256<ulong> bytes)
    {
        var sums = (bytes & Vector256.Create(0x00FF_00FF_00FF_00FFUL)) + ((bytes >>> 8) & Vector256.Create(0x00FF_00FF_00FF_00FFUL));
        sums += sums >>> 32;
        sums += sums >>> 16;
        return sums & Vector256.Create(0xFFFFUL);
    }
}
