using System.Runtime.Intrinsics;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>A few numbers about a set from which it can be told how many items another set differs in, kept up while the set changes.</summary>
/// <remarks>
/// The tug-of-war sketch of N. Alon, Y. Matias and M. Szegedy (The space complexity of approximating the frequency moments, 1996): every item pulls each number one up or one down, and what two
/// sets have in common pulls both alike, so that the square of what their numbers differ by is, on average, the size of the difference. Which way an item pulls are the bits of its id, so that
/// two nodes need no key that they both know. Ids can be tried until some bits are as somebody wants them, and are where a publisher has to work for his statements: the numbers that are
/// furthest apart are left out.
/// </remarks>
public sealed class TugOfWarSketch
{
    /// <summary>How many numbers there are: one for each bit of an id.</summary>
    public const int Length = 8 * ContentHash.Size;

    // Within these the squares of a normal distribution have this mean: what is left out are an eighth, beyond 1.534 standard deviations.
    private const int Kept = Length * 7 / 8;
    private const double MeanOfKept = 0.5687;

    private static readonly Vector256<int> s_bits = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);

    // How many ids have each bit.
    private readonly int[] _ones = new int[Length];
    private int _count;

    /// <summary>The numbers.</summary>
    public IReadOnlyList<int> Read() => [.. _ones.Select(ones => unchecked((2 * ones) - _count))];

    /// <summary>Adds an id that the set did not have.</summary>
    public void Add(ContentHash id) => Change(id, Vector256<int>.One);

    /// <summary>Removes an id that the set had.</summary>
    public void Remove(ContentHash id) => Change(id, -Vector256<int>.One);

    /// <summary>About how many items two sets differ in: of some hundreds within a tenth in two cases of three.</summary>
    /// <param name="one">The numbers of one, <see cref="Length"/> of them.</param>
    /// <param name="other">Those of the other.</param>
    public static double Difference(IReadOnlyList<int> one, IReadOnlyList<int> other)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(other);
        var apart = one.Zip(other, (left, right) => Math.Abs((double)left - right)).Order().Take(Kept);
        return apart.Sum(by => by * by) / Kept / MeanOfKept;
    }

    private void Change(ContentHash id, Vector256<int> by)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        id.CopyTo(digest);
        for (var place = 0; place < digest.Length; place++)
        {
            var isOne = Vector256.Equals(Vector256.Create((int)digest[place]) & s_bits, s_bits);
            var eight = _ones.AsSpan(8 * place, 8);
            (Vector256.Create<int>(eight) + (isOne & by)).CopyTo(eight);
        }

        _count += by[0];
    }
}
