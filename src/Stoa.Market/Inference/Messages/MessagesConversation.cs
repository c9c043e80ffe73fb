using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Messages;

/// <summary>Translates the system prompt and messages.</summary>
/// <remarks>Blocks of text alone become one text with empty lines between them, which every server takes; with pictures among them they stay parts. What tools have answered becomes a message for each.</remarks>
internal static class MessagesConversation
{
    private static readonly string[] s_mediaTypes = ["image/jpeg", "image/png", "image/gif", "image/webp"];

    public static void Translate(FormObject members, Utf8JsonWriter json, bool takesImageUrls)
    {
        if (!members.TryGet("messages", out _))
            members.Refuse("messages", "It is missing: an array is expected.");
        json.WriteStartArray("messages"u8);
        if (members.TryGet("system", out _))
            TranslateSystem(members, json, "system");
        foreach (var message in members.Objects("messages", FormRequest.MostItems))
        {
            message.Only("role", "content");
            if (!message.TryGet("content", out _))
                message.Refuse("content", "It is missing: a text or an array of blocks is expected.");
            switch (message.Word("role"))
            {
                case "user":
                    TranslateUser(message, json, takesImageUrls);
                    break;
                case "assistant":
                    TranslateAssistant(message, json);
                    break;
                case "system":
                    TranslateSystem(message, json, "content");
                    break;
                default:
                    message.Refuse("role", "user, assistant or system is expected.");
                    break;
            }
        }

        json.WriteEndArray();
    }

    private static void TranslateSystem(FormObject holder, Utf8JsonWriter json, string name)
    {
        if (TextsOf(holder, name) is not { } texts)
            return;
        json.WriteStartObject();
        json.WriteString("role"u8, "system"u8);
        json.WritePropertyName("content"u8);
        json.WriteJoined(texts);
        json.WriteEndObject();
    }

    /// <summary>A text, or blocks of text alone.</summary>
    /// <returns>Null when there is none, or it is refused.</returns>
    private static List<JsonElement>? TextsOf(FormObject holder, string name)
    {
        if (!holder.TryGet(name, out var content))
            return null;
        if (content.ValueKind is JsonValueKind.String)
            return [content];
        var texts = new List<JsonElement>();
        foreach (var block in holder.Objects(name, FormRequest.MostItems))
        {
            if (block.Word("type") is not "text")
                block.Refuse("type", "Blocks of text are taken here, and no others.");
            else if (TextOf(block) is { } text)
                texts.Add(text);
        }

        return texts.Count > 0 ? texts : null;
    }

    private static JsonElement? TextOf(FormObject block)
    {
        // What an earlier answer has quoted is in its text.
        block.Only("type", "text", "cache_control", "citations");
        return block.MustText("text", out var text) ? text : null;
    }

    private static void TranslateUser(FormObject message, Utf8JsonWriter json, bool takesImageUrls)
    {
        if (!message.TryGet("content", out var content))
            return;
        if (content.ValueKind is JsonValueKind.String)
        {
            WriteUser(json, [(content, null)]);
            return;
        }

        // Servers want what tools have answered directly behind the calls.
        var parts = new List<(JsonElement Text, FormObject? Image)>();
        foreach (var block in message.Objects("content", FormRequest.MostItems))
        {
            switch (block.Word("type"))
            {
                case "text":
                    if (TextOf(block) is { } text)
                        parts.Add((text, null));
                    break;
                case "image":
                    block.Only("type", "source", "cache_control");
                    parts.Add((default, block));
                    CheckImage(block, takesImageUrls);
                    break;
                case "tool_result" when parts.Count > 0:
                    block.Refuse("type", "Results of tools come before all else in a message.");
                    break;
                case "tool_result":
                    TranslateResult(block, json);
                    break;
                case var other:
                    RefuseBlock(block, other);
                    break;
            }
        }

        if (parts.Count > 0 && !message.IsRefused)
            WriteUser(json, parts);
    }

    private static void WriteUser(Utf8JsonWriter json, List<(JsonElement Text, FormObject? Image)> parts)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        json.WritePropertyName("content"u8);
        if (parts.TrueForAll(part => part.Image is null))
        {
            json.WriteJoined(parts.ConvertAll(part => part.Text));
        }
        else
        {
            json.WriteStartArray();
            foreach (var (text, image) in parts)
            {
                if (image is { } picture)
                    WriteImage(picture, json);
                else
                    ImageWriting.WriteText(json, text);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void CheckImage(FormObject block, bool takesImageUrls)
    {
        if (block.Object("source") is not { } source)
        {
            block.Refuse("source", "It is missing: an object is expected.");
            return;
        }

        switch (source.Word("type"))
        {
            case "base64":
                source.Only("type", "media_type", "data");
                if (source.Word("media_type") is not { } mediaType || !s_mediaTypes.Contains(mediaType))
                    source.Refuse("media_type", $"One of {string.Join(", ", s_mediaTypes)} is expected.");
                source.MustText("data", out _);
                break;
            case "url":
                source.Only("type", "url");
                if (source.MustText("url", out var url) && !takesImageUrls && !ImageWriting.IsData(RawJson.Of(url)))
                    source.Refuse("url", ImageWriting.NoAddress);
                break;
            default:
                source.Refuse("type", "base64 is expected: files are kept nowhere here.");
                break;
        }
    }

    private static void WriteImage(FormObject block, Utf8JsonWriter json)
    {
        var source = block.Object("source")!.Value;
        if (source.Word("media_type") is { } mediaType && source.TryText("data", out var data))
            ImageWriting.WriteData(json, mediaType, data);
        else if (source.TryText("url", out var url))
            ImageWriting.WriteAddress(json, url);
    }

    private static void TranslateResult(FormObject block, Utf8JsonWriter json)
    {
        block.Only("type", "tool_use_id", "content", "is_error", "cache_control");
        json.WriteStartObject();
        json.WriteString("role"u8, "tool"u8);
        json.WritePropertyName("tool_call_id"u8);
        if (block.MustText("tool_use_id", out var id))
            json.WriteRaw(id);
        // There is no other way to tell a model that a tool has failed.
        var before = block.Flag("is_error") is true ? "Error: "u8 : ""u8;
        json.WritePropertyName("content"u8);
        if (TextsOf(block, "content") is { } texts)
        {
            if (texts is [var alone] && before.Length > 0)
                json.WriteWith(before, RawJson.Of(alone));
            else if (before.Length > 0)
                json.WriteJoined([JsonElement.Parse("\"Error:\""), .. texts]);
            else
                json.WriteJoined(texts);
        }
        else
        {
            json.WriteStringValue(before);
        }

        json.WriteEndObject();
    }

    private static void TranslateAssistant(FormObject message, Utf8JsonWriter json)
    {
        if (!message.TryGet("content", out var content))
            return;
        var (texts, thoughts, calls) = (new List<JsonElement>(), new List<JsonElement>(), new List<FormObject>());
        if (content.ValueKind is JsonValueKind.String)
            texts.Add(content);
        else
            SortBlocks(message, texts, thoughts, calls);
        if (message.IsRefused || (texts.Count == 0 && thoughts.Count == 0 && calls.Count == 0))
            return;
        json.WriteAssistant(texts, thoughts, calls, WriteCall);
    }

    private static void SortBlocks(FormObject message, List<JsonElement> texts, List<JsonElement> thoughts, List<FormObject> calls)
    {
        foreach (var block in message.Objects("content", FormRequest.MostItems))
        {
            switch (block.Word("type"))
            {
                case "text":
                    if (TextOf(block) is { } text)
                        texts.Add(text);
                    break;
                case "thinking":
                    // Nothing here signs what a model thinks, so there is nothing to check.
                    block.Only("type", "thinking", "signature");
                    if (block.MustText("thinking", out var thought))
                        thoughts.Add(thought);
                    break;
                case "tool_use":
                    block.Only("type", "id", "name", "input", "cache_control", "caller");
                    CheckCaller(block);
                    calls.Add(block);
                    break;
                case var other:
                    RefuseBlock(block, other);
                    break;
            }
        }
    }

    private static void CheckCaller(FormObject block)
    {
        if (block.Object("caller") is { } caller && caller.Word("type") is not "direct")
            caller.Refuse("type", "Only the model itself calls tools here: direct is expected.");
    }

    private static void WriteCall(FormObject call, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WritePropertyName("id"u8);
        if (call.MustText("id", out var id))
            json.WriteRaw(id);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WritePropertyName("name"u8);
        if (call.MustText("name", out var name))
            json.WriteRaw(name);
        if (call.TryGet("input", out var input) && input.ValueKind is JsonValueKind.Object)
            json.WriteString("arguments"u8, RawJson.Of(input));
        else
            call.Refuse("input", "An object is expected.");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void RefuseBlock(FormObject block, string? type)
    {
        if (type is null)
            block.Refuse("type", "It is missing: text, image, tool_use or tool_result is expected.");
        else
            block.Refuse("type", $"Blocks of type '{type}' have no counterpart in chat completions, or not in a message of this role: take it out.");
    }
}
