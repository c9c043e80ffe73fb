using System.Numerics;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>The price of a statement that nobody vouches for: its id, a hash, begins with zero bits. It is paid by trying values of the member <c>work</c>, and checked for nothing.</summary>
public static class StatementWork
{
    // All values that are tried have as many digits, so that one takes the place of the other.
    private const string First = "1000000000";

    /// <summary>How many bytes a payload has with its work, if it has so many with the work 0.</summary>
    internal static int LengthOf(int idleLength) => idleLength - 1 + First.Length;

    /// <summary>Tries values of the member <c>work</c> until the id begins with enough zero bits.</summary>
    /// <param name="payload">Canonical, with the work 0: it is the last member, so that only the end changes.</param>
    /// <param name="bits">How many bits, at most 32.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The payload with the work that was found.</returns>
    internal static byte[] Search(ReadOnlySpan<byte> payload, int bits, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 32);
        if (!payload.EndsWith("\"work\":0}"u8))
            throw new ArgumentException("A payload whose last member is a work of 0 is expected.", nameof(payload));
        byte[] tried = [.. payload[..^2], .. Encoding.ASCII.GetBytes(First), (byte)'}'];
        var tail = new Sha256Tail(tried, First.Length + 1);
        var digits = tail.Last(First.Length + 1)[..^1];
        for (var tries = 0; tail.LeadingZeros() < bits; tries++)
        {
            var digit = digits.Length - 1;
            for (; digits[digit] == '9'; digit--)
                digits[digit] = (byte)'0';
            digits[digit]++;
            if (tries % 1_024 == 0)
                cancellationToken.ThrowIfCancellationRequested();
        }

        digits.CopyTo(tried.AsSpan(tried.Length - First.Length - 1));
        return BitsOf(ContentHash.Of(tried)) >= bits ? tried : throw new InvalidOperationException("What was found is not what the library finds.");
    }

    /// <summary>The zero bits that an id begins with.</summary>
    public static int BitsOf(ContentHash id)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        id.CopyTo(digest);
        var whole = digest.IndexOfAnyExcept((byte)0);
        return whole < 0 ? digest.Length * 8 : (whole * 8) + BitOperations.LeadingZeroCount((uint)digest[whole]) - 24;
    }
}
