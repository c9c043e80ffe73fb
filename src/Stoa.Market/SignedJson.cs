using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market;

/// <summary>The parts that signed records have in common: how instants, amounts and numbers are written in all of them.</summary>
internal static class SignedJson
{
    private const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>UTC, to the millisecond.</summary>
    public static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString(InstantFormat, CultureInfo.InvariantCulture);

    /// <exception cref="FormatException">The member is null, or no instant.</exception>
    public static DateTimeOffset Instant(JsonElement element, string name) =>
        DateTimeOffset.ParseExact(Text(element, name), InstantFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>Reads an instant as <see cref="Text(DateTimeOffset)"/> writes it, or says that the text is none.</summary>
    public static bool TryInstant(string text, out DateTimeOffset instant) =>
        DateTimeOffset.TryParseExact(text, InstantFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out instant);

    /// <exception cref="FormatException">The member is null.</exception>
    public static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException($"\"{name}\" is null.");

    /// <exception cref="FormatException">The member is negative.</exception>
    public static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64() is var number && number >= 0
        ? number
        : throw new FormatException($"\"{name}\" is negative.");

    /// <summary>Dollars as a decimal string.</summary>
    /// <exception cref="FormatException">The member is null, no amount, or negative.</exception>
    public static Money Amount(JsonElement element, string name) => Money.Parse(Text(element, name)) is var amount && amount >= Money.Zero
        ? amount
        : throw new FormatException($"\"{name}\" is negative.");

    /// <summary>The bytes that a function writes.</summary>
    public static byte[] Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            write(json);
        return buffer.WrittenSpan.ToArray();
    }
}
