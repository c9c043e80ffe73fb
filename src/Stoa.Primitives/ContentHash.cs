using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>The SHA-256 digest of some bytes: the name under which content is stored, sent and verified.</summary>
/// <remarks>
/// Text is <c>sha256:</c> and 64 lower-case hex digits, as the digest of the OCI image specification; nothing else
/// parses. The default value means "no hash": <see cref="IsEmpty"/> is true, it prints as zeros, and text of all zeros
/// is refused, so that it never comes in from outside. Values order as their bytes do.
/// </remarks>
[JsonConverter(typeof(TextJsonConverter<ContentHash>))]
public readonly record struct ContentHash : ISpanParsable<ContentHash>, IComparable<ContentHash>
{
    /// <summary>The length of a digest in bytes.</summary>
    public const int Size = 32;

    /// <summary>The length of the text in characters.</summary>
    public const int TextLength = 71;

    private const string Scheme = "sha256:";
    private const string Expected = "A content hash is expected: \"sha256:\" and 64 lower-case hex digits, not all zero.";

    private readonly ulong _first, _second, _third, _fourth;

    private ContentHash(ReadOnlySpan<byte> digest)
    {
        _first = BinaryPrimitives.ReadUInt64BigEndian(digest);
        _second = BinaryPrimitives.ReadUInt64BigEndian(digest[8..]);
        _third = BinaryPrimitives.ReadUInt64BigEndian(digest[16..]);
        _fourth = BinaryPrimitives.ReadUInt64BigEndian(digest[24..]);
    }

    /// <summary>Whether this is the default value, which is the hash of nothing known.</summary>
    public bool IsEmpty => (_first | _second | _third | _fourth) == 0;

    /// <summary>The 64 lower-case hex digits without the scheme.</summary>
    public string Hex
    {
        get
        {
            Span<byte> digest = stackalloc byte[Size];
            CopyTo(digest);
            return Convert.ToHexStringLower(digest);
        }
    }

    /// <summary>Hashes bytes.</summary>
    public static ContentHash Of(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[Size];
        SHA256.HashData(content, digest);
        return new ContentHash(digest);
    }

    /// <summary>Hashes a stream from its position to its end.</summary>
    public static async Task<ContentHash> OfAsync(Stream content, CancellationToken cancellationToken = default) =>
        new(await SHA256.HashDataAsync(content, cancellationToken));

    /// <summary>Takes a digest that was computed elsewhere.</summary>
    /// <exception cref="FormatException">It is not 32 bytes long.</exception>
    public static ContentHash FromBytes(ReadOnlySpan<byte> digest) => digest.Length == Size
        ? new ContentHash(digest)
        : throw new FormatException($"A SHA-256 digest of {Size} bytes is expected, not {digest.Length}.");

    /// <summary>Writes the 32 bytes of the digest to the start of <paramref name="destination"/>.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than 32 bytes.</exception>
    public void CopyTo(Span<byte> destination)
    {
        if (destination.Length < Size)
            throw new ArgumentException($"A digest needs {Size} bytes, the destination has {destination.Length}.", nameof(destination));
        BinaryPrimitives.WriteUInt64BigEndian(destination, _first);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _second);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _third);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _fourth);
    }

    /// <summary>Reads <c>sha256:…</c>.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static ContentHash Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var hash) ? hash : throw new FormatException(Expected);

    /// <summary>Reads <c>sha256:…</c>, or says that the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ContentHash hash)
    {
        hash = default;
        if (text.Length != TextLength || !text.StartsWith(Scheme, StringComparison.Ordinal))
            return false;
        var hex = text[Scheme.Length..];
        if (hex.ContainsAnyInRange('A', 'F'))
            return false;
        Span<byte> digest = stackalloc byte[Size];
        if (Convert.FromHexString(hex, digest, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        hash = new ContentHash(digest);
        return !hash.IsEmpty;
    }

    /// <inheritdoc/>
    public override string ToString() => Scheme + Hex;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_first, _second, _third, _fourth);

    /// <summary>Orders by the bytes of the digest.</summary>
    public int CompareTo(ContentHash other)
    {
        var order = _first.CompareTo(other._first);
        if (order == 0)
            order = _second.CompareTo(other._second);
        if (order == 0)
            order = _third.CompareTo(other._third);
        return order == 0 ? _fourth.CompareTo(other._fourth) : order;
    }

    public static bool operator <(ContentHash left, ContentHash right) => left.CompareTo(right) < 0;
    public static bool operator >(ContentHash left, ContentHash right) => left.CompareTo(right) > 0;
    public static bool operator <=(ContentHash left, ContentHash right) => left.CompareTo(right) <= 0;
    public static bool operator >=(ContentHash left, ContentHash right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ContentHash result) => TryParse(s, out result);

    static ContentHash IParsable<ContentHash>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static ContentHash ISpanParsable<ContentHash>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<ContentHash>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out ContentHash result) => TryParse(s, out result);
}
