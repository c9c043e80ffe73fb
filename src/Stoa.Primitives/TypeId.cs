using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>An id that says what it is the id of: a prefix and a UUID, as in <c>task_01h2xcejqtf2nbrexx3vqjhp41</c>.</summary>
/// <remarks>
/// The TypeID specification 0.3. The prefix has at most 63 characters of <c>a-z</c> and <c>_</c>, starts and ends with
/// a letter, and may be empty, in which case there is no separator either. The suffix is the UUID's 128 bits as 26
/// characters of lower-case Crockford base32. Ids of one prefix order as their UUIDs do, and so does their text.
/// </remarks>
[JsonConverter(typeof(TextJsonConverter<TypeId>))]
public readonly record struct TypeId : ISpanParsable<TypeId>, IComparable<TypeId>
{
    /// <summary>The longest prefix in characters.</summary>
    public const int MaxPrefixLength = 63;

    /// <summary>The longest text in characters.</summary>
    public const int MaxLength = MaxPrefixLength + 1 + Base32.CrockfordLength;

    private const string Expected =
        "A TypeID is expected: a prefix of at most 63 characters a-z and _ (a letter at both ends), then _, then 26 characters of lower-case Crockford base32 of which the first is 0 to 7.";

    private static readonly SearchValues<char> s_prefixCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz_");

    // Null for the empty prefix, so that the default value equals the parsed nil id.
    private readonly string? _prefix;

    /// <summary>Joins a prefix and a UUID.</summary>
    /// <exception cref="ArgumentException">The prefix breaks the rules.</exception>
    public TypeId(string prefix, Guid uuid)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (!IsValidPrefix(prefix))
            throw new ArgumentException($"A prefix of at most {MaxPrefixLength} characters a-z and _ is expected, with a letter at both ends.", nameof(prefix));
        _prefix = prefix.Length == 0 ? null : prefix;
        Uuid = uuid;
    }

    /// <summary>What the id is of, such as <c>task</c>; may be empty.</summary>
    public string Prefix => _prefix ?? "";

    /// <summary>The UUID behind the text.</summary>
    public Guid Uuid { get; }

    /// <summary>Whether text may be a prefix.</summary>
    public static bool IsValidPrefix(ReadOnlySpan<char> prefix) =>
        prefix.Length <= MaxPrefixLength
        && !prefix.StartsWith('_')
        && !prefix.EndsWith('_')
        && !prefix.ContainsAnyExcept(s_prefixCharacters);

    /// <summary>Reads a TypeID.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static TypeId Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var id) ? id : throw new FormatException(Expected);

    /// <summary>Reads a TypeID, or says that the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TypeId id)
    {
        id = default;
        if (!TrySplit(text, out var prefix, out var uuid))
            return false;
        id = new TypeId(prefix.ToString(), uuid);
        return true;
    }

    /// <summary>Reads a TypeID without making a string of its prefix.</summary>
    internal static bool TrySplit(ReadOnlySpan<char> text, out ReadOnlySpan<char> prefix, out Guid uuid)
    {
        uuid = default;
        var separator = text.LastIndexOf('_');
        prefix = separator < 0 ? default : text[..separator];
        if (separator == 0 || !IsValidPrefix(prefix) || !Base32.TryDecodeCrockford(text[(separator + 1)..], out var value))
            return false;
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        uuid = new Guid(bytes, bigEndian: true);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Format(Prefix, Uuid);

    internal static string Format(string prefix, Guid uuid)
    {
        Span<byte> bytes = stackalloc byte[16];
        uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        Span<char> suffix = stackalloc char[Base32.CrockfordLength];
        Base32.EncodeCrockford(BinaryPrimitives.ReadUInt128BigEndian(bytes), suffix);
        return prefix.Length == 0 ? suffix.ToString() : string.Concat(prefix, "_", suffix);
    }

    /// <summary>Writes the text as UTF-8, or nothing when there is no room.</summary>
    internal static bool TryFormat(string prefix, Guid uuid, Span<byte> utf8, out int written)
    {
        written = prefix.Length == 0 ? Base32.CrockfordLength : prefix.Length + 1 + Base32.CrockfordLength;
        if (utf8.Length < written)
        {
            written = 0;
            return false;
        }

        Span<byte> bytes = stackalloc byte[16];
        uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        Span<char> suffix = stackalloc char[Base32.CrockfordLength];
        Base32.EncodeCrockford(BinaryPrimitives.ReadUInt128BigEndian(bytes), suffix);
        if (prefix.Length > 0)
        {
            Ascii.FromUtf16(prefix, utf8, out _);
            utf8[prefix.Length] = (byte)'_';
        }

        Ascii.FromUtf16(suffix, utf8[(written - suffix.Length)..], out _);
        return true;
    }

    /// <summary>Orders by prefix, then by UUID as 16 unsigned bytes.</summary>
    public int CompareTo(TypeId other)
    {
        var order = string.CompareOrdinal(Prefix, other.Prefix);
        return order == 0 ? Uuid.CompareTo(other.Uuid) : order;
    }

    public static bool operator <(TypeId left, TypeId right) => left.CompareTo(right) < 0;
    public static bool operator >(TypeId left, TypeId right) => left.CompareTo(right) > 0;
    public static bool operator <=(TypeId left, TypeId right) => left.CompareTo(right) <= 0;
    public static bool operator >=(TypeId left, TypeId right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out TypeId result) => TryParse(s, out result);

    static TypeId IParsable<TypeId>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static TypeId ISpanParsable<TypeId>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<TypeId>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out TypeId result) => TryParse(s, out result);
}
