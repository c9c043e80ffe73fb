using System.Globalization;
using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Inference;

/// <summary>What a server of vectors does in tests: a vector has the number that its text ends with, so everybody sees whether it is the own one.</summary>
internal sealed class EmbeddingServer
{
    private const int TokensOfText = 3;

    private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is done with some requests instead; answers whether anything was.</summary>
    public Func<ModelCall, IReadOnlyList<string>, Task<bool>> Instead { get; set; } = (_, _) => Task.FromResult(false);

    /// <summary>Answers those that are held.</summary>
    public void GoOn() => _goOn.TrySetResult();

    /// <summary>Answers; a text that begins with <c>hold</c> only when it is told so.</summary>
    public async Task AnswerAsync(ModelCall call)
    {
        var texts = TextsOf(call.Request);
        if (texts[0].StartsWith("hold", StringComparison.Ordinal))
            await _goOn.Task;
        if (await Instead(call, texts))
            return;
        var data = string.Join(',', texts.Select((text, index) => $$"""{"object":"embedding","index":{{index.ToString(CultureInfo.InvariantCulture)}},"embedding":[{{text.Split(' ')[^1]}},0.5]}"""));
        await call.RawAsync(ModelCall.Whole(200, $$"""{"object":"list","data":[{{data}}],"model":"tiny","usage":{"prompt_tokens":{{texts.Count * TokensOfText}},"total_tokens":{{texts.Count * TokensOfText}} } }"""));
    }

    /// <summary>What a request asks.</summary>
    public static IReadOnlyList<string> TextsOf(JsonNode request) =>
        request["input"] is JsonArray several ? [.. several.Select(one => one!.GetValue<string>())] : [request["input"]!.GetValue<string>()];

    /// <summary>How many inputs the requests had that came to a server, in order.</summary>
    public static string SizesOf(ModelServer server) => string.Join(' ', server.Requests.Select(request => TextsOf(request).Count));
}
