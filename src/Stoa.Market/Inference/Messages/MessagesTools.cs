using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Messages;

/// <summary>Translates tools, and which of them are to be called.</summary>
internal static class MessagesTools
{
    public static void Translate(FormObject members, Utf8JsonWriter json)
    {
        var hasTools = json.WriteTools(members, TranslateTool);
        TranslateChoice(members, json, hasTools);
    }

    private static void TranslateTool(FormObject tool, Utf8JsonWriter json)
    {
        if (tool.Word("type") is { } type and not "custom")
        {
            tool.Refuse("type", $"'{type}' is a tool of Anthropic's own, and nobody has it here: describe a tool of yours, without a type.");
            return;
        }

        tool.Only("type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming", "defer_loading", "allowed_callers");
        if (tool.Flag("defer_loading") is true)
            tool.RefuseUnknown("defer_loading");
        tool.CheckCallers();
        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteName(tool);
        tool.Copy(json, "description", JsonValueKind.String);
        tool.Copy(json, "input_schema", JsonValueKind.Object, "parameters");
        if (!tool.TryGet("input_schema", out _))
            tool.Refuse("input_schema", "It is missing: a JSON schema is expected.");
        tool.Copy(json, "strict", JsonValueKind.True);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void TranslateChoice(FormObject members, Utf8JsonWriter json, bool hasTools)
    {
        if (members.Object("tool_choice") is not { } choice)
            return;
        choice.Only("type", "name", "disable_parallel_tool_use");
        if (choice.Flag("disable_parallel_tool_use") is { } isDisabled && hasTools)
            json.WriteBoolean("parallel_tool_calls"u8, !isDisabled);
        switch (choice.Word("type"))
        {
            // Without tools there is nothing to choose, and some servers take no word of it.
            case "auto" or "none" when !hasTools:
                break;
            case "auto":
                json.WriteString("tool_choice"u8, "auto"u8);
                break;
            case "any":
                json.WriteString("tool_choice"u8, "required"u8);
                break;
            case "none":
                json.WriteString("tool_choice"u8, "none"u8);
                break;
            case "tool":
                json.WriteChosenTool(choice);
                break;
            default:
                choice.Refuse("type", "auto, any, tool or none is expected.");
                break;
        }
    }
}
