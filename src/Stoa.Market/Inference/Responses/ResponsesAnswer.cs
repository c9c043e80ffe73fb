using System.Buffers;
using System.Text.Json;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Responses;

/// <summary>Gives an answer the form of OpenAI's Responses API: a response, or the events of a streamed one.</summary>
/// <remarks>The last event of a stream repeats all that came before, so that this much is kept, up to <see cref="AnswerTerms.MostBytes"/>.</remarks>
/// <param name="request">What was asked.</param>
/// <param name="terms">What else is to be known.</param>
public sealed class ResponsesAnswer(ResponsesRequest request, AnswerTerms terms) : IAnswerForm
{
    private readonly ChatPiece _piece = new();
    private readonly ResponseItems _items = new(terms);
    private readonly EventWriting _values = new();
    private ResponseEvents? _events;
    private byte[]? _model;
    private bool _isOver;
    private string? _finishReason;
    private ChatUsage? _usage;

    private bool IsCut => _finishReason is "length" or "content_filter" || (_finishReason is null && _events is not null);

    /// <inheritdoc/>
    public AnswerFault? WriteWhole(ReadOnlySpan<byte> chat, string cost, IBufferWriter<byte> output)
    {
        if (!_piece.TryRead(chat, AnswerLimits.MostItems))
            return AnswerFault.Malformed;
        if (AnswerLimits.Check(_piece) is { } untold)
            return untold;
        if (Add(chat, null) is { } fault)
            return fault;
        if (_usage is null && AnswerReading.TryRead(chat, out var reading))
            _usage = new ChatUsage(terms.InputTokens, reading.OutputTokens, 0, 0, null);
        _usage = (_usage ?? default) with { Cost = cost };
        _items.Close(null, IsCut);
        var json = _values.Value(output);
        WriteResponse(json, IsCut ? "incomplete" : "completed");
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

        Begin(chat, output);
        return Add(chat, _events);
    }

    /// <inheritdoc/>
    public void WriteEnd(IBufferWriter<byte> output)
    {
        if (_isOver)
            return;
        _isOver = true;
        Begin([], output);
        _items.Close(_events, IsCut);
        WriteResponseEvent(IsCut ? "response.incomplete"u8 : "response.completed"u8, IsCut ? "incomplete" : "completed");
    }

    /// <inheritdoc/>
    public void WriteBreak(string code, string message, IBufferWriter<byte> output)
    {
        _isOver = true;
        Begin([], output);
        var json = _events!.Begin("error"u8);
        json.WriteString("code"u8, code);
        json.WriteString("message"u8, message);
        json.WriteNull("param"u8);
        _events.End();
        // Programs look at one or the other.
        _items.Close(null, isCut: true);
        WriteResponseEvent("response.failed"u8, "failed", message);
    }

    private void Begin(ReadOnlySpan<byte> chat, IBufferWriter<byte> output)
    {
        if (_events is not null)
        {
            _events.Output = output;
            return;
        }

        if (!chat.IsEmpty)
            NoteModel(chat);
        _events = new ResponseEvents(output);
        WriteResponseEvent("response.created"u8, "in_progress");
        WriteResponseEvent("response.in_progress"u8, "in_progress");
    }

    private AnswerFault? Add(ReadOnlySpan<byte> chat, ResponseEvents? events)
    {
        NoteModel(chat);
        _finishReason = _piece.FinishReason ?? _finishReason;
        _usage = _piece.Usage ?? _usage;
        return _items.Add(_piece, chat, events);
    }

    private void NoteModel(ReadOnlySpan<byte> chat)
    {
        if (_model is null && AnswerLimits.HasText(_piece.Model))
            _model = chat[_piece.Model].ToArray();
    }

    private void WriteResponseEvent(ReadOnlySpan<byte> type, string status, string? error = null)
    {
        var json = _events!.Begin(type);
        json.WritePropertyName("response"u8);
        WriteResponse(json, status, error);
        _events.End();
    }

    private void WriteResponse(Utf8JsonWriter json, string status, string? error = null)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, $"resp_{terms.Id}");
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, terms.CreatedAt.ToUnixTimeSeconds());
        json.WriteString("status"u8, status);
        json.WriteBoolean("background"u8, false);
        json.WriteBoolean("store"u8, false);
        if (error is null)
        {
            json.WriteNull("error"u8);
        }
        else
        {
            json.WriteStartObject("error"u8);
            json.WriteString("code"u8, "server_error"u8);
            json.WriteString("message"u8, error);
            json.WriteEndObject();
        }

        if (status is "incomplete")
        {
            json.WriteStartObject("incomplete_details"u8);
            json.WriteString("reason"u8, _finishReason is "content_filter" ? "content_filter"u8 : "max_output_tokens"u8);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details"u8);
        }

        json.WritePropertyName("model"u8);
        if (_model is not null)
            json.WriteRawValue(_model, skipInputValidation: true);
        else
            json.WriteStringValue(terms.Model);
        json.WritePropertyName("output"u8);
        json.WriteRawValue(status is "in_progress" ? "[]"u8 : _items.ToJson(), skipInputValidation: true);
        json.WriteNull("previous_response_id"u8);
        json.WriteString("truncation"u8, "disabled"u8);
        foreach (var (name, value) in request.Repeated)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(value, skipInputValidation: true);
        }

        WriteUsage(json, status is "in_progress" ? null : _usage);
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, ChatUsage? said)
    {
        if (said is not { } usage)
        {
            json.WriteNull("usage"u8);
            return;
        }

        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, usage.Input);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.Cached);
        json.WriteNumber("cache_write_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, usage.Output);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, usage.Input + usage.Output);
        if (usage.Cost is { } cost)
            json.WriteString("cost"u8, cost);
        json.WriteEndObject();
    }
}
