using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Responses;

/// <summary>Translates instructions and input into messages of chat completions.</summary>
/// <remarks>What a model has thought, said and called in one turn are items of their own here, and one message there.</remarks>
internal sealed class ResponsesConversation
{
    private readonly FormObject _members;
    private readonly Utf8JsonWriter _json;
    private readonly bool _takesImageUrls;

    // Of the model's turn that is being read, and was not written yet.
    private readonly List<JsonElement> _thoughts = [];
    private readonly List<JsonElement> _texts = [];
    private readonly List<FormObject> _calls = [];

    private ResponsesConversation(FormObject members, Utf8JsonWriter json, bool takesImageUrls) => (_members, _json, _takesImageUrls) = (members, json, takesImageUrls);

    public static void Translate(FormObject members, Utf8JsonWriter json, bool takesImageUrls)
    {
        json.WriteStartArray("messages"u8);
        new ResponsesConversation(members, json, takesImageUrls).Translate();
        json.WriteEndArray();
    }

    private void Translate()
    {
        if (_members.TryText("instructions", out var instructions))
            WriteMessage("system", instructions);
        if (!_members.TryGet("input", out var input))
        {
            _members.Refuse("input", "It is missing: a text or an array of items is expected.");
            return;
        }

        if (input.ValueKind is JsonValueKind.String)
        {
            WriteMessage("user", input);
            return;
        }

        foreach (var item in _members.Objects("input", FormRequest.MostItems))
            TranslateItem(item);
        if (!_members.IsRefused)
            WriteTurn();
    }

    private void TranslateItem(FormObject item)
    {
        switch (item.Word("type"))
        {
            case null or "message":
                TranslateMessage(item);
                break;
            case "reasoning":
                TranslateReasoning(item);
                break;
            case "function_call":
                item.Only("type", "id", "call_id", "name", "arguments", "status", "caller");
                CheckCaller(item);
                _calls.Add(item);
                break;
            case "function_call_output":
                WriteTurn();
                TranslateResult(item);
                break;
            case "item_reference":
                item.Refuse("type", "Nothing is kept of requests and answers here: send the item itself.");
                break;
            case var other:
                item.Refuse("type", $"Items of type '{other}' have no counterpart in chat completions: take it out.");
                break;
        }
    }

    private static void CheckCaller(FormObject item)
    {
        if (item.Object("caller") is { } caller && caller.Word("type") is not "direct")
            caller.Refuse("type", "Only the model itself calls tools here: direct is expected.");
    }

    private void TranslateMessage(FormObject item)
    {
        item.Only("type", "id", "role", "content", "status", "phase");
        if (!item.TryGet("content", out var content))
            item.Refuse("content", "It is missing: a text or an array of parts is expected.");
        switch (item.Word("role"))
        {
            case "user":
                WriteTurn();
                TranslateUser(item, content);
                break;
            case "assistant":
                // Text behind calls is another turn.
                if (_calls.Count > 0)
                    WriteTurn();
                AddTexts(item, _texts, "output_text", "refusal");
                break;
            // Not every server knows developers.
            case "system" or "developer":
                WriteTurn();
                var texts = new List<JsonElement>();
                AddTexts(item, texts, "input_text", null);
                if (texts.Count > 0)
                    WriteMessage("system", texts);
                break;
            default:
                item.Refuse("role", "user, assistant, system or developer is expected.");
                break;
        }
    }

    /// <summary>Adds a text, or those of parts.</summary>
    private static void AddTexts(FormObject item, List<JsonElement> texts, string type, string? alsoType, string name = "content")
    {
        if (!item.TryGet(name, out var content))
            return;
        if (content.ValueKind is JsonValueKind.String)
        {
            texts.Add(content);
            return;
        }

        foreach (var part in item.Objects(name, FormRequest.MostItems))
        {
            var given = part.Word("type");
            // Programs mix up the two words for texts.
            if (given == type || given is "input_text" or "output_text" or "text")
            {
                part.Only("type", "text", "annotations", "logprobs", "prompt_cache_breakpoint");
                if (part.MustText("text", out var text))
                    texts.Add(text);
            }
            else if (given == alsoType && given is not null)
            {
                part.Only("type", given);
                if (part.MustText(given, out var other))
                    texts.Add(other);
            }
            else
            {
                part.Refuse("type", "Parts of text are taken here, and no others.");
            }
        }
    }

    private void TranslateUser(FormObject item, JsonElement content)
    {
        if (content.ValueKind is JsonValueKind.String)
        {
            WriteMessage("user", content);
            return;
        }

        var parts = new List<(JsonElement Value, bool IsImage, string? Detail)>();
        foreach (var part in item.Objects("content", FormRequest.MostItems))
        {
            switch (part.Word("type"))
            {
                case "input_text":
                    part.Only("type", "text", "prompt_cache_breakpoint");
                    if (part.MustText("text", out var text))
                        parts.Add((text, false, null));
                    break;
                case "input_image":
                    part.Only("type", "image_url", "detail", "prompt_cache_breakpoint");
                    if (!part.MustText("image_url", out var url))
                        break;
                    if (!_takesImageUrls && !ImageWriting.IsData(RawJson.Of(url)))
                        part.Refuse("image_url", ImageWriting.NoAddress);
                    parts.Add((url, true, part.Word("detail")));
                    break;
                case var other:
                    part.Refuse("type", $"Parts of type '{other}' are not taken here: input_text or input_image is expected.");
                    break;
            }
        }

        if (item.IsRefused || parts.Count == 0)
            return;
        if (parts.TrueForAll(part => !part.IsImage))
        {
            WriteMessage("user", parts.ConvertAll(part => part.Value));
            return;
        }

        _json.WriteStartObject();
        _json.WriteString("role"u8, "user"u8);
        _json.WriteStartArray("content"u8);
        foreach (var (value, isImage, detail) in parts)
        {
            if (isImage)
                ImageWriting.WriteAddress(_json, value, detail);
            else
                ImageWriting.WriteText(_json, value);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void TranslateReasoning(FormObject item)
    {
        item.Only("type", "id", "summary", "content", "encrypted_content", "status");
        if (item.TryGet("encrypted_content", out _))
            item.Refuse("encrypted_content", "Nobody here can read it: take the item out.");
        if (_texts.Count > 0 || _calls.Count > 0)
            WriteTurn();
        var before = _thoughts.Count;
        foreach (var (name, type) in ((string, string)[])[("content", "reasoning_text"), ("summary", "summary_text")])
        {
            // Where there is the whole, what sums it up says nothing more.
            if (_thoughts.Count > before)
                break;
            foreach (var part in item.Objects(name, FormRequest.MostItems))
            {
                part.Only("type", "text");
                if (part.Word("type") != type)
                    part.Refuse("type", $"{type} is expected.");
                else if (part.MustText("text", out var text))
                    _thoughts.Add(text);
            }
        }
    }

    private void TranslateResult(FormObject item)
    {
        item.Only("type", "id", "call_id", "output", "status", "caller");
        CheckCaller(item);
        if (!item.TryGet("output", out _))
            item.Refuse("output", "It is missing: a text is expected.");
        var texts = new List<JsonElement>();
        AddTexts(item, texts, "input_text", null, "output");
        if (!item.MustText("call_id", out var id) || item.IsRefused)
            return;
        _json.WriteStartObject();
        _json.WriteString("role"u8, "tool"u8);
        _json.WritePropertyName("tool_call_id"u8);
        _json.WriteRaw(id);
        _json.WritePropertyName("content"u8);
        if (texts.Count > 0)
            _json.WriteJoined(texts);
        else
            _json.WriteStringValue(""u8);
        _json.WriteEndObject();
    }

    private void WriteTurn()
    {
        if (_texts.Count == 0 && _thoughts.Count == 0 && _calls.Count == 0)
            return;
        _json.WriteAssistant(_texts, _thoughts, _calls, WriteCall);
        _texts.Clear();
        _thoughts.Clear();
        _calls.Clear();
    }

    private static void WriteCall(FormObject call, Utf8JsonWriter json)
    {
        if (!call.MustText("call_id", out var id) || !call.MustText("name", out var name) || !call.MustText("arguments", out var arguments))
            return;
        json.WriteStartObject();
        json.WritePropertyName("id"u8);
        json.WriteRaw(id);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WritePropertyName("name"u8);
        json.WriteRaw(name);
        json.WritePropertyName("arguments"u8);
        json.WriteRaw(arguments);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteMessage(string role, params List<JsonElement> texts)
    {
        _json.WriteStartObject();
        _json.WriteString("role"u8, role);
        _json.WritePropertyName("content"u8);
        _json.WriteJoined(texts);
        _json.WriteEndObject();
    }
}
