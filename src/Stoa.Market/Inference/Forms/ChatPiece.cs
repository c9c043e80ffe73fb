using System.Text.Json;

namespace Stoa.Market.Inference.Forms;

/// <summary>Finds what an answer of chat completions, or an event of a streamed one, says: where in its bytes texts are, the calls of tools, and how it ended.</summary>
/// <remarks>It is of one choice alone, the first: no other is asked for. Texts are JSON strings as they stand, quotes included, and empty ranges where there are none.</remarks>
internal sealed class ChatPiece
{
    private static readonly JsonReaderOptions s_json = new() { MaxDepth = 64 };

    private readonly List<CallPiece> _calls = [];
    private int _mostCalls;

    /// <summary>The model's name.</summary>
    public Range Model { get; private set; }

    /// <summary>What it says.</summary>
    public Range Text { get; private set; }

    /// <summary>What it thinks.</summary>
    public Range Reasoning { get; private set; }

    /// <summary>That it does not want to answer.</summary>
    public Range Refusal { get; private set; }

    /// <summary>Calls of tools, or parts of them: no more than were asked for, and one.</summary>
    public IReadOnlyList<CallPiece> Calls => _calls;

    /// <summary>Why it ended; null while it goes on.</summary>
    public string? FinishReason { get; private set; }

    /// <summary>The text at which it stopped, where the server says it.</summary>
    public string? StopSequence { get; private set; }

    /// <summary>What was used; null when it is not said.</summary>
    public ChatUsage? Usage { get; private set; }

    /// <summary>What went wrong; null when nothing did.</summary>
    public ChatError? Error { get; private set; }

    /// <summary>Reads one.</summary>
    /// <param name="json">A whole JSON value.</param>
    /// <param name="mostCalls">No more calls than this, and one, are read.</param>
    /// <returns>False when it is no answer.</returns>
    public bool TryRead(ReadOnlySpan<byte> json, int mostCalls)
    {
        (Model, Text, Reasoning, Refusal, FinishReason, StopSequence, Usage, Error) = (default, default, default, default, null, null, null, null);
        _calls.Clear();
        _mostCalls = mostCalls;
        try
        {
            var reader = new Utf8JsonReader(json, s_json);
            if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
                return false;
            while (NextMember(ref reader))
                ReadMember(ref reader);
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

    // Stands on the name of a member afterwards.
    private static bool NextMember(ref Utf8JsonReader json) => json.Read() && json.TokenType is JsonTokenType.PropertyName;

    private void ReadMember(ref Utf8JsonReader json)
    {
        if (json.ValueTextEquals("model"u8))
            Model = ReadText(ref json);
        else if (json.ValueTextEquals("choices"u8))
            ReadChoices(ref json);
        else if (json.ValueTextEquals("usage"u8))
            ReadUsage(ref json);
        else if (json.ValueTextEquals("error"u8))
            ReadError(ref json);
        else
            Skip(ref json);
    }

    private static void Skip(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    /// <summary>A text; what is none counts as none.</summary>
    private static Range ReadText(ref Utf8JsonReader json)
    {
        json.Read();
        Range text = json.TokenType is JsonTokenType.String ? (int)json.TokenStartIndex..(int)json.BytesConsumed : default;
        json.Skip();
        return text;
    }

    /// <summary>A short text; a long one counts as none.</summary>
    private static string? ReadWord(ref Utf8JsonReader json)
    {
        json.Read();
        var word = json.TokenType is JsonTokenType.String && json.ValueSpan.Length <= 4_096 ? json.GetString() : null;
        json.Skip();
        return word;
    }

    private static long? ReadNumber(ref Utf8JsonReader json)
    {
        json.Read();
        long? number = json.TokenType is JsonTokenType.Number && json.TryGetInt64(out var given) ? Math.Max(0, given) : null;
        json.Skip();
        return number;
    }

    private static bool BeginsObject(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType is JsonTokenType.StartObject)
            return true;
        json.Skip();
        return false;
    }

    private static bool BeginsArray(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType is JsonTokenType.StartArray)
            return true;
        json.Skip();
        return false;
    }

    private void ReadChoices(ref Utf8JsonReader json)
    {
        if (!BeginsArray(ref json))
            return;
        var isFirst = true;
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            if (isFirst && json.TokenType is JsonTokenType.StartObject)
                ReadChoice(ref json);
            else
                json.Skip();
            isFirst = false;
        }
    }

    private void ReadChoice(ref Utf8JsonReader json)
    {
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("delta"u8) || json.ValueTextEquals("message"u8))
                ReadMessage(ref json);
            else if (json.ValueTextEquals("finish_reason"u8))
                FinishReason = ReadWord(ref json);
            else if (json.ValueTextEquals("stop_reason"u8))
                StopSequence = ReadWord(ref json);
            else
                Skip(ref json);
        }
    }

    private void ReadMessage(ref Utf8JsonReader json)
    {
        if (!BeginsObject(ref json))
            return;
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("content"u8))
                Text = ReadText(ref json);
            else if (json.ValueTextEquals("reasoning_content"u8) || json.ValueTextEquals("reasoning"u8))
                Reasoning = ReadText(ref json) is var given && given.Equals(default) ? Reasoning : given;
            else if (json.ValueTextEquals("refusal"u8))
                Refusal = ReadText(ref json);
            else if (json.ValueTextEquals("tool_calls"u8))
                ReadCalls(ref json);
            else
                Skip(ref json);
        }
    }

    private void ReadCalls(ref Utf8JsonReader json)
    {
        if (!BeginsArray(ref json))
            return;
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            if (json.TokenType is JsonTokenType.StartObject && _calls.Count <= _mostCalls)
                _calls.Add(ReadCall(ref json));
            else
                json.Skip();
        }
    }

    private static CallPiece ReadCall(ref Utf8JsonReader json)
    {
        var call = default(CallPiece);
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("index"u8))
                call = call with { Index = ReadNumber(ref json) };
            else if (json.ValueTextEquals("id"u8))
                call = call with { Id = ReadText(ref json) };
            else if (json.ValueTextEquals("function"u8))
                call = ReadFunction(ref json, call);
            else
                Skip(ref json);
        }

        return call;
    }

    private static CallPiece ReadFunction(ref Utf8JsonReader json, CallPiece call)
    {
        if (!BeginsObject(ref json))
            return call;
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("name"u8))
                call = call with { Name = ReadText(ref json) };
            else if (json.ValueTextEquals("arguments"u8))
                call = call with { Arguments = ReadText(ref json) };
            else
                Skip(ref json);
        }

        return call;
    }

    private void ReadUsage(ref Utf8JsonReader json)
    {
        if (!BeginsObject(ref json))
            return;
        var usage = default(ChatUsage);
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("prompt_tokens"u8))
                usage = usage with { Input = ReadNumber(ref json) ?? 0 };
            else if (json.ValueTextEquals("completion_tokens"u8))
                usage = usage with { Output = ReadNumber(ref json) ?? 0 };
            else if (json.ValueTextEquals("prompt_tokens_details"u8))
                usage = usage with { Cached = ReadDetail(ref json, "cached_tokens"u8) };
            else if (json.ValueTextEquals("completion_tokens_details"u8))
                usage = usage with { Reasoning = ReadDetail(ref json, "reasoning_tokens"u8) };
            else if (json.ValueTextEquals("cost"u8))
                usage = usage with { Cost = ReadWord(ref json) };
            else
                Skip(ref json);
        }

        // A part is no more than the whole.
        Usage = usage with { Cached = Math.Min(usage.Cached, usage.Input), Reasoning = Math.Min(usage.Reasoning, usage.Output) };
    }

    private static long ReadDetail(ref Utf8JsonReader json, ReadOnlySpan<byte> name)
    {
        var tokens = 0L;
        if (!BeginsObject(ref json))
            return tokens;
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals(name))
                tokens = ReadNumber(ref json) ?? 0;
            else
                Skip(ref json);
        }

        return tokens;
    }

    private void ReadError(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType is JsonTokenType.Null or JsonTokenType.False)
            return;
        var (message, code) = (json.TokenType is JsonTokenType.String ? json.GetString() : null, (string?)null);
        if (json.TokenType is JsonTokenType.StartObject)
        {
            while (NextMember(ref json))
            {
                if (json.ValueTextEquals("message"u8))
                    message = ReadWord(ref json);
                else if (json.ValueTextEquals("code"u8))
                    code = ReadWord(ref json);
                else
                    Skip(ref json);
            }
        }
        else
        {
            json.Skip();
        }

        Error = new ChatError(code ?? "server_error", message ?? "The model's server did not say what went wrong.");
    }
}

/// <summary>A call of a tool, or a part of one.</summary>
/// <param name="Index">Which call it is a part of; null where the server does not number them.</param>
/// <param name="Id">Its id; empty in parts behind the first.</param>
/// <param name="Name">The tool; empty in parts behind the first.</param>
/// <param name="Arguments">JSON in a JSON string, or a part of it.</param>
internal readonly record struct CallPiece(long? Index, Range Id, Range Name, Range Arguments);

/// <summary>What an answer says that was used.</summary>
/// <param name="Input">Tokens that were read.</param>
/// <param name="Output">Tokens that were written.</param>
/// <param name="Cached">Of those that were read, how many were known from before.</param>
/// <param name="Reasoning">Of those that were written, how many were thought.</param>
/// <param name="Cost">US dollars; null where it is not said.</param>
internal readonly record struct ChatUsage(long Input, long Output, long Cached, long Reasoning, string? Cost);

/// <summary>What went wrong in the middle of an answer.</summary>
/// <param name="Code">A word for it.</param>
/// <param name="Message">What happened.</param>
internal sealed record ChatError(string Code, string Message);
