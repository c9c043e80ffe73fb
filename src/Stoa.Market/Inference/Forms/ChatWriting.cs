using System.Text.Json;

namespace Stoa.Market.Inference.Forms;

/// <summary>Writes the parts of a request of chat completions that other forms have as well, if by other names.</summary>
internal static class ChatWriting
{
    /// <summary>That the answer is a stream, at whose end stands what was used.</summary>
    public static void WriteStream(this Utf8JsonWriter json)
    {
        json.WriteBoolean("stream"u8, true);
        json.WriteStartObject("stream_options"u8);
        json.WriteBoolean("include_usage"u8, true);
        json.WriteEndObject();
    }

    /// <summary>The tools of a request.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="members">Of the request.</param>
    /// <param name="write">Writes one.</param>
    /// <returns>Whether there are any.</returns>
    public static bool WriteTools(this Utf8JsonWriter json, FormObject members, Action<FormObject, Utf8JsonWriter> write)
    {
        var hasTools = false;
        foreach (var tool in members.Objects("tools", FormRequest.MostTools))
        {
            if (!hasTools)
                json.WriteStartArray("tools"u8);
            hasTools = true;
            write(tool, json);
        }

        if (hasTools)
            json.WriteEndArray();
        return hasTools;
    }

    /// <summary>Refuses a tool that others than the model are to call.</summary>
    public static void CheckCallers(this FormObject tool)
    {
        foreach (var (caller, path) in tool.Items("allowed_callers", FormRequest.MostTools))
        {
            if (caller.ValueKind is not JsonValueKind.String || !caller.ValueEquals("direct"))
                tool.Faults.Add(path, "Only the model itself calls tools here: direct is expected.");
        }
    }

    /// <summary>The name of a tool, which has to have one.</summary>
    public static void WriteName(this Utf8JsonWriter json, FormObject tool)
    {
        if (!tool.MustText("name", out var name))
            return;
        json.WritePropertyName("name"u8);
        json.WriteRaw(name);
    }

    /// <summary>That one tool is to be called, which is named.</summary>
    public static void WriteChosenTool(this Utf8JsonWriter json, FormObject choice)
    {
        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteName(choice);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>What the model said in one turn: texts, thoughts and calls, of which there is at least one.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="texts">JSON strings.</param>
    /// <param name="thoughts">JSON strings.</param>
    /// <param name="calls">Of tools.</param>
    /// <param name="write">Writes one of them.</param>
    public static void WriteAssistant(this Utf8JsonWriter json, List<JsonElement> texts, List<JsonElement> thoughts, List<FormObject> calls, Action<FormObject, Utf8JsonWriter> write)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, "assistant"u8);
        json.WritePropertyName("content"u8);
        if (texts.Count > 0)
            json.WriteJoined(texts);
        else
            json.WriteNullValue();
        if (thoughts.Count > 0)
        {
            json.WritePropertyName("reasoning_content"u8);
            json.WriteJoined(thoughts);
        }

        if (calls.Count > 0)
        {
            json.WriteStartArray("tool_calls"u8);
            foreach (var call in calls)
                write(call, json);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
