using System.Buffers;
using System.Text;
using System.Text.Json;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Messages;

/// <summary>Gives an answer the form of Anthropic's Messages API: a message, or the events of a streamed one.</summary>
/// <remarks>
/// What a model thinks is in it when the request asks for it, without a signature: nobody here signs it. Of a streamed answer nothing is kept.
/// </remarks>
/// <param name="request">What was asked.</param>
/// <param name="terms">What else is to be known.</param>
public sealed class MessagesAnswer(MessagesRequest request, AnswerTerms terms) : IAnswerForm
{
    private const int PiecesOfPing = 32;

    private readonly ChatPiece _piece = new();
    private readonly EventWriting _events = new();
    private OpenCall _call;
    private Block _open;
    private int _blocks;
    private bool _isBegun;
    private bool _isOver;
    private string? _finishReason;
    private string? _stopSequence;
    private bool _isRefused;
    private int _hidden;
    private ChatUsage? _usage;

    private enum Block
    {
        None,
        Thinking,
        Text,
        Call,
    }

    /// <inheritdoc/>
    public AnswerFault? WriteWhole(ReadOnlySpan<byte> chat, string cost, IBufferWriter<byte> output)
    {
        if (!_piece.TryRead(chat, AnswerLimits.MostItems))
            return AnswerFault.Malformed;
        if (AnswerLimits.Check(_piece) is { } fault)
            return fault;
        Note();
        if (_usage is null && AnswerReading.TryRead(chat, out var reading))
            _usage = new ChatUsage(terms.InputTokens, reading.OutputTokens, 0, 0, null);
        _usage = (_usage ?? default) with { Cost = cost };
        var json = _events.Value(output);
        json.WriteStartObject();
        WriteHead(json, chat);
        json.WriteStartArray("content"u8);
        if (request.ShowsThinking && AnswerLimits.HasText(_piece.Reasoning))
            WriteBlock(json, Block.Thinking, chat[_piece.Reasoning]);
        if (AnswerLimits.HasText(_piece.Text))
            WriteBlock(json, Block.Text, chat[_piece.Text]);
        if (AnswerLimits.HasText(_piece.Refusal))
            WriteBlock(json, Block.Text, chat[_piece.Refusal]);
        foreach (var call in _piece.Calls)
        {
            _blocks++;
            WriteCallBegin(json, chat, call);
            json.WritePropertyName("input"u8);
            WriteInput(json, AnswerLimits.HasText(call.Arguments) ? chat[call.Arguments] : "\"{}\""u8);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteStop(json);
        WriteUsage(json, _usage ?? default);
        json.WriteEndObject();
        json.Flush();
        return null;
    }

    /// <inheritdoc/>
    public AnswerFault? WriteEvent(ReadOnlySpan<byte> chat, IBufferWriter<byte> output)
    {
        if (_isOver)
            return null;
        if (!_piece.TryRead(chat, AnswerLimits.MostItems))
            return AnswerFault.Malformed;
        if (_piece.Error is { } error)
        {
            WriteBreak(error.Code, error.Message, output);
            return null;
        }

        if (!_isBegun)
            WriteStart(chat, output);
        Note();
        // While a model thinks unseen something is to come now and then, so that nobody takes the connection for dead.
        if (!request.ShowsThinking && AnswerLimits.HasText(_piece.Reasoning) && ++_hidden % PiecesOfPing == 0)
            WritePing(output);
        if (request.ShowsThinking && AnswerLimits.HasText(_piece.Reasoning) && WriteText(Block.Thinking, chat[_piece.Reasoning], output) is { } thinking)
            return thinking;
        if (AnswerLimits.HasText(_piece.Text) && WriteText(Block.Text, chat[_piece.Text], output) is { } text)
            return text;
        if (AnswerLimits.HasText(_piece.Refusal) && WriteText(Block.Text, chat[_piece.Refusal], output) is { } refusal)
            return refusal;
        foreach (var call in _piece.Calls)
        {
            if (WriteCall(chat, call, output) is { } fault)
                return fault;
        }

        return null;
    }

    /// <inheritdoc/>
    public void WriteEnd(IBufferWriter<byte> output)
    {
        if (_isOver)
            return;
        _isOver = true;
        if (!_isBegun)
            WriteStart([], output);
        Close(output);
        var json = _events.Begin(output, "message_delta"u8);
        json.WriteStartObject("delta"u8);
        WriteStop(json);
        json.WriteNull("container"u8);
        json.WriteEndObject();
        WriteUsage(json, _usage ?? default);
        _events.End(output);
        _events.Begin(output, "message_stop"u8);
        _events.End(output);
    }

    /// <inheritdoc/>
    public void WriteBreak(string code, string message, IBufferWriter<byte> output)
    {
        _isOver = true;
        var json = _events.Begin(output, "error"u8);
        MessagesError.WriteMembers(json, "api_error", code, message, null);
        _events.End(output);
    }

    private void Note()
    {
        _finishReason = _piece.FinishReason ?? _finishReason;
        _stopSequence = _piece.StopSequence ?? _stopSequence;
        _isRefused |= AnswerLimits.HasText(_piece.Refusal);
        _usage = _piece.Usage ?? _usage;
    }

    private void WriteStart(ReadOnlySpan<byte> chat, IBufferWriter<byte> output)
    {
        _isBegun = true;
        var json = _events.Begin(output, "message_start"u8);
        json.WriteStartObject("message"u8);
        WriteHead(json, chat);
        json.WriteStartArray("content"u8);
        json.WriteEndArray();
        json.WriteNull("stop_reason"u8);
        json.WriteNull("stop_sequence"u8);
        json.WriteNull("stop_details"u8);
        // As it is counted here: the server says it at the end.
        WriteUsage(json, new ChatUsage(terms.InputTokens, 0, 0, 0, null));
        json.WriteEndObject();
        _events.End(output);
        WritePing(output);
    }

    private void WritePing(IBufferWriter<byte> output)
    {
        _events.Begin(output, "ping"u8);
        _events.End(output);
    }

    private void WriteHead(Utf8JsonWriter json, ReadOnlySpan<byte> chat)
    {
        json.WriteString("id"u8, $"msg_{terms.Id}");
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "assistant"u8);
        json.WritePropertyName("model"u8);
        if (AnswerLimits.HasText(_piece.Model) && !chat.IsEmpty)
            json.WriteRawValue(chat[_piece.Model], skipInputValidation: true);
        else
            json.WriteStringValue(terms.Model);
        json.WriteNull("container"u8);
    }

    private AnswerFault? WriteText(Block kind, ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (_open != kind)
        {
            if (Open(kind, output) is not { } json)
                return AnswerFault.TooManyItems;
            WriteBlock(json, kind, "\"\""u8);
            _events.End(output);
        }

        WriteDelta(output, kind is Block.Thinking ? "thinking_delta"u8 : "text_delta"u8, kind is Block.Thinking ? "thinking"u8 : "text"u8, text);
        return null;
    }

    private AnswerFault? WriteCall(ReadOnlySpan<byte> chat, CallPiece call, IBufferWriter<byte> output)
    {
        if (_call.IsNew(chat, call))
        {
            if (_call.Begin(chat, call) is { } fault)
                return fault;
            if (Open(Block.Call, output) is not { } json)
                return AnswerFault.TooManyItems;
            WriteCallBegin(json, chat, call);
            json.WriteStartObject("input"u8);
            json.WriteEndObject();
            json.WriteEndObject();
            _events.End(output);
        }

        if (AnswerLimits.HasText(call.Arguments))
            WriteDelta(output, "input_json_delta"u8, "partial_json"u8, chat[call.Arguments]);
        return null;
    }

    private void WriteDelta(IBufferWriter<byte> output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> name, ReadOnlySpan<byte> text)
    {
        var json = _events.Begin(output, "content_block_delta"u8);
        json.WriteNumber("index"u8, _blocks - 1);
        json.WriteStartObject("delta"u8);
        json.WriteString("type"u8, type);
        json.WritePropertyName(name);
        json.WriteRawValue(text, skipInputValidation: true);
        json.WriteEndObject();
        _events.End(output);
    }

    /// <summary>Begins a block, and ends the one before.</summary>
    /// <returns>Stands before the block; null when there are too many.</returns>
    private Utf8JsonWriter? Open(Block kind, IBufferWriter<byte> output)
    {
        Close(output);
        if (_blocks >= AnswerLimits.MostItems)
            return null;
        _open = kind;
        var json = _events.Begin(output, "content_block_start"u8);
        json.WriteNumber("index"u8, _blocks++);
        json.WritePropertyName("content_block"u8);
        return json;
    }

    private void Close(IBufferWriter<byte> output)
    {
        if (_open is Block.None)
            return;
        if (_open is Block.Call)
            _call.End();
        _open = Block.None;
        var json = _events.Begin(output, "content_block_stop"u8);
        json.WriteNumber("index"u8, _blocks - 1);
        _events.End(output);
    }

    private static void WriteBlock(Utf8JsonWriter json, Block kind, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, kind is Block.Thinking ? "thinking"u8 : "text"u8);
        json.WritePropertyName(kind is Block.Thinking ? "thinking"u8 : "text"u8);
        json.WriteRawValue(text, skipInputValidation: true);
        if (kind is Block.Thinking)
            json.WriteString("signature"u8, ""u8);
        else
            json.WriteNull("citations"u8);
        json.WriteEndObject();
    }

    private void WriteCallBegin(Utf8JsonWriter json, ReadOnlySpan<byte> chat, CallPiece call)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_use"u8);
        json.WritePropertyName("id"u8);
        if (AnswerLimits.HasText(call.Id))
            json.WriteRawValue(chat[call.Id], skipInputValidation: true);
        else
            json.WriteStringValue($"toolu_{terms.Id}_{_blocks}");
        json.WritePropertyName("name"u8);
        json.WriteRawValue(chat[call.Name], skipInputValidation: true);
        json.WriteStartObject("caller"u8);
        json.WriteString("type"u8, "direct"u8);
        json.WriteEndObject();
    }

    /// <summary>Writes what a tool is called with. Models do not always write an object: then it is given as it stands, under a name that says so.</summary>
    private static void WriteInput(Utf8JsonWriter json, ReadOnlySpan<byte> arguments)
    {
        try
        {
            var text = new Utf8JsonReader(arguments);
            var given = text.Read() ? text.GetString()! : "";
            if (given.AsSpan().Trim().IsEmpty)
                given = "{}";
            using var input = JsonDocument.Parse(given, new JsonDocumentOptions { MaxDepth = 60 });
            if (input.RootElement.ValueKind is JsonValueKind.Object)
            {
                json.WriteRawValue(RawJson.Compact(Encoding.UTF8.GetBytes(given)), skipInputValidation: true);
                return;
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // What it is instead is told.
        }

        json.WriteStartObject();
        json.WritePropertyName("INVALID_JSON"u8);
        json.WriteRawValue(arguments, skipInputValidation: true);
        json.WriteEndObject();
    }

    private void WriteStop(Utf8JsonWriter json)
    {
        var stop = _finishReason switch
        {
            _ when _isRefused => "refusal",
            "content_filter" => "refusal",
            "stop" when _call.Count > 0 || _piece.Calls.Count > 0 => "tool_use",
            "tool_calls" or "function_call" => "tool_use",
            "stop" when _stopSequence is not null && request.StopSequences.Contains(_stopSequence) => "stop_sequence",
            // A stream that goes on beyond its limit is ended without a reason.
            "length" => "max_tokens",
            null when _isBegun => "max_tokens",
            _ => "end_turn",
        };
        json.WriteString("stop_reason"u8, stop);
        json.WriteString("stop_sequence"u8, stop is "stop_sequence" ? _stopSequence : null);
        if (stop is not "refusal")
        {
            json.WriteNull("stop_details"u8);
            return;
        }

        json.WriteStartObject("stop_details"u8);
        json.WriteString("type"u8, "refusal"u8);
        json.WriteNull("category"u8);
        json.WriteNull("explanation"u8);
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, ChatUsage usage)
    {
        json.WriteStartObject("usage"u8);
        // What was known from before is not counted among the tokens that were read.
        json.WriteNumber("input_tokens"u8, usage.Input - usage.Cached);
        json.WriteNumber("output_tokens"u8, usage.Output);
        json.WriteNumber("cache_creation_input_tokens"u8, 0);
        json.WriteNumber("cache_read_input_tokens"u8, usage.Cached);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("thinking_tokens"u8, usage.Reasoning);
        json.WriteEndObject();
        json.WriteNull("server_tool_use"u8);
        if (usage.Cost is { } cost)
            json.WriteString("cost"u8, cost);
        json.WriteEndObject();
    }
}
