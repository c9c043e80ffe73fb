using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Stoa.Market.Inference.Forms;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Responses;

/// <summary>A request of OpenAI's Responses API (<c>POST /v1/responses</c>), translated into one of chat completions.</summary>
/// <remarks>Nothing is kept of requests and answers here, so what would need that is refused: <c>store: true</c>, <c>previous_response_id</c>, <c>conversation</c>, <c>background</c>. So is what has no counterpart.</remarks>
public sealed class ResponsesRequest
{
    private const int MostMetadata = 16;

    // What answers repeat of the request, where it says it; and what they say where it does not.
    private static readonly (string Name, string Default)[] s_repeated =
    [
        ("instructions", "null"), ("max_output_tokens", "null"), ("metadata", "{}"), ("parallel_tool_calls", "true"), ("reasoning", """{"effort":null,"summary":null}"""), ("temperature", "null"),
        ("text", """{"format":{"type":"text"}}"""), ("tool_choice", "\"auto\""), ("tools", "[]"), ("top_p", "null"), ("user", "null"),
    ];

    private readonly List<(string Name, byte[] Json)> _repeated = new(s_repeated.Length);

    private ResponsesRequest()
    {
    }

    /// <summary>The request of chat completions: JSON.</summary>
    public ReadOnlyMemory<byte> Chat { get; private set; }

    /// <summary>Whether the answer comes as events.</summary>
    public bool IsStream { get; private set; }

    /// <summary>What requests with the same beginning have in common: they do well to go to the same server. Null when it is not said.</summary>
    public string? CacheKey { get; private set; }

    /// <summary>Members that the answer repeats, and their JSON.</summary>
    internal IReadOnlyList<(string Name, byte[] Json)> Repeated => _repeated;

    /// <summary>Translates a request.</summary>
    /// <param name="body">JSON.</param>
    /// <param name="takesImageUrls">Whether pictures may be named by addresses, which the model's server then fetches.</param>
    /// <param name="request">What came of it.</param>
    /// <param name="fault">What is wrong with it.</param>
    public static bool TryRead(ReadOnlyMemory<byte> body, bool takesImageUrls, [NotNullWhen(true)] out ResponsesRequest? request, [NotNullWhen(false)] out RequestFault? fault)
    {
        var made = new ResponsesRequest();
        fault = FormRequest.Translate(body, (members, json) => made.Translate(members, json, takesImageUrls), out var chat);
        made.Chat = chat;
        request = fault is null ? made : null;
        return fault is null;
    }

    private void Translate(FormObject members, Utf8JsonWriter json, bool takesImageUrls)
    {
        RefuseWhatIsKept(members);
        members.Only(
            "model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature", "top_p", "parallel_tool_calls", "tools", "tool_choice", "text", "reasoning", "metadata", "user",
            "safety_identifier", "store", "background", "include", "service_tier", "truncation", "top_logprobs", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention");
        if (members.IsRefused)
            return;
        members.Copy(json, "model", JsonValueKind.String);
        if (members.Count("max_output_tokens") is { } most)
            json.WriteNumber("max_tokens"u8, most);
        TranslateStream(members, json);
        members.Copy(json, "temperature", JsonValueKind.Number);
        members.Copy(json, "top_p", JsonValueKind.Number);
        if (members.Word("user", 512) is { } user)
            json.WriteString("user"u8, user);
        CacheKey = members.Word("prompt_cache_key", 512);
        CheckMetadata(members);
        ResponsesTools.Translate(members, json);
        TranslateText(members, json);
        TranslateReasoning(members, json);
        RefuseOptions(members);
        ResponsesConversation.Translate(members, json, takesImageUrls);
        foreach (var (name, otherwise) in s_repeated)
            _repeated.Add((name, members.TryGet(name, out var value) ? RawJson.Compact(RawJson.Of(value)) : System.Text.Encoding.UTF8.GetBytes(otherwise)));
    }

    private static void RefuseWhatIsKept(FormObject members)
    {
        const string Nothing = "Nothing is kept of requests and answers here:";
        if (members.Flag("store") is true)
            members.Refuse("store", $"{Nothing} leave it out, or say false.");
        if (members.Flag("background") is true)
            members.Refuse("background", $"{Nothing} wait for the answer, or take it as a stream.");
        if (members.TryGet("previous_response_id", out _))
            members.Refuse("previous_response_id", $"{Nothing} send all that came before as input.");
        if (members.TryGet("conversation", out _))
            members.Refuse("conversation", $"{Nothing} send all that came before as input.");
        if (members.TryGet("prompt", out _))
            members.Refuse("prompt", $"{Nothing} send the prompt as instructions and input.");
    }

    private void TranslateStream(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("stream_options") is { } options)
        {
            options.Only("include_obfuscation");
            if (options.Flag("include_obfuscation") is true)
                options.RefuseUnknown("include_obfuscation");
        }

        if (members.Flag("stream") is not true)
            return;
        IsStream = true;
        json.WriteStream();
    }

    // It is the asker's own, and goes back to him; no server gets it.
    private static void CheckMetadata(FormObject members)
    {
        if (!members.TryGet("metadata", out var metadata))
            return;
        if (metadata.ValueKind is not JsonValueKind.Object || metadata.EnumerateObject().Count() > MostMetadata
            || metadata.EnumerateObject().Any(member => member.Name.Length > 64 || member.Value.ValueKind is not JsonValueKind.String || member.Value.GetString()!.Length > 512))
        {
            members.Refuse("metadata", $"An object of at most {MostMetadata} texts is expected, with names of at most 64 characters and values of at most 512.");
        }
    }

    private static void TranslateText(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("text") is not { } text)
            return;
        text.Only("format", "verbosity");
        if (text.Word("verbosity") is { } verbosity)
            json.WriteString("verbosity"u8, verbosity);
        if (text.Object("format") is not { } format)
            return;
        switch (format.Word("type"))
        {
            case "text":
                format.Only("type");
                break;
            case "json_object":
                format.Only("type");
                json.WriteStartObject("response_format"u8);
                json.WriteString("type"u8, "json_object"u8);
                json.WriteEndObject();
                break;
            case "json_schema":
                format.Only("type", "name", "description", "schema", "strict");
                json.WriteStartObject("response_format"u8);
                json.WriteString("type"u8, "json_schema"u8);
                json.WriteStartObject("json_schema"u8);
                format.Copy(json, "name", JsonValueKind.String);
                format.Copy(json, "description", JsonValueKind.String);
                format.Copy(json, "schema", JsonValueKind.Object);
                format.Copy(json, "strict", JsonValueKind.True);
                json.WriteEndObject();
                json.WriteEndObject();
                if (!format.TryGet("schema", out _))
                    format.Refuse("schema", "It is missing: an object is expected.");
                break;
            default:
                format.Refuse("type", "text, json_object or json_schema is expected.");
                break;
        }
    }

    private static void TranslateReasoning(FormObject members, Utf8JsonWriter json)
    {
        if (members.Object("reasoning") is not { } reasoning)
            return;
        // What a model thinks is told as it thinks it: there is nobody who would sum it up.
        reasoning.Only("effort", "summary", "generate_summary");
        if (reasoning.Word("effort") is { } effort)
            json.WriteString("reasoning_effort"u8, effort);
    }

    private static void RefuseOptions(FormObject members)
    {
        if (members.Word("truncation") is not (null or "disabled"))
            members.Refuse("truncation", "Nothing is cut here: disabled is expected.");
        if (members.Word("service_tier") is not (null or "auto" or "default"))
            members.RefuseUnknown("service_tier");
        if (members.TryGet("top_logprobs", out var logprobs) && !(logprobs.ValueKind is JsonValueKind.Number && logprobs.TryGetInt32(out var most) && most == 0))
            members.RefuseUnknown("top_logprobs");
        foreach (var (value, path) in members.Items("include", FormRequest.MostTools))
        {
            // Programs that keep nothing at OpenAI's ask for what the model thinks under seal, to give it back; here it is open, and they can give that back.
            if (value.ValueKind is not JsonValueKind.String || !value.ValueEquals("reasoning.encrypted_content"))
                members.Faults.Add(path, "There is no such thing in answers here: leave it out.");
        }
    }
}
