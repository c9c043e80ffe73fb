using System.Buffers;
using System.Text.Json;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Writes an answer of a backend as the client gets it: it names the model as the market does, and where it says what was used it says what that cost.</summary>
internal static class AnswerEdits
{
    /// <summary>Writes the JSON of an answer, or of an event of one.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="json">As it came.</param>
    /// <param name="reading">What was read of it.</param>
    /// <param name="model">Which has answered.</param>
    /// <param name="cost">What it cost; null where nothing is said of it.</param>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> json, in AnswerReading reading, ReplicaModel model, Money? cost)
    {
        var (from, to) = (reading.Model.Start.Value, reading.Model.End.Value);
        if (cost is { } own && reading.Cost.End.Value > 0)
        {
            WriteOver(output, json, reading, model, own);
            return;
        }

        var place = cost is null ? 0 : reading.UsageOpen;
        if (place > 0 && place < to)
        {
            WriteCost(output, json[..place], cost!.Value);
            output.Write(json[place..from]);
            WriteName(output, model);
            output.Write(json[to..]);
            return;
        }

        if (to > 0)
        {
            output.Write(json[..from]);
            WriteName(output, model);
        }

        if (place > 0)
        {
            WriteCost(output, json[to..place], cost!.Value);
            to = place;
        }

        output.Write(json[to..]);
    }

    /// <summary>Writes the event that says at the end of a stream what was used, where the backend has sent none.</summary>
    public static void WriteUsage(IBufferWriter<byte> output, ReplicaModel model, InferenceKind kind, TokenUsage used, Money cost)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, "stoa-usage"u8);
            json.WriteString("object"u8, kind is InferenceKind.Chat ? "chat.completion.chunk"u8 : "text_completion"u8);
            json.WriteNumber("created"u8, 0);
            json.WriteString("model"u8, model.NameInJson);
            json.WriteStartArray("choices"u8);
            json.WriteEndArray();
            json.WriteStartObject("usage"u8);
            json.WriteString("cost"u8, cost.ToString());
            json.WriteNumber("prompt_tokens"u8, used.InputTokens);
            json.WriteNumber("completion_tokens"u8, used.OutputTokens);
            json.WriteNumber("total_tokens"u8, used.InputTokens + used.OutputTokens);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }

    /// <summary>How many bytes <see cref="Write"/> writes.</summary>
    /// <param name="length">Of the answer as it came.</param>
    /// <param name="reading">What was read of it.</param>
    /// <param name="model">Which has answered.</param>
    /// <param name="cost">What it cost.</param>
    public static long LengthOf(int length, in AnswerReading reading, ReplicaModel model, Money cost)
    {
        var named = reading.Model.End.Value - reading.Model.Start.Value;
        var said = reading.Cost.End.Value - reading.Cost.Start.Value;
        var costs = said > 0 ? cost.ToString().Length + 2 - said : reading.UsageOpen > 0 ? "\"cost\":\"\",".Length + cost.ToString().Length : 0;
        return length + (named > 0 ? model.NameInJson.EncodedUtf8Bytes.Length + 2 - named : 0) + costs;
    }

    /// <summary>Writes what it cost in the place of what another gateway says.</summary>
    private static void WriteOver(IBufferWriter<byte> output, ReadOnlySpan<byte> json, in AnswerReading reading, ReplicaModel model, Money cost)
    {
        var (named, said) = (reading.Model, reading.Cost);
        var taken = 0;
        if (named.End.Value > 0 && named.Start.Value < said.Start.Value)
            taken = WriteNameAt(output, json, taken, named, model);
        output.Write(json[taken..said.Start.Value]);
        output.Write("\""u8);
        WriteAmount(output, cost);
        output.Write("\""u8);
        taken = said.End.Value;
        if (named.Start.Value > said.Start.Value)
            taken = WriteNameAt(output, json, taken, named, model);
        output.Write(json[taken..]);
    }

    private static int WriteNameAt(IBufferWriter<byte> output, ReadOnlySpan<byte> json, int taken, Range named, ReplicaModel model)
    {
        output.Write(json[taken..named.Start.Value]);
        WriteName(output, model);
        return named.End.Value;
    }

    private static void WriteName(IBufferWriter<byte> output, ReplicaModel model)
    {
        output.Write("\""u8);
        output.Write(model.NameInJson.EncodedUtf8Bytes);
        output.Write("\""u8);
    }

    private static void WriteCost(IBufferWriter<byte> output, ReadOnlySpan<byte> before, Money cost)
    {
        output.Write(before);
        output.Write("\"cost\":\""u8);
        WriteAmount(output, cost);
        output.Write("\","u8);
    }

    private static void WriteAmount(IBufferWriter<byte> output, Money cost)
    {
        var span = output.GetSpan(32);
        var text = cost.ToString();
        for (var index = 0; index < text.Length; index++)
            span[index] = (byte)text[index];
        output.Advance(text.Length);
    }
}
