using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Stoa.Primitives;

/// <summary>The one way to write a JSON value, so that what says the same has the same bytes and the same hash.</summary>
/// <remarks>
/// RFC 8785 (JSON Canonicalization Scheme): members ordered by the UTF-16 code units of their names, no blanks, only those characters escaped that have to be. Of numbers only
/// integers of at most <see cref="MaxInteger"/> either way are taken, written with digits alone: about those all languages agree.
/// </remarks>
public static class CanonicalJson
{
    /// <summary>The greatest integer that every JSON reader holds exactly: 2⁵³ − 1.</summary>
    public const long MaxInteger = (1L << 53) - 1;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // What cannot stand in a string as it is; half of a surrogate pair cannot stand there at all.
    private static readonly SearchValues<char> s_escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (char)code), '"', '\\']);

    /// <summary>Writes a value.</summary>
    /// <exception cref="FormatException">It holds another number than those integers, a name twice in an object, or a text that is not Unicode.</exception>
    public static byte[] Write(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        try
        {
            Write(buffer, value);
        }
        catch (Exception wrong) when (wrong is InvalidOperationException or EncoderFallbackException)
        {
            throw new FormatException("A text is not Unicode: half of a surrogate pair is alone.", wrong);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes a value that is given as any JSON.</summary>
    /// <exception cref="FormatException">It is no JSON, or none that can be written so.</exception>
    public static byte[] Write(ReadOnlyMemory<byte> utf8Json)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8Json);
            return Write(document.RootElement);
        }
        catch (JsonException wrong)
        {
            throw new FormatException(wrong.Message, wrong);
        }
    }

    private static void Write(ArrayBufferWriter<byte> buffer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(buffer, value);
                break;
            case JsonValueKind.Array:
                WriteArray(buffer, value);
                break;
            case JsonValueKind.String:
                WriteText(buffer, value.GetString()!);
                break;
            case JsonValueKind.Number:
                WriteInteger(buffer, value);
                break;
            default:
                buffer.Write(value.ValueKind switch { JsonValueKind.True => "true"u8, JsonValueKind.False => "false"u8, _ => "null"u8 });
                break;
        }
    }

    private static void WriteObject(ArrayBufferWriter<byte> buffer, JsonElement value)
    {
        var members = value.EnumerateObject().ToArray();
        Array.Sort(members, (left, right) => string.CompareOrdinal(left.Name, right.Name));
        buffer.Write("{"u8);
        for (var index = 0; index < members.Length; index++)
        {
            if (index > 0)
                buffer.Write(","u8);
            if (index > 0 && members[index].Name == members[index - 1].Name)
                throw new FormatException($"The member \"{members[index].Name}\" is there twice.");
            WriteText(buffer, members[index].Name);
            buffer.Write(":"u8);
            Write(buffer, members[index].Value);
        }

        buffer.Write("}"u8);
    }

    private static void WriteArray(ArrayBufferWriter<byte> buffer, JsonElement value)
    {
        buffer.Write("["u8);
        var isFirst = true;
        foreach (var item in value.EnumerateArray())
        {
            if (!isFirst)
                buffer.Write(","u8);
            isFirst = false;
            Write(buffer, item);
        }

        buffer.Write("]"u8);
    }

    private static void WriteInteger(ArrayBufferWriter<byte> buffer, JsonElement value)
    {
        if (!value.TryGetInt64(out var number) || number is < -MaxInteger or > MaxInteger)
            throw new FormatException($"The number {value.GetRawText()} is no integer of at most {MaxInteger}.");
        Span<byte> digits = stackalloc byte[20];
        number.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        buffer.Write(digits[..length]);
    }

    private static void WriteText(ArrayBufferWriter<byte> buffer, string text)
    {
        buffer.Write("\""u8);
        var rest = text.AsSpan();
        for (int plain; (plain = rest.IndexOfAny(s_escaped)) >= 0; rest = rest[(plain + 1)..])
        {
            WritePlain(buffer, rest[..plain]);
            WriteEscaped(buffer, rest[plain]);
        }

        WritePlain(buffer, rest);
        buffer.Write("\""u8);
    }

    private static void WritePlain(ArrayBufferWriter<byte> buffer, ReadOnlySpan<char> text) =>
        buffer.Advance(s_strictUtf8.GetBytes(text, buffer.GetSpan(s_strictUtf8.GetMaxByteCount(text.Length))));

    private static void WriteEscaped(ArrayBufferWriter<byte> buffer, char character)
    {
        var name = character switch { '"' => '"', '\\' => '\\', '\b' => 'b', '\t' => 't', '\n' => 'n', '\f' => 'f', '\r' => 'r', _ => 'u' };
        buffer.Write([(byte)'\\', (byte)name]);
        if (name != 'u')
            return;
        var code = buffer.GetSpan(4);
        ((int)character).TryFormat(code, out var length, "x4", CultureInfo.InvariantCulture);
        buffer.Advance(length);
    }
}
