using System.Globalization;
using System.Numerics;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>The price of a statement that nobody vouches for: its id, a hash, begins with zero bits. It is paid by trying values of the member <c>work</c>, and checked for nothing.</summary>
public static class StatementWork
{
    private const int MaxDigits = 20;

    /// <summary>Tries values of the member <c>work</c> until the id begins with enough zero bits.</summary>
    /// <param name="payload">Canonical, with the work 0: it is the last member, so that only the end changes.</param>
    /// <param name="bits">How many bits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The payload with the work that was found.</returns>
    internal static byte[] Search(ReadOnlySpan<byte> payload, int bits, CancellationToken cancellationToken)
    {
        if (!payload.EndsWith("\"work\":0}"u8))
            throw new ArgumentException("A payload whose last member is a work of 0 is expected.", nameof(payload));
        var start = payload.Length - 2;
        var tried = new byte[start + MaxDigits];
        payload[..start].CopyTo(tried);
        for (var work = 0L; ; work++)
        {
            work.TryFormat(tried.AsSpan(start), out var digits, default, CultureInfo.InvariantCulture);
            tried[start + digits] = (byte)'}';
            var whole = tried.AsSpan(0, start + digits + 1);
            if (BitsOf(ContentHash.Of(whole)) >= bits)
                return whole.ToArray();
            if (work % 1_024 == 0)
                cancellationToken.ThrowIfCancellationRequested();
        }
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
