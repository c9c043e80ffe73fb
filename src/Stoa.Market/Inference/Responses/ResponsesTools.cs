using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Responses;

/// <summary>Translates tools, and which of them are to be called.</summary>
internal static class ResponsesTools
{
    public static void Translate(FormObject members, Utf8JsonWriter json)
    {
        var hasTools = json.WriteTools(members, TranslateTool);
        if (members.Flag("parallel_tool_calls") is { } isParallel && hasTools)
            json.WriteBoolean("parallel_tool_calls"u8, isParallel);
        TranslateChoice(members, json, hasTools);
    }

    private static void TranslateTool(FormObject tool, Utf8JsonWriter json)
    {
        if (tool.Word("type") is var type and not "function")
        {
            tool.Refuse("type", $"'{type}' is a tool of OpenAI's own, or none that chat completions know: only tools of type function are taken here.");
            return;
        }

        tool.Only("type", "name", "description", "parameters", "strict", "async", "defer_loading", "allowed_callers");
        if (tool.Flag("async") is true)
            tool.RefuseUnknown("async");
        if (tool.Flag("defer_loading") is true)
            tool.RefuseUnknown("defer_loading");
        tool.CheckCallers();
        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteName(tool);
        tool.Copy(json, "description", JsonValueKind.String);
        tool.Copy(json, "parameters", JsonValueKind.Object);
        tool.Copy(json, "strict", JsonValueKind.True);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void TranslateChoice(FormObject members, Utf8JsonWriter json, bool hasTools)
    {
        if (!members.TryGet("tool_choice", out var given))
            return;
        if (given.ValueKind is JsonValueKind.String)
        {
            var word = members.Word("tool_choice");
            if (word is not ("auto" or "none" or "required"))
                members.Refuse("tool_choice", "auto, none, required or a function is expected.");
            // Without tools there is nothing to choose, and some servers take no word of it.
            else if (hasTools || word is "required")
                json.WriteString("tool_choice"u8, word);
            return;
        }

        var choice = members.Object("tool_choice")!.Value;
        choice.Only("type", "name");
        if (choice.Word("type") is not "function")
            choice.Refuse("type", "Only tools of type function can be chosen here.");
        json.WriteChosenTool(choice);
    }
}
