using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.Json;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>The values of the suite's JSON: numbers as their bits, references of the host by a number.</summary>
internal static class SpecValues
{
    public static Value Parse(JsonElement value)
    {
        string? type = value.GetProperty("type").GetString();
        if (type == "v128")
            return Value.FromVector(ParseVector(value));
        string text = value.GetProperty("value").GetString()!;
        return type switch
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
        if (actual.Kind == ValueKind.V128)
            return expected.GetProperty("type").GetString() == "v128" && MatchesVector(actual.ToVector(), expected);
        string text = expected.GetProperty("value").GetString()!;
        if (NotANumber(text, actual.Kind == ValueKind.F32) is { } pattern)
            return (actual.Bits & pattern.Mask) == pattern.Bits;
        if (actual.Kind == ValueKind.FuncRef && text != "null")
            return actual.ToFunction() is not null;
        return actual == Parse(expected);
    }

    private static Vector128<byte> ParseVector(JsonElement value)
    {
        int width = LaneBytes(value);
        Span<byte> bytes = stackalloc byte[16];
        Span<byte> lane = stackalloc byte[8];
        int at = 0;
        foreach (var item in value.GetProperty("value").EnumerateArray())
        {
            BinaryPrimitives.WriteUInt64LittleEndian(lane, Bits(item.GetString()!));
            lane[..width].CopyTo(bytes[at..]);
            at += width;
        }

        at.ShouldBe(16);
        return Vector128.Create((ReadOnlySpan<byte>)bytes);
    }

    private static bool MatchesVector(Vector128<byte> actual, JsonElement expected)
    {
        int width = LaneBytes(expected);
        bool isFloat = expected.GetProperty("lane_type").GetString()![0] == 'f';
        Span<byte> bytes = stackalloc byte[16];
        actual.CopyTo(bytes);
        Span<byte> lane = stackalloc byte[8];
        int at = 0;
        foreach (var item in expected.GetProperty("value").EnumerateArray())
        {
            bytes.Slice(at, width).CopyTo(lane);
            ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(lane);
            string text = item.GetString()!;
            var (mask, pattern) = (isFloat ? NotANumber(text, width == 4) : null) ?? (ulong.MaxValue, Bits(text));
            if ((bits & mask) != pattern)
                return false;
            at += width;
        }

        return at == 16;
    }

    private static int LaneBytes(JsonElement value) => value.GetProperty("lane_type").GetString() switch
    {
        "i8" => 1,
        "i16" => 2,
        "i32" or "f32" => 4,
        "i64" or "f64" => 8,
        var other => throw new InvalidOperationException($"lanes of type {other}"),
    };

    /// <summary>Which bits a class of NaN asks for; null when the text means a number.</summary>
    private static (ulong Mask, ulong Bits)? NotANumber(string text, bool isSingle) => text switch
    {
        "nan:canonical" => isSingle ? (0x7FFFFFFFUL, 0x7FC00000UL) : (0x7FFFFFFFFFFFFFFFUL, 0x7FF8000000000000UL),
        "nan:arithmetic" => isSingle ? (0x7FC00000UL, 0x7FC00000UL) : (0x7FF8000000000000UL, 0x7FF8000000000000UL),
        _ => null,
    };

    // Lanes are written with a sign where they have one.
    private static ulong Bits(string text) => text[0] == '-' ? (ulong)long.Parse(text, CultureInfo.InvariantCulture) : Unsigned(text);

    private static ulong Unsigned(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);
}
