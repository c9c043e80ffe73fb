using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stoa.Market.Expressions;

/// <summary>Writes values as JSON, and has each that is written paid for.</summary>
/// <param name="json">Where to.</param>
/// <param name="budget">Who pays.</param>
/// <param name="offset">Where in the expression a fault is said to be.</param>
internal sealed class ValueWriter(Utf8JsonWriter json, ExpressionBudget budget, int offset)
{
    // Texts are for people, models and programs, never for a page: an umlaut or a quotation mark stays what it is.
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = ExpressionValue.MaxDepth + 1 };

    /// <summary>JSON without white space.</summary>
    public static bool TryToBytes(
        ExpressionValue value, ExpressionBudget budget, int offset, out ReadOnlyMemory<byte> bytes, [NotNullWhen(false)] out ExpressionFault? fault)
    {
        bytes = default;
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, s_plain);
        if (!new ValueWriter(json, budget, offset).TryWrite(value, out fault))
            return false;
        json.Flush();
        bytes = buffer.WrittenMemory;
        return true;
    }

    /// <summary>Writes a value.</summary>
    public bool TryWrite(ExpressionValue value, [NotNullWhen(false)] out ExpressionFault? fault) => (fault = Write(value, 1)) is null;

    private ExpressionFault? Write(ExpressionValue value, int depth)
    {
        var kind = value.Kind;
        if (!budget.TrySpend(1 + (kind is JsonValueKind.String or JsonValueKind.Number ? value.TextLength / ExpressionBudget.PerStep : 0)))
            return Faults.Spent(offset);
        switch (kind)
        {
            case JsonValueKind.Array or JsonValueKind.Object when depth > ExpressionValue.MaxDepth:
                return Faults.TooDeep(offset);
            case JsonValueKind.Array:
                return WriteArray(value, depth);
            case JsonValueKind.Object:
                return WriteObject(value, depth);
            case JsonValueKind.String:
                if (!value.TryGetText(out var text))
                    return Faults.NoText(offset);
                json.WriteStringValue(text);
                return null;
            case JsonValueKind.Number when value.IsGiven(out var given):
                // As it is written, however many digits it has.
                json.WriteRawValue(JsonMarshal.GetRawUtf8Value(given), skipInputValidation: true);
                return null;
            case JsonValueKind.Number:
                json.WriteNumberValue(value.Number);
                return null;
            case JsonValueKind.True or JsonValueKind.False:
                json.WriteBooleanValue(kind is JsonValueKind.True);
                return null;
            default:
                json.WriteNullValue();
                return null;
        }
    }

    private ExpressionFault? WriteArray(ExpressionValue value, int depth)
    {
        json.WriteStartArray();
        foreach (var item in value.Items())
        {
            if (Write(item, depth + 1) is { } fault)
                return fault;
        }

        json.WriteEndArray();
        return null;
    }

    private ExpressionFault? WriteObject(ExpressionValue value, int depth)
    {
        json.WriteStartObject();
        foreach (var (name, member) in value.NamedMembers())
        {
            if (name is null)
                return Faults.NoText(offset);
            if (!budget.TrySpend(name.Length / ExpressionBudget.PerStep))
                return Faults.Spent(offset);
            json.WritePropertyName(name);
            if (Write(member, depth + 1) is { } fault)
                return fault;
        }

        json.WriteEndObject();
        return null;
    }
}
