using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Llama.Engine;
using Stoa.Llama.Grammars;

namespace Stoa.Llama.Serving;

/// <summary>A request for answers, as it was read.</summary>
/// <param name="Requests">One for each prompt.</param>
/// <param name="Choices">Of all of them.</param>
/// <param name="IsStream">Whether events are wanted.</param>
/// <param name="WantsUsage">Whether the last of them says what was used.</param>
internal sealed record AnswerOrder(IReadOnlyList<GenerationRequest> Requests, int Choices, bool IsStream, bool WantsUsage);

/// <summary>A request for embeddings, as it was read.</summary>
/// <param name="Inputs">Tokens.</param>
/// <param name="AsBytes">Whether the numbers are wanted as base64 of their bytes.</param>
internal sealed record EmbeddingOrder(IReadOnlyList<int[]> Inputs, bool AsBytes);

/// <summary>Reads requests of OpenAI's API. What would change an answer and cannot be done is refused; what says nothing of it, such as <c>user</c>, is passed over.</summary>
/// <param name="model">Makes tokens.</param>
/// <param name="engine">Whose limits hold.</param>
/// <param name="name">What the model is called.</param>
internal sealed class RequestReading(LlamaModel model, LlamaEngine engine, string name)
{
    private const int MostStops = 16;
    private const int LongestStop = 256;
    private const int MostPrompts = 2_048;
    private const int MostTurns = 4_096;

    /// <summary>No token of any vocabulary stands for so many characters on average: what is longer need not be made into tokens to be too long.</summary>
    private const int CharactersOfAToken = 256;

    /// <summary>Reads <c>/v1/chat/completions</c>.</summary>
    public AnswerOrder ReadChat(JsonElement body)
    {
        CheckModel(body);
        foreach (var member in (string[])["tools", "functions"])
        {
            if (Find(body, member) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0)
                throw ApiFaultException.Invalid(member, "This server calls no tools. Ask for an answer by response_format, and call them yourself.");
        }

        if (Find(body, "logprobs") is { ValueKind: JsonValueKind.True })
            throw ApiFaultException.Invalid("logprobs", "Probabilities of tokens are not told here.");
        var turns = ReadTurns(body);
        if (!model.TryWriteTurns(turns, out var prompt))
            throw ApiFaultException.Invalid("messages", "It is not known how this model wants turns of a conversation to be written. Ask /v1/completions, or have the operator name one of llama.cpp's chat templates (--chat-template).");
        return ReadOrder(body, [Tokenize(prompt, "messages")], Find(body, "max_completion_tokens") is null ? "max_tokens" : "max_completion_tokens");
    }

    /// <summary>Reads <c>/v1/completions</c>.</summary>
    public AnswerOrder ReadCompletion(JsonElement body)
    {
        CheckModel(body);
        if (Find(body, "echo") is { ValueKind: JsonValueKind.True })
            throw ApiFaultException.Invalid("echo", "The prompt is not repeated here.");
        if (Find(body, "suffix") is { ValueKind: JsonValueKind.String } suffix && suffix.GetString()!.Length > 0)
            throw ApiFaultException.Invalid("suffix", "Nothing is put in between here; leave it out.");
        if (Find(body, "logprobs") is not null)
            throw ApiFaultException.Invalid("logprobs", "Probabilities of tokens are not told here.");
        if (Find(body, "best_of") is { } best && !(best.TryGetInt32(out var of) && of == (Whole(body, "n", 1, EngineOptions.MostSlots) ?? 1)))
            throw ApiFaultException.Invalid("best_of", "It is the same as n here.");
        return ReadOrder(body, ReadPrompts(body, "prompt", parsesSpecial: true), "max_tokens");
    }

    /// <summary>Reads <c>/v1/embeddings</c>.</summary>
    public EmbeddingOrder ReadEmbedding(JsonElement body)
    {
        CheckModel(body);
        if (Whole(body, "dimensions", 1, int.MaxValue) is { } dimensions && dimensions != model.EmbeddingLength)
            throw ApiFaultException.Invalid("dimensions", $"Embeddings of this model have {model.EmbeddingLength} dimensions.");
        var format = Find(body, "encoding_format") is { } given ? Text(given, "encoding_format") : "float";
        if (format is not ("float" or "base64"))
            throw ApiFaultException.Invalid("encoding_format", "float or base64 is expected.");
        return new EmbeddingOrder(ReadPrompts(body, "input", parsesSpecial: false), format == "base64");
    }

    private AnswerOrder ReadOrder(JsonElement body, IReadOnlyList<int[]> prompts, string maxTokensName)
    {
        var choices = Whole(body, "n", 1, EngineOptions.MostSlots) ?? 1;
        var maxTokens = Whole(body, maxTokensName, 1, int.MaxValue) ?? engine.ContextLength;
        var stops = ReadStops(body);
        var sampling = ReadSampling(body);
        var requests = prompts.Select((prompt, at) => new GenerationRequest(prompt, choices, at * choices, maxTokens, stops, sampling)).ToList();
        var wantsUsage = Find(body, "stream_options") is { ValueKind: JsonValueKind.Object } stream && Find(stream, "include_usage") is { ValueKind: JsonValueKind.True };
        return new AnswerOrder(requests, choices * requests.Count, Find(body, "stream") is { ValueKind: JsonValueKind.True }, wantsUsage);
    }

    private SamplingOptions ReadSampling(JsonElement body)
    {
        var defaults = new SamplingOptions();
        return new SamplingOptions
        {
            Temperature = Number(body, "temperature", 0, 2) ?? defaults.Temperature,
            TopP = Number(body, "top_p", 0, 1) ?? defaults.TopP,
            TopK = Whole(body, "top_k", 0, int.MaxValue) ?? defaults.TopK,
            MinP = Number(body, "min_p", 0, 1) ?? defaults.MinP,
            FrequencyPenalty = Number(body, "frequency_penalty", -2, 2) ?? 0,
            PresencePenalty = Number(body, "presence_penalty", -2, 2) ?? 0,
            // Of as many numbers as clients send; only whether two are the same matters.
            Seed = Find(body, "seed") is { } seed
                ? seed.ValueKind is JsonValueKind.Number && seed.TryGetInt64(out var number) ? unchecked((uint)(number ^ (number >> 32))) : throw ApiFaultException.Invalid("seed", "A whole number is expected.")
                : BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint))),
            Biases = ReadBiases(body),
            Grammar = ReadGrammar(body),
        };
    }

    private IReadOnlyList<(int Token, float Bias)> ReadBiases(JsonElement body)
    {
        if (Find(body, "logit_bias") is not { } biases)
            return [];
        if (biases.ValueKind is not JsonValueKind.Object || biases.EnumerateObject().Count() > SamplingOptions.MostBiases)
            throw ApiFaultException.Invalid("logit_bias", $"An object of at most {SamplingOptions.MostBiases:N0} members is expected.");
        return
        [
            .. biases.EnumerateObject().Select(bias =>
                int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var token) && model.IsToken(token)
                && bias.Value.ValueKind is JsonValueKind.Number && bias.Value.TryGetSingle(out var value) && value is >= -100 and <= 100
                    // The least there is rules a token out.
                    ? (token, value <= -100 ? float.NegativeInfinity : value)
                    : throw ApiFaultException.Invalid("logit_bias", $"Numbers of tokens from 0 to {model.VocabularySize - 1} are expected, with values from -100 to 100.")),
        ];
    }

    private static string? ReadGrammar(JsonElement body)
    {
        const string parameter = "response_format";
        if (Find(body, parameter) is not { } format)
            return null;
        var type = format.ValueKind is JsonValueKind.Object && Find(format, "type") is { } word ? Text(word, parameter) : "";
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return JsonRules.AnyObject;
            case "json_schema":
                if (Find(format, "json_schema") is not { ValueKind: JsonValueKind.Object } named || Find(named, "schema") is not { } schema)
                    throw ApiFaultException.Invalid(parameter, "json_schema is an object with a member schema.");
                try
                {
                    return SchemaGrammar.Of(schema);
                }
                catch (SchemaFaultException fault)
                {
                    throw ApiFaultException.Invalid(parameter, fault.Message);
                }

            default:
                throw ApiFaultException.Invalid(parameter, "Its type is text, json_object or json_schema.");
        }
    }

    private static List<string> ReadStops(JsonElement body)
    {
        const string parameter = "stop";
        if (Find(body, parameter) is not { } stop)
            return [];
        List<string> stops = stop.ValueKind is JsonValueKind.Array ? [.. stop.EnumerateArray().Take(MostStops + 1).Select(one => Text(one, parameter))] : [Text(stop, parameter)];
        return stops.Count <= MostStops && stops.All(one => one.Length is > 0 and <= LongestStop)
            ? stops
            : throw ApiFaultException.Invalid(parameter, $"A text of 1 to {LongestStop} characters is expected, or up to {MostStops} of them.");
    }

    private static List<(string Role, string Content)> ReadTurns(JsonElement body)
    {
        const string parameter = "messages";
        if (Find(body, parameter) is not { ValueKind: JsonValueKind.Array } messages || messages.GetArrayLength() is 0 or > MostTurns)
            throw ApiFaultException.Invalid(parameter, $"A list of 1 to {MostTurns} messages is expected.");
        return
        [
            .. messages.EnumerateArray().Select(message =>
            {
                if (message.ValueKind is not JsonValueKind.Object || Find(message, "role") is not { } role)
                    throw ApiFaultException.Invalid(parameter, "A message has a role and a content.");
                var word = Text(role, parameter);
                if (word is not ("system" or "developer" or "user" or "assistant"))
                    throw ApiFaultException.Invalid(parameter, "A role is system, developer, user or assistant.");
                // Templates know the older name of it.
                return (word == "developer" ? "system" : word, ReadContent(Find(message, "content")));
            }),
        ];
    }

    private static string ReadContent(JsonElement? content)
    {
        const string parameter = "messages";
        switch (content?.ValueKind)
        {
            case null:
                return "";
            case JsonValueKind.String:
                return Text(content.Value, parameter);
            case JsonValueKind.Array:
                var all = new StringBuilder();
                foreach (var part in content.Value.EnumerateArray())
                {
                    if (part.ValueKind is not JsonValueKind.Object || Find(part, "type") is not { } type || Text(type, parameter) != "text" || Find(part, "text") is not { } text)
                        throw ApiFaultException.Invalid(parameter, "Content is a text, or parts of the type text: this server neither sees nor hears.");
                    all.Append(Text(text, parameter));
                }

                return all.ToString();
            default:
                throw ApiFaultException.Invalid(parameter, "Content is a text, or a list of parts.");
        }
    }

    private List<int[]> ReadPrompts(JsonElement body, string parameter, bool parsesSpecial)
    {
        List<int[]> prompts = Find(body, parameter) switch
        {
            { ValueKind: JsonValueKind.String } text => [Tokenize(Text(text, parameter), parameter, parsesSpecial)],
            { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 && list.EnumerateArray().All(one => one.ValueKind is JsonValueKind.Number) => [ReadTokens(list, parameter)],
            { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() is > 0 and <= MostPrompts =>
                [.. list.EnumerateArray().Select(one => one.ValueKind is JsonValueKind.Array ? ReadTokens(one, parameter) : Tokenize(Text(one, parameter), parameter, parsesSpecial))],
            _ => throw ApiFaultException.Invalid(parameter, $"A text is expected, or tokens, or a list of 1 to {MostPrompts:N0} of one of them."),
        };
        return prompts.All(prompt => prompt.Length > 0) ? prompts : throw ApiFaultException.Invalid(parameter, "It is empty.");
    }

    private int[] ReadTokens(JsonElement list, string parameter) =>
    [
        .. list.EnumerateArray().Select(one => one.ValueKind is JsonValueKind.Number && one.TryGetInt32(out var token) && model.IsToken(token)
            ? token
            : throw ApiFaultException.Invalid(parameter, $"Tokens are from 0 to {model.VocabularySize - 1}.")),
    ];

    private int[] Tokenize(string text, string parameter, bool parsesSpecial = true)
    {
        if (text.Length > LlamaModel.MostCharacters || text.Length > (long)engine.ContextLength * CharactersOfAToken)
            throw new ApiFaultException(400, "context_length_exceeded", parameter, $"The context has {engine.ContextLength} tokens; the text has {text.Length} characters. Shorten it.");
        return model.Tokenize(text, addsSpecial: true, parsesSpecial);
    }

    private void CheckModel(JsonElement body)
    {
        if (body.ValueKind is not JsonValueKind.Object)
            throw new ApiFaultException(400, "invalid_request", null, "A JSON object is expected.");
        if (Find(body, "model") is { } asked && Text(asked, "model") != name)
            throw new ApiFaultException(404, "model_not_found", "model", $"The only model here is '{name}'.");
    }

    /// <summary>A member that is there and not null.</summary>
    private static JsonElement? Find(JsonElement body, string member) =>
        body.TryGetProperty(member, out var value) && value.ValueKind is not JsonValueKind.Null ? value : null;

    private static string Text(JsonElement value, string parameter)
    {
        if (value.ValueKind is not JsonValueKind.String)
            throw ApiFaultException.Invalid(parameter, "A text is expected.");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiFaultException.Invalid(parameter, "It has half a pair of surrogates, which is no text.");
        }
    }

    private static int? Whole(JsonElement body, string member, int least, int most)
    {
        if (Find(body, member) is not { } value)
            return null;
        return value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) && number >= least && number <= most
            ? (int)number
            : throw ApiFaultException.Invalid(member, $"A whole number from {least} to {most} is expected.");
    }

    private static float? Number(JsonElement body, string member, float least, float most)
    {
        if (Find(body, member) is not { } value)
            return null;
        return value.ValueKind is JsonValueKind.Number && value.TryGetSingle(out var number) && number >= least && number <= most
            ? number
            : throw ApiFaultException.Invalid(member, string.Create(CultureInfo.InvariantCulture, $"A number from {least} to {most} is expected."));
    }
}
