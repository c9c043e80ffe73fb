using System.Buffers.Binary;
using System.Buffers.Text;

namespace Stoa.Market.Registry.Discovery.Semantic;

/// <summary>Where a page of a blended search ends.</summary>
/// <param name="Fingerprint">Of the search.</param>
/// <param name="Place">How many listings stand on the pages so far.</param>
public readonly record struct BlendedCursor(long Fingerprint, int Place)
{
    private const byte Form = 2;
    private const int Bytes = 13;

    /// <summary>Reads a cursor of a blended search; false for every other text.</summary>
    public static bool TryRead(string text, ListingSearch search, out BlendedCursor cursor)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(search);
        cursor = default;
        if (text.Length > 2 * Bytes || !Base64Url.IsValid(text))
            return false;
        ReadOnlySpan<byte> bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length != Bytes || bytes[0] != Form)
            return false;
        cursor = new BlendedCursor(BinaryPrimitives.ReadInt64BigEndian(bytes[1..]), BinaryPrimitives.ReadInt32BigEndian(bytes[9..]));
        return cursor.Place >= 0 && cursor.Fingerprint == search.Fingerprint();
    }

    /// <summary>The cursor behind so many listings of a search.</summary>
    public static BlendedCursor After(ListingSearch search, int place)
    {
        ArgumentNullException.ThrowIfNull(search);
        return new BlendedCursor(search.Fingerprint(), place);
    }

    /// <summary>The text that goes to whoever reads on.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        bytes[0] = Form;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], Fingerprint);
        BinaryPrimitives.WriteInt32BigEndian(bytes[9..], Place);
        return Base64Url.EncodeToString(bytes);
    }
}
