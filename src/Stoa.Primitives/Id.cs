using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>The id of one <typeparamref name="T"/>: an id of another kind neither converts nor parses.</summary>
/// <remarks>Text is a <see cref="TypeId"/> whose prefix is <see cref="IIdentified.IdPrefix"/>. Ids order as their UUIDs do: in the order of making for those of an <see cref="IdSource"/>.</remarks>
[JsonConverter(typeof(IdJsonConverterFactory))]
[SuppressMessage("Design", "CA1000", Justification = "Id<Order>.Parse is how an id of a known kind reads best.")]
public readonly record struct Id<T>(Guid Uuid) : ISpanParsable<Id<T>>, IComparable<Id<T>> where T : IIdentified
{
    /// <summary>Whether this is the default value, which is the id of nothing.</summary>
    public bool IsEmpty => Uuid == Guid.Empty;

    /// <summary>Reads an id of this kind.</summary>
    /// <exception cref="FormatException">The text is not a TypeID, or one of another prefix.</exception>
    public static Id<T> Parse(ReadOnlySpan<char> text) => TryParse(text, out var id)
        ? id
        : throw new FormatException($"An id is expected: \"{T.IdPrefix}_\" and 26 characters of lower-case Crockford base32 of which the first is 0 to 7.");

    /// <summary>Reads an id of this kind, or says that the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Id<T> id)
    {
        id = default;
        if (!TypeId.TrySplit(text, out var prefix, out var uuid) || !prefix.SequenceEqual(T.IdPrefix))
            return false;
        id = new Id<T>(uuid);
        return true;
    }

    /// <summary>The same id with its prefix as a value.</summary>
    public TypeId ToTypeId() => new(T.IdPrefix, Uuid);

    /// <inheritdoc/>
    public override string ToString() => TypeId.Format(T.IdPrefix, Uuid);

    /// <summary>Writes the text as UTF-8, or nothing when there is no room for it.</summary>
    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten) => TypeId.TryFormat(T.IdPrefix, Uuid, utf8Destination, out bytesWritten);

    /// <inheritdoc/>
    public bool Equals(Id<T> other) => Uuid == other.Uuid;

    /// <inheritdoc/>
    public override int GetHashCode() => Uuid.GetHashCode();

    /// <summary>Orders by UUID as 16 unsigned bytes.</summary>
    public int CompareTo(Id<T> other) => Uuid.CompareTo(other.Uuid);

    public static bool operator <(Id<T> left, Id<T> right) => left.CompareTo(right) < 0;
    public static bool operator >(Id<T> left, Id<T> right) => left.CompareTo(right) > 0;
    public static bool operator <=(Id<T> left, Id<T> right) => left.CompareTo(right) <= 0;
    public static bool operator >=(Id<T> left, Id<T> right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Id<T> result) => TryParse(s, out result);

    static Id<T> IParsable<Id<T>>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static Id<T> ISpanParsable<Id<T>>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<Id<T>>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Id<T> result) => TryParse(s, out result);
}
