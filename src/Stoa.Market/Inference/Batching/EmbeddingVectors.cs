using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Batching;

/// <summary>The vectors of a server's answer to several requests, each of which gets its own.</summary>
/// <remarks>By their <c>index</c>, or by their order where none has one. What else such an answer says on the whole goes to nobody: it may be of others.</remarks>
public sealed class EmbeddingVectors
{
    private static readonly JsonReaderOptions s_json = new() { MaxDepth = 64 };

    private readonly byte[] _answer;
    private readonly Vector[] _vectors;

    private EmbeddingVectors(byte[] answer, Vector[] vectors) => (_answer, _vectors) = (answer, vectors);

    /// <summary>Reads an answer.</summary>
    /// <param name="json">JSON; copied.</param>
    /// <param name="count">How many inputs were asked.</param>
    /// <returns>Null when it does not have one vector for each input.</returns>
    public static EmbeddingVectors? TryRead(ReadOnlySpan<byte> json, int count)
    {
        var answer = json.ToArray();
        try
        {
            var reader = new Utf8JsonReader(answer, s_json);
            if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
                return null;
            Vector[]? vectors = null;
            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
            {
                var isData = reader.ValueTextEquals("data"u8);
                reader.Read();
                if (!isData)
                    reader.Skip();
                else if (vectors is not null || (vectors = ReadVectors(ref reader, count)) is null)
                    return null;
            }

            while (reader.Read())
            {
            }

            return vectors is null ? null : new EmbeddingVectors(answer, vectors);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Writes the answer to one of the requests.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="first">The number of its first input among all.</param>
    /// <param name="count">How many inputs it has.</param>
    /// <param name="model">Which has answered.</param>
    /// <param name="used">Tokens that it is billed for.</param>
    /// <param name="cost">What it cost.</param>
    public void Write(IBufferWriter<byte> output, int first, int count, JsonEncodedText model, TokenUsage used, Money cost)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Write("{\"object\":\"list\",\"data\":["u8);
        for (var index = 0; index < count; index++)
        {
            if (index > 0)
                output.Write(","u8);
            Write(output, _vectors[first + index], index);
        }

        output.Write("],\"model\":\""u8);
        output.Write(model.EncodedUtf8Bytes);
        output.Write("\",\"usage\":"u8);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("cost"u8, cost.ToString());
            json.WriteNumber("prompt_tokens"u8, used.InputTokens);
            json.WriteNumber("total_tokens"u8, used.InputTokens + used.OutputTokens);
            json.WriteEndObject();
        }

        output.Write("}"u8);
    }

    /// <summary>As it came, but for its number, which is the one in its own request.</summary>
    private void Write(IBufferWriter<byte> output, Vector vector, int index)
    {
        var number = Encoding.ASCII.GetBytes(index.ToString(CultureInfo.InvariantCulture));
        if (vector.Index is { } place)
        {
            output.Write(_answer.AsSpan(vector.Whole.Start.Value..place.Start.Value));
            output.Write(number);
            output.Write(_answer.AsSpan(place.End.Value..vector.Whole.End.Value));
            return;
        }

        output.Write("{\"index\":"u8);
        output.Write(number);
        output.Write(","u8);
        output.Write(_answer.AsSpan((vector.Whole.Start.Value + 1)..vector.Whole.End.Value));
    }

    private static Vector[]? ReadVectors(ref Utf8JsonReader json, int count)
    {
        if (json.TokenType is not JsonTokenType.StartArray)
            return null;
        var placed = new Vector?[count];
        var (read, numbered) = (0, 0);
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            if (read == count || !TryReadVector(ref json, out var vector, out var number))
                return null;
            numbered += number is null ? 0 : 1;
            var place = number ?? read;
            read++;
            // Either all of them have a number or none has.
            if (place < 0 || place >= count || placed[place] is not null || (numbered > 0 && numbered < read))
                return null;
            placed[place] = vector;
        }

        return read == count ? [.. placed.Select(vector => vector!.Value)] : null;
    }

    private static bool TryReadVector(ref Utf8JsonReader json, out Vector vector, out int? number)
    {
        (vector, number) = (default, null);
        if (json.TokenType is not JsonTokenType.StartObject)
            return false;
        var start = (int)json.TokenStartIndex;
        Range? index = null;
        var hasVector = false;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("index"u8))
            {
                json.Read();
                if (index is not null || json.TokenType is not JsonTokenType.Number || !json.TryGetInt32(out var said))
                    return false;
                (number, index) = (said, (int)json.TokenStartIndex..(int)json.BytesConsumed);
            }
            else
            {
                var isVector = json.ValueTextEquals("embedding"u8);
                json.Read();
                // As numbers, or as their bytes.
                if (isVector && (hasVector || json.TokenType is not (JsonTokenType.StartArray or JsonTokenType.String)))
                    return false;
                hasVector |= isVector;
                json.Skip();
            }
        }

        vector = new Vector(start..(int)json.BytesConsumed, index);
        return hasVector;
    }

    /// <summary>Where a vector is in the answer.</summary>
    /// <param name="Whole">All of it.</param>
    /// <param name="Index">The value of its number; null when it has none.</param>
    private readonly record struct Vector(Range Whole, Range? Index);
}
