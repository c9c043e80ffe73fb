using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Messages;

/// <summary>A request of Anthropic's Messages API (<c>POST /v1/messages</c>), translated into one of chat completions.</summary>
/// <remarks>What has no counterpart there is refused by its name. Left out is what changes no answer: marks for caches, and at which of Anthropic's own speeds it is served.</remarks>
public sealed class MessagesRequest
{
    private const int MostStops = 64;

    private List<string> _stopSequences = [];

    private MessagesRequest()
    {
    }

    /// <summary>The request of chat completions: JSON.</summary>
    public ReadOnlyMemory<byte> Chat { get; private set; }

    /// <summary>Whether the answer comes as events.</summary>
    public bool IsStream { get; private set; }

    /// <summary>Whether what the model thinks is to be shown.</summary>
    public bool ShowsThinking { get; private set; }

    /// <summary>Texts at which the model is to stop.</summary>
    public IReadOnlyList<string> StopSequences => _stopSequences;

    /// <summary>Translates a request.</summary>
    /// <param name="body">JSON.</param>
    /// <param name="takesImageUrls">Whether pictures may be named by addresses, which the model's server then fetches.</param>
    /// <param name="request">What came of it.</param>
    /// <param name="fault">What is wrong with it.</param>
    public static bool TryRead(ReadOnlyMemory<byte> body, bool takesImageUrls, [NotNullWhen(true)] out MessagesRequest? request, [NotNullWhen(false)] out RequestFault? fault)
    {
        var made = new MessagesRequest();
        fault = FormRequest.Translate(body, (members, json) => made.Translate(members, json, takesImageUrls), out var chat);
        made.Chat = chat;
        request = fault is null ? made : null;
        return fault is null;
    }

    private void Translate(FormObject members, Utf8JsonWriter json, bool takesImageUrls)
    {
        members.Only(
            "model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "tools", "tool_choice", "thinking", "output_config",
            "cache_control", "service_tier", "speed", "context_management");
        if (members.IsRefused)
            return;
        members.Copy(json, "model", JsonValueKind.String);
        if (members.Count("max_tokens") is { } most)
            json.WriteNumber("max_tokens"u8, most);
        else
            members.Refuse("max_tokens", "It is missing: say how many tokens the answer may have at most.");
        if (members.Flag("stream") is true)
        {
            IsStream = true;
            json.WriteStream();
        }

        members.Copy(json, "temperature", JsonValueKind.Number);
        members.Copy(json, "top_p", JsonValueKind.Number);
        members.Copy(json, "top_k", JsonValueKind.Number);
        TranslateStops(members, json);
        TranslateMetadata(members, json);
        MessagesTools.Translate(members, json);
        TranslateThinking(members, json);
        TranslateOutput(members, json);
        RefuseTiers(members);
        RefuseEdits(members);
        MessagesConversation.Translate(members, json, takesImageUrls);
    }

    private void TranslateStops(FormObject members, Utf8JsonWriter json)
    {
        foreach (var (value, path) in members.Items("stop_sequences", MostStops))
        {
            if (value.ValueKind is not JsonValueKind.String || value.GetString() is not { Length: > 0 and <= 256 } stop)
            {
                members.Faults.Add(path, "A text of 1 to 256 characters is expected.");
                return;
            }

            _stopSequences.Add(stop);
        }

        if (_stopSequences.Count == 0)
            return;
        json.WriteStartArray("stop"u8);
        foreach (var stop in _stopSequences)
            json.WriteStringValue(stop);
        json.WriteEndArray();
    }

    private static void TranslateMetadata(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("metadata") is not { } metadata)
            return;
        metadata.Only("user_id");
        if (metadata.Word("user_id", 512) is { } user)
            json.WriteString("user"u8, user);
    }

    private void TranslateThinking(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("thinking") is not { } thinking)
            return;
        thinking.Only("type", "budget_tokens", "display");
        var isShown = thinking.Word("display") switch
        {
            null or "summarized" => true,
            "omitted" => false,
            _ => Refuse(thinking, "display", "summarized or omitted is expected."),
        };
        switch (thinking.Word("type"))
        {
            case "enabled":
                if (thinking.Count("budget_tokens") is { } budget)
                    json.WriteNumber("thinking_budget_tokens"u8, budget);
                else
                    thinking.Refuse("budget_tokens", "It is missing: a whole number is expected.");
                ShowsThinking = isShown;
                break;
            case "adaptive":
                ShowsThinking = isShown;
                break;
            case "disabled":
                break;
            default:
                thinking.Refuse("type", "enabled, adaptive or disabled is expected.");
                break;
        }
    }

    private static void TranslateOutput(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("output_config") is not { } output)
            return;
        output.Only("effort", "format");
        var effort = output.Word("effort");
        if (effort is "low" or "medium" or "high" or "xhigh" or "max")
            json.WriteString("reasoning_effort"u8, effort);
        else if (effort is not null)
            output.Refuse("effort", "low, medium, high, xhigh or max is expected.");
        if (output.Object("format") is not { } format)
            return;
        format.Only("type", "schema");
        if (format.Word("type") is not "json_schema")
            format.Refuse("type", "json_schema is expected.");
        json.WriteStartObject("response_format"u8);
        json.WriteString("type"u8, "json_schema"u8);
        json.WriteStartObject("json_schema"u8);
        json.WriteString("name"u8, "answer"u8);
        json.WriteBoolean("strict"u8, true);
        format.Copy(json, "schema", JsonValueKind.Object);
        if (!format.TryGet("schema", out _))
            format.Refuse("schema", "It is missing: an object is expected.");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void RefuseTiers(FormObject members)
    {
        if (members.Word("service_tier") is not (null or "auto" or "standard_only"))
            members.RefuseUnknown("service_tier");
        if (members.Word("speed") is not (null or "standard"))
            members.RefuseUnknown("speed");
    }

    /// <summary>Nothing is cleared here of what came before: what would have that is refused, and what would have all of it kept is done already.</summary>
    private static void RefuseEdits(FormObject members)
    {
        if (members.Object("context_management") is not { } management)
            return;
        management.Only("edits");
        foreach (var edit in management.Objects("edits", FormRequest.MostTools))
        {
            edit.Only("type", "keep");
            if (edit.Word("type") is not "clear_thinking_20251015" || edit.Word("keep") is not "all")
                edit.RefuseUnknown("type");
        }
    }

    private static bool Refuse(FormObject members, string name, string reason)
    {
        members.Refuse(name, reason);
        return false;
    }
}
