using System.Buffers;
using System.Text.Json;

namespace Stoa.Market.Inference.OpenAi;

/// <summary>What a backend's answer says, or one event of it, as far as a gateway must know.</summary>
public struct AnswerReading
{
    private static readonly JsonReaderOptions s_json = new() { MaxDepth = 64 };

    /// <summary>Whether it says that something went wrong.</summary>
    public bool IsError { get; private set; }

    /// <summary>The words of the error; null when there are none.</summary>
    public string? ErrorMessage { get; private set; }

    /// <summary>Whether it has choices, or vectors: an answer has one or the other.</summary>
    public bool HasResult { get; private set; }

    /// <summary>How many of the result there are.</summary>
    public int Results { get; private set; }

    /// <summary>Whether something was written: text, a call of a tool, or that nothing more comes.</summary>
    public bool HasOutput { get; private set; }

    /// <summary>How many choices have come to their end.</summary>
    public int Finished { get; private set; }

    /// <summary>Tokens of what was written, as they are counted here.</summary>
    public long OutputTokens { get; private set; }

    /// <summary>What the backend says that it has read; null when it does not say.</summary>
    public long? ClaimedInput { get; private set; }

    /// <summary>What the backend says that it has written; null when it does not say.</summary>
    public long? ClaimedOutput { get; private set; }

    /// <summary>Where the value of <c>model</c> is, quotes included; empty when there is none.</summary>
    public Range Model { get; private set; }

    /// <summary>Where the first member of <c>usage</c> is; 0 when there is none.</summary>
    public int UsageOpen { get; private set; }

    /// <summary>Where the value of <c>usage.cost</c> is, which another gateway has written; empty when there is none.</summary>
    public Range Cost { get; private set; }

    /// <summary>Whether this is the event at the end of a stream that says what was used and nothing else.</summary>
    public readonly bool IsUsageAlone => HasResult && Results == 0 && ClaimedInput is not null;

    /// <summary>Reads an answer.</summary>
    /// <param name="json">A whole JSON value.</param>
    /// <param name="reading">What it says.</param>
    /// <returns>False when it is no JSON object.</returns>
    public static bool TryRead(ReadOnlySpan<byte> json, out AnswerReading reading)
    {
        reading = default;
        try
        {
            var reader = new Utf8JsonReader(json, s_json);
            if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
                reading.ReadMember(ref reader);
            while (reader.Read())
            {
            }

            return true;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private void ReadMember(ref Utf8JsonReader json)
    {
        if (json.ValueTextEquals("choices"u8))
        {
            json.Read();
            ReadChoices(ref json);
        }
        else if (json.ValueTextEquals("data"u8))
        {
            json.Read();
            ReadVectors(ref json);
        }
        else if (json.ValueTextEquals("usage"u8))
        {
            json.Read();
            ReadUsage(ref json);
        }
        else if (json.ValueTextEquals("model"u8))
        {
            json.Read();
            Model = json.TokenType is JsonTokenType.String ? (int)json.TokenStartIndex..(int)json.BytesConsumed : default;
            json.Skip();
        }
        else if (json.ValueTextEquals("error"u8))
        {
            json.Read();
            ReadError(ref json);
        }
        else
        {
            json.Read();
            json.Skip();
        }
    }

    private void ReadError(ref Utf8JsonReader json)
    {
        IsError = json.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
        if (json.TokenType is JsonTokenType.String)
            ErrorMessage = json.GetString();
        if (json.TokenType is not JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }

        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            var isMessage = json.ValueTextEquals("message"u8);
            json.Read();
            if (isMessage && json.TokenType is JsonTokenType.String)
                ErrorMessage = json.GetString();
            json.Skip();
        }
    }

    private void ReadVectors(ref Utf8JsonReader json)
    {
        if (json.TokenType is not JsonTokenType.StartArray)
        {
            json.Skip();
            return;
        }

        HasResult = true;
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            Results++;
            HasOutput = true;
            json.Skip();
        }
    }

    private void ReadUsage(ref Utf8JsonReader json)
    {
        if (json.TokenType is not JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }

        var open = (int)json.BytesConsumed;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            // What would be written there needs another member behind it.
            UsageOpen = open;
            var (isInput, isOutput, isCost) = (json.ValueTextEquals("prompt_tokens"u8), json.ValueTextEquals("completion_tokens"u8), json.ValueTextEquals("cost"u8));
            json.Read();
            var start = (int)json.TokenStartIndex;
            if (json.TokenType is JsonTokenType.Number && json.TryGetInt64(out var tokens))
            {
                if (isInput)
                    ClaimedInput = tokens;
                else if (isOutput)
                    ClaimedOutput = tokens;
            }

            json.Skip();
            if (isCost)
                Cost = start..(int)json.BytesConsumed;
        }
    }

    private void ReadChoices(ref Utf8JsonReader json)
    {
        if (json.TokenType is not JsonTokenType.StartArray)
        {
            json.Skip();
            return;
        }

        HasResult = true;
        var depth = json.CurrentDepth;
        var (isWritten, counts) = (false, false);
        while (json.Read() && json.CurrentDepth > depth)
        {
            switch (json.TokenType)
            {
                case JsonTokenType.StartObject when json.CurrentDepth == depth + 1:
                    Results++;
                    break;
                case JsonTokenType.PropertyName when json.CurrentDepth == depth + 2 && json.ValueTextEquals("finish_reason"u8):
                    json.Read();
                    if (json.TokenType is JsonTokenType.String)
                        (Finished, HasOutput) = (Finished + 1, true);
                    json.Skip();
                    break;
                case JsonTokenType.PropertyName when json.CurrentDepth == depth + 2:
                    // What else a choice has is told by nobody, and counts nothing.
                    isWritten = json.ValueTextEquals("message"u8) || json.ValueTextEquals("delta"u8);
                    counts = json.ValueTextEquals("text"u8);
                    if (!isWritten && !counts)
                    {
                        json.Read();
                        json.Skip();
                    }

                    break;
                case JsonTokenType.PropertyName when json.ValueTextEquals("logprobs"u8):
                    // The same text once more, token by token.
                    json.Read();
                    json.Skip();
                    break;
                case JsonTokenType.PropertyName when isWritten:
                    counts = IsOutput(ref json);
                    HasOutput |= json.ValueTextEquals("tool_calls"u8);
                    break;
                case JsonTokenType.String when counts:
                    if (json.ValueSpan.Length > 0)
                    {
                        HasOutput = true;
                        // What comes by itself is a token, be it a blank.
                        OutputTokens += Math.Max(1, CountTokens(ref json));
                    }

                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Of the text, and not of how it is written: <c>\u0061</c> is a letter.</summary>
    private static long CountTokens(ref Utf8JsonReader json)
    {
        if (!json.ValueIsEscaped)
            return TokenCount.Of(json.ValueSpan);
        var rented = ArrayPool<byte>.Shared.Rent(json.ValueSpan.Length);
        try
        {
            return TokenCount.Of(rented.AsSpan(0, json.CopyString(rented)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static bool IsOutput(ref Utf8JsonReader json) =>
        json.ValueTextEquals("content"u8) || json.ValueTextEquals("text"u8) || json.ValueTextEquals("arguments"u8) || json.ValueTextEquals("name"u8)
        || json.ValueTextEquals("reasoning_content"u8) || json.ValueTextEquals("reasoning"u8) || json.ValueTextEquals("refusal"u8);
}
