using System.Numerics;

namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>The signs of 128 numbers of a vector, a bit for each: of vectors that are much alike few differ.</summary>
/// <param name="Low">Of the first 64.</param>
/// <param name="High">Of those behind them.</param>
internal readonly record struct SignPair(ulong Low, ulong High)
{
    private const int BitsOfWord = 64;

    /// <summary>How many the signs of a vector take.</summary>
    public static int CountOf(int dimensions) => (dimensions + (2 * BitsOfWord) - 1) / (2 * BitsOfWord);

    /// <summary>Writes the signs of a vector.</summary>
    /// <param name="vector">As it is kept.</param>
    /// <param name="signs">As many as it takes.</param>
    public static void Write(ReadOnlySpan<sbyte> vector, Span<SignPair> signs)
    {
        for (var pair = 0; pair < signs.Length; pair++)
        {
            var rest = vector[(pair * 2 * BitsOfWord)..];
            signs[pair] = new SignPair(Word(rest), Word(rest[Math.Min(BitsOfWord, rest.Length)..]));
        }
    }

    /// <summary>How many signs differ.</summary>
    public static int Distance(ReadOnlySpan<SignPair> left, ReadOnlySpan<SignPair> right)
    {
        var distance = 0;
        for (var pair = 0; pair < left.Length; pair++)
            distance += BitOperations.PopCount(left[pair].Low ^ right[pair].Low) + BitOperations.PopCount(left[pair].High ^ right[pair].High);
        return distance;
    }

    private static ulong Word(ReadOnlySpan<sbyte> vector)
    {
        var word = 0UL;
        for (var index = 0; index < Math.Min(BitsOfWord, vector.Length); index++)
        {
            if (vector[index] >= 0)
                word |= 1UL << index;
        }

        return word;
    }
}
