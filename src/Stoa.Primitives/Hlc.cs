using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>A hybrid logical clock timestamp: physical milliseconds, and a counter where those are not enough.</summary>
/// <remarks>
/// After Kulkarni et al., "Logical Physical Clocks" (2014). 48 bits of Unix time in milliseconds above 16 bits of
/// counter in one long that is never negative, so a database orders it as the clock does. Text, and the JSON string,
/// is 16 lower-case hex digits, which order the same way.
/// </remarks>
[JsonConverter(typeof(TextJsonConverter<Hlc>))]
public readonly record struct Hlc : ISpanParsable<Hlc>, IComparable<Hlc>, IComparable
{
    /// <summary>The greatest time in milliseconds: the top one of the 48 bits stays zero, which lasts until the year 6429.</summary>
    public const long MaxUnixTimeMs = (1L << 47) - 1;

    private const int CounterBits = 16;
    private const string Expected = "A hybrid logical timestamp is expected: 16 lower-case hex digits of which the first is 0 to 7.";

    private Hlc(long packed) => Packed = packed;

    /// <summary>Joins a time and a counter.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative or above <see cref="MaxUnixTimeMs"/>.</exception>
    public Hlc(long unixTimeMs, ushort counter)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(unixTimeMs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(unixTimeMs, MaxUnixTimeMs);
        Packed = (unixTimeMs << CounterBits) | counter;
    }

    /// <summary>Time and counter in one long that orders as the timestamp does; not negative.</summary>
    public long Packed { get; }

    /// <summary>The physical part in milliseconds since 1970.</summary>
    public long UnixTimeMs => Packed >> CounterBits;

    /// <summary>The logical part.</summary>
    public ushort Counter => (ushort)Packed;

    /// <summary>Takes what <see cref="Packed"/> gave.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static Hlc FromPacked(long packed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(packed);
        return new Hlc(packed);
    }

    /// <summary>Reads 16 lower-case hex digits.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static Hlc Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var timestamp) ? timestamp : throw new FormatException(Expected);

    /// <summary>Reads 16 lower-case hex digits, or says that the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Hlc timestamp)
    {
        timestamp = default;
        if (text.Length != 16 || text[0] > '7' || text.ContainsAnyInRange('A', 'F')
            || !long.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var packed))
            return false;
        timestamp = new Hlc(packed);
        return true;
    }

    /// <summary>The next greater timestamp; a full counter carries into the time.</summary>
    public Hlc Next() => new(checked(Packed + 1));

    /// <inheritdoc/>
    public override string ToString() => Packed.ToString("x16", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public int CompareTo(Hlc other) => Packed.CompareTo(other.Packed);

    /// <inheritdoc/>
    public int CompareTo(object? obj) => obj switch
    {
        null => 1,
        Hlc other => CompareTo(other),
        _ => throw new ArgumentException("Another hybrid logical timestamp is expected.", nameof(obj)),
    };

    public static bool operator <(Hlc left, Hlc right) => left.Packed < right.Packed;
    public static bool operator >(Hlc left, Hlc right) => left.Packed > right.Packed;
    public static bool operator <=(Hlc left, Hlc right) => left.Packed <= right.Packed;
    public static bool operator >=(Hlc left, Hlc right) => left.Packed >= right.Packed;

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Hlc result) => TryParse(s, out result);

    static Hlc IParsable<Hlc>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static Hlc ISpanParsable<Hlc>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<Hlc>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Hlc result) => TryParse(s, out result);
}
