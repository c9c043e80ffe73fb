using System.Numerics;
using System.Runtime.InteropServices;

namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Vectors of embedding models, as they are kept: a byte for each number, which says how large it is beside the largest one. The length of a vector says nothing, so it is not kept.</summary>
public static class EmbeddingVector
{
    /// <summary>The fewest numbers of a vector.</summary>
    public const int LeastDimensions = 16;

    /// <summary>The most numbers of a vector.</summary>
    public const int MostDimensions = 4_096;

    private const int BitsOfWord = 64;

    /// <summary>A vector as it is kept; null when it points nowhere, is none, or has too few numbers or too many.</summary>
    public static sbyte[]? Pack(ReadOnlySpan<float> vector)
    {
        if (vector.Length is < LeastDimensions or > MostDimensions)
            return null;
        var most = 0f;
        foreach (var number in vector)
        {
            if (!float.IsFinite(number))
                return null;
            most = Math.Max(most, Math.Abs(number));
        }

        if (most == 0)
            return null;
        var packed = new sbyte[vector.Length];
        for (var index = 0; index < packed.Length; index++)
            packed[index] = (sbyte)MathF.Round(vector[index] / most * sbyte.MaxValue);
        return packed;
    }

    /// <summary>How alike two vectors are: the cosine of the angle between them.</summary>
    /// <param name="left">As it is kept.</param>
    /// <param name="right">With as many numbers.</param>
    public static float Cosine(ReadOnlySpan<sbyte> left, ReadOnlySpan<sbyte> right) => (float)(Product(left, right) / Math.Sqrt((double)Product(left, left) * Product(right, right)));

    /// <summary>How many words of bits the signs of a vector take.</summary>
    internal static int SignWords(int dimensions) => (dimensions + BitsOfWord - 1) / BitsOfWord;

    /// <summary>Writes the signs: of vectors that are much alike few differ.</summary>
    internal static void WriteSigns(ReadOnlySpan<sbyte> vector, Span<ulong> signs)
    {
        signs.Clear();
        for (var index = 0; index < vector.Length; index++)
        {
            if (vector[index] >= 0)
                signs[index / BitsOfWord] |= 1UL << (index % BitsOfWord);
        }
    }

    /// <summary>The sum of the products.</summary>
    internal static int Product(ReadOnlySpan<sbyte> left, ReadOnlySpan<sbyte> right)
    {
        var sums = Vector<int>.Zero;
        var index = 0;
        for (; index + Vector<sbyte>.Count <= left.Length; index += Vector<sbyte>.Count)
        {
            Vector.Widen(new Vector<sbyte>(left[index..]), out var leftLow, out var leftHigh);
            Vector.Widen(new Vector<sbyte>(right[index..]), out var rightLow, out var rightHigh);
            // 127² fits into sixteen bits, and the sum of two of them does not.
            Vector.Widen(leftLow * rightLow, out var first, out var second);
            Vector.Widen(leftHigh * rightHigh, out var third, out var fourth);
            sums += first + second + third + fourth;
        }

        var sum = Vector.Sum(sums);
        for (; index < left.Length; index++)
            sum += left[index] * right[index];
        return sum;
    }

    /// <summary>A vector as bytes, to be stored.</summary>
    public static byte[] ToBytes(ReadOnlySpan<sbyte> vector) => MemoryMarshal.AsBytes(vector).ToArray();

    /// <summary>What <see cref="ToBytes"/> gave.</summary>
    public static sbyte[] FromBytes(ReadOnlySpan<byte> bytes) => MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray();
}
