using System.Numerics;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>The price of a statement that nobody vouches for: its id, a hash, begins with zero bits. It is paid by trying values of the member <c>work</c>, and checked for nothing.</summary>
public static class StatementWork
{
    /// <summary>The zero bits that an id begins with.</summary>
    public static int BitsOf(ContentHash id)
    {
        Span<byte> digest = stackalloc byte[ContentHash.Size];
        id.CopyTo(digest);
        var whole = digest.IndexOfAnyExcept((byte)0);
        return whole < 0 ? digest.Length * 8 : (whole * 8) + BitOperations.LeadingZeroCount((uint)digest[whole]) - 24;
    }
}
