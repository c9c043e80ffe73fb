using System.Globalization;

namespace Stoa.Wasm.Wasi;

/// <summary>Reads values as a person writes them on a command line.</summary>
internal static class ValueText
{
    private static readonly CultureInfo s_culture = CultureInfo.InvariantCulture;

    /// <summary>Reads a number: decimal or, for integers, also hexadecimal with <c>0x</c>, signed or unsigned.</summary>
    /// <returns>Null when the text is no value of the kind, or the kind has no text.</returns>
    public static Value? Parse(ValueKind kind, string text)
    {
        switch (kind)
        {
            case ValueKind.I32:
                return ParseInteger(text, int.MinValue, uint.MaxValue) is { } word ? Value.FromInt32(unchecked((int)(long)word)) : null;
            case ValueKind.I64:
                return ParseInteger(text, long.MinValue, ulong.MaxValue) is { } doubleWord ? Value.FromInt64(unchecked((long)doubleWord)) : null;
            case ValueKind.F32:
                return float.TryParse(text, s_culture, out var single) ? Value.FromSingle(single) : null;
            case ValueKind.F64:
                return double.TryParse(text, s_culture, out var number) ? Value.FromDouble(number) : null;
            default:
                return null;
        }
    }

    private static Int128? ParseInteger(string text, Int128 minimum, Int128 maximum)
    {
        var parsed = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, s_culture, out var bits) ? bits : null
            : Int128.TryParse(text, NumberStyles.AllowLeadingSign, s_culture, out var number) ? number : (Int128?)null;
        return parsed >= minimum && parsed <= maximum ? parsed : null;
    }
}
