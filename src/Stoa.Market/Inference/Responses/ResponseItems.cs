using System.Buffers;
using System.Text;
using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Responses;

/// <summary>The output of a response, item by item: what the model thinks, says, and calls. One goes on at a time; the others are kept as JSON.</summary>
/// <param name="terms">Of the answer.</param>
internal sealed class ResponseItems(AnswerTerms terms)
{
    // What stands around the text of an item, with its ids.
    private const int FrameBytes = 2_048;

    private readonly ArrayBufferWriter<byte> _done = new();
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly EventWriting _values = new();
    private OpenCall _call;
    private Item _open;
    private int _count;
    private byte[] _callId = [];
    private byte[] _callName = [];

    private enum Item
    {
        None,
        Reasoning,
        Text,
        Refusal,
        Call,
    }

    // Ids are made of letters and digits, so that they need not be escaped.
    private string Id => $"{_open switch { Item.Reasoning => "rs", Item.Call => "fc", _ => "msg" }}_{terms.Id}_{_count}";

    private int Index => _count - 1;

    /// <summary>All items that are done, as a JSON array.</summary>
    public byte[] ToJson() => [(byte)'[', .. _done.WrittenSpan, (byte)']'];

    /// <summary>Adds what a piece of an answer says.</summary>
    /// <param name="piece">What was read of it.</param>
    /// <param name="chat">It.</param>
    /// <param name="events">Tells what it adds; null to tell nothing.</param>
    /// <returns>Why it cannot be added; null when it was.</returns>
    public AnswerFault? Add(ChatPiece piece, ReadOnlySpan<byte> chat, ResponseEvents? events)
    {
        if (AddText(Item.Reasoning, chat[piece.Reasoning], events) is { } reasoning)
            return reasoning;
        if (AddText(Item.Text, chat[piece.Text], events) is { } text)
            return text;
        if (AddText(Item.Refusal, chat[piece.Refusal], events) is { } refusal)
            return refusal;
        foreach (var call in piece.Calls)
        {
            if (AddCall(chat, call, events) is { } fault)
                return fault;
        }

        return null;
    }

    /// <summary>Ends the item that goes on, if there is one.</summary>
    /// <param name="events">Tells it; null to tell nothing.</param>
    /// <param name="isCut">Whether there would be more of it.</param>
    public void Close(ResponseEvents? events, bool isCut)
    {
        if (_open is Item.None)
            return;
        _text.Write("\""u8);
        if (events is not null)
            TellDone(events);
        if (_done.WrittenCount > 0)
            _done.Write(","u8);
        var json = _values.Value(_done);
        WriteItem(json, isCut ? "incomplete"u8 : "completed"u8, _text.WrittenSpan);
        json.Flush();
        if (events is not null)
        {
            json = events.Begin("response.output_item.done"u8);
            json.WriteNumber("output_index"u8, Index);
            json.WritePropertyName("item"u8);
            WriteItem(json, isCut ? "incomplete"u8 : "completed"u8, _text.WrittenSpan);
            events.End();
        }

        if (_open is Item.Call)
            _call.End();
        _open = Item.None;
        _text.ResetWrittenCount();
    }

    private AnswerFault? AddText(Item kind, ReadOnlySpan<byte> text, ResponseEvents? events)
    {
        if (text.Length <= 2)
            return null;
        if (_open != kind)
        {
            if (Open(kind, events) is { } fault)
                return fault;
            if (events is not null)
            {
                var json = BeginOfItem(events, "response.content_part.added"u8, hasContent: true);
                json.WritePropertyName("part"u8);
                WritePart(json, "\"\""u8);
                events.End();
            }
        }

        return Append(text, events, kind switch
        {
            Item.Reasoning => "response.reasoning_text.delta"u8,
            Item.Refusal => "response.refusal.delta"u8,
            _ => "response.output_text.delta"u8,
        });
    }

    private AnswerFault? AddCall(ReadOnlySpan<byte> chat, CallPiece call, ResponseEvents? events)
    {
        // In a whole answer each is one.
        if (events is null || _call.IsNew(chat, call))
        {
            if (_call.Begin(chat, call) is { } fault)
                return fault;
            Close(events, isCut: false);
            // Its item's number makes an id where the server has given none.
            _callId = AnswerLimits.HasText(call.Id) ? chat[call.Id].ToArray() : Encoding.UTF8.GetBytes($"\"call_{terms.Id}_{_count + 1}\"");
            _callName = chat[call.Name].ToArray();
            if (Open(Item.Call, events) is { } full)
                return full;
        }

        return AnswerLimits.HasText(call.Arguments) ? Append(chat[call.Arguments], events, "response.function_call_arguments.delta"u8) : null;
    }

    private AnswerFault? Open(Item kind, ResponseEvents? events)
    {
        Close(events, isCut: false);
        if (_count >= AnswerLimits.MostItems)
            return AnswerFault.TooManyItems;
        _open = kind;
        _count++;
        _text.Write("\""u8);
        if (events is null)
            return null;
        var json = events.Begin("response.output_item.added"u8);
        json.WriteNumber("output_index"u8, Index);
        json.WritePropertyName("item"u8);
        WriteItem(json, "in_progress"u8, []);
        events.End();
        return null;
    }

    private AnswerFault? Append(ReadOnlySpan<byte> text, ResponseEvents? events, ReadOnlySpan<byte> type)
    {
        // A whole answer was bounded when it was read, and is paid for: with what is around its items it has to fit.
        var most = events is null ? terms.MostBytes + ((long)AnswerLimits.MostItems * FrameBytes) : terms.MostBytes;
        if ((long)_done.WrittenCount + _text.WrittenCount + text.Length > most)
            return AnswerFault.TooLarge;
        _text.Write(text[1..^1]);
        if (events is null)
            return null;
        var json = BeginOfItem(events, type, _open is not Item.Call);
        json.WritePropertyName("delta"u8);
        json.WriteRawValue(text, skipInputValidation: true);
        if (_open is Item.Text)
            WriteNoLogprobs(json);
        events.End();
        return null;
    }

    private Utf8JsonWriter BeginOfItem(ResponseEvents events, ReadOnlySpan<byte> type, bool hasContent)
    {
        var json = events.Begin(type);
        json.WriteString("item_id"u8, Id);
        json.WriteNumber("output_index"u8, Index);
        if (hasContent)
            json.WriteNumber("content_index"u8, 0);
        return json;
    }

    private void TellDone(ResponseEvents events)
    {
        var json = BeginOfItem(
            events,
            _open switch
            {
                Item.Reasoning => "response.reasoning_text.done"u8,
                Item.Refusal => "response.refusal.done"u8,
                Item.Call => "response.function_call_arguments.done"u8,
                _ => "response.output_text.done"u8,
            },
            _open is not Item.Call);
        json.WritePropertyName(_open switch
        {
            Item.Refusal => "refusal"u8,
            Item.Call => "arguments"u8,
            _ => "text"u8,
        });
        json.WriteRawValue(_text.WrittenSpan, skipInputValidation: true);
        if (_open is Item.Text)
            WriteNoLogprobs(json);
        if (_open is Item.Call)
        {
            json.WritePropertyName("name"u8);
            json.WriteRawValue(_callName, skipInputValidation: true);
        }

        events.End();
        if (_open is Item.Call)
            return;
        json = BeginOfItem(events, "response.content_part.done"u8, hasContent: true);
        json.WritePropertyName("part"u8);
        WritePart(json, _text.WrittenSpan);
        events.End();
    }

    /// <param name="json">Where to.</param>
    /// <param name="status">How far it is.</param>
    /// <param name="text">A JSON string; empty while there is none.</param>
    private void WriteItem(Utf8JsonWriter json, ReadOnlySpan<byte> status, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, Id);
        json.WriteString("type"u8, _open switch
        {
            Item.Reasoning => "reasoning"u8,
            Item.Call => "function_call"u8,
            _ => "message"u8,
        });
        json.WriteString("status"u8, status);
        if (_open is Item.Call)
        {
            json.WritePropertyName("call_id"u8);
            json.WriteRawValue(_callId, skipInputValidation: true);
            json.WritePropertyName("name"u8);
            json.WriteRawValue(_callName, skipInputValidation: true);
            json.WritePropertyName("arguments"u8);
            json.WriteRawValue(text.IsEmpty ? "\"\""u8 : text, skipInputValidation: true);
            json.WriteEndObject();
            return;
        }

        if (_open is Item.Reasoning)
        {
            json.WriteStartArray("summary"u8);
            json.WriteEndArray();
        }
        else
        {
            json.WriteString("role"u8, "assistant"u8);
        }

        json.WriteStartArray("content"u8);
        if (!text.IsEmpty)
            WritePart(json, text);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WritePart(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, _open switch
        {
            Item.Reasoning => "reasoning_text"u8,
            Item.Refusal => "refusal"u8,
            _ => "output_text"u8,
        });
        json.WritePropertyName(_open is Item.Refusal ? "refusal"u8 : "text"u8);
        json.WriteRawValue(text, skipInputValidation: true);
        if (_open is Item.Text)
        {
            json.WriteStartArray("annotations"u8);
            json.WriteEndArray();
            WriteNoLogprobs(json);
        }

        json.WriteEndObject();
    }

    private static void WriteNoLogprobs(Utf8JsonWriter json)
    {
        json.WriteStartArray("logprobs"u8);
        json.WriteEndArray();
    }
}
