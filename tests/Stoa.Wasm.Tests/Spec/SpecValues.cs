using System.Globalization;
using System.Text.Json;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>The values of the suite's JSON: numbers as their bits, references of the host by a number.</summary>
internal static class SpecValues
{
    public static Value Parse(JsonElement value)
    {
        string text = value.GetProperty("value").GetString()!;
        return value.GetProperty("type").GetString() switch
        {
            "i32" => Value.FromInt32((int)Bits(text)),
            "i64" => Value.FromInt64((long)Bits(text)),
            "f32" => Value.FromBits(ValueKind.F32, (uint)Bits(text)),
            "f64" => Value.FromBits(ValueKind.F64, Bits(text)),
            "externref" => Value.FromExtern(text == "null" ? null : text),
            "funcref" => Value.NullFunction,
            var other => throw new InvalidOperationException($"a value of type {other}"),
        };
    }

    /// <summary>How results differ from what is expected; null when they do not.</summary>
    public static string? Difference(Value[] actual, JsonElement expected)
    {
        if (actual.Length != expected.GetArrayLength())
            return $"{actual.Length} results, expected {expected.GetArrayLength()}";
        for (int i = 0; i < actual.Length; i++)
        {
            if (!Matches(actual[i], expected[i]))
                return $"{actual[i]} (bits {actual[i].Bits:x}), expected {expected[i]}";
        }

        return null;
    }

    private static bool Matches(Value actual, JsonElement expected)
    {
        string text = expected.GetProperty("value").GetString()!;
        switch (text)
        {
            case "nan:canonical":
                return actual.Kind == ValueKind.F32
                    ? (actual.Bits & 0x7FFFFFFF) == 0x7FC00000
                    : (actual.Bits & 0x7FFFFFFFFFFFFFFF) == 0x7FF8000000000000;
            case "nan:arithmetic":
                return actual.Kind == ValueKind.F32
                    ? (actual.Bits & 0x7FC00000) == 0x7FC00000
                    : (actual.Bits & 0x7FF8000000000000) == 0x7FF8000000000000;
        }

        if (actual.Kind == ValueKind.FuncRef && text != "null")
            return actual.ToFunction() is not null;
        return actual == Parse(expected);
    }

    private static ulong Bits(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);
}
