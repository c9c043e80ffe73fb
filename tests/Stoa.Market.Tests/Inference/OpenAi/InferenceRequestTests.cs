using System.Text;
using System.Text.Json;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Tests.Inference.OpenAi;

public sealed class InferenceRequestTests
{
    private const string Messages = """ "messages":[{"role":"user","content":"Hello"}] """;

    [Theory]
    [InlineData("""{"type":"image_url","image_url":{"url":"http://10.0.0.1/a.png"}}""", true)]
    [InlineData("""{"type":"image_url","image_url":"https://example.com/a.png"}""", true)]
    [InlineData("""{"type":"video_url","video_url":{"\u0075rl":"file:///etc/passwd"}}""", true)]
    [InlineData("""{"type":"image_url","IMAGE_URL":{"URL":"HTTP://10.0.0.1/"}}""", true)]
    [InlineData("""{"type":"image_url","image_url":{"detail":"low","url":"\u0064ata:image/png;base64,AA"}}""", true)]
    [InlineData("""{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"http"}}""", false)]
    [InlineData("""{"type":"text","text":"See http://10.0.0.1/ and url"}""", false)]
    [InlineData("""{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}""", false)]
    public void Picture_NamedByItsAddress_IsSeen(string part, bool isSeen)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"model":"m","messages":[{"role":"user","content":[{{part}}]}]}""");

        InferenceRequest.TryRead(InferenceKind.Chat, body, out var request, out _).ShouldBeTrue();
        request!.NamesAddresses.ShouldBe(isSeen);
    }

    [Fact]
    public void Request_IsReadAsFarAsItMatters()
    {
        var request = Read($$"""{"temperature":0.5,"model":"acme/llama@^1.0.0",{{Messages}},"stream":true,"stream_options":{"include_usage":true},"max_tokens":7,"n":2,"tools":[{"type":"function"}]}""");

        request.Model.ShouldBe("acme/llama@^1.0.0");
        request.IsStream.ShouldBeTrue();
        request.WantsUsage.ShouldBeTrue();
        request.MaxTokens.ShouldBe(7);
        request.Choices.ShouldBe(2);
        Encoding.UTF8.GetString(request.Prompt.Span).ShouldBe("""[{"role":"user","content":"Hello"}]""");
        // user 1, Hello 2; type 1 + 2, function 2.
        request.InputTokens.ShouldBe(8);
    }

    [Theory]
    [InlineData(InferenceKind.Completion, """{"model":"m","prompt":"Once upon"}""", 2)]
    [InlineData(InferenceKind.Completion, """{"model":"m","prompt":[[1,2,3],[4]]}""", 4)]
    [InlineData(InferenceKind.Completion, """{"model":"m","prompt":[1,2,3]}""", 3)]
    [InlineData(InferenceKind.Embedding, """{"model":"m","input":["one","two","three"]}""", 4)]
    [InlineData(InferenceKind.Chat, """{"model":"m","messages":[]}""", 0)]
    public void Input_IsCounted(InferenceKind kind, string body, long tokens) => Read(body, kind).InputTokens.ShouldBe(tokens);

    [Fact]
    public void Picture_InAMessage_IsNotCountedByItsBytes()
    {
        var request = Read("""{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,DATA"}}]}]}""".Replace("DATA", new string('A', 100_000), StringComparison.Ordinal));

        request.InputTokens.ShouldBeInRange(1_024, 1_040);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("[]", null)]
    [InlineData("{", null)]
    [InlineData("""{"model":"m","messages":[]} x""", null)]
    [InlineData("""{"messages":[]}""", "model")]
    [InlineData("""{"model":"m"}""", "messages")]
    [InlineData("""{"model":1,"messages":[]}""", "model")]
    [InlineData("""{"model":"a","model":"b","messages":[]}""", "model")]
    [InlineData("""{"model":"a","mod\u0065l":"b","messages":[]}""", "model")]
    [InlineData("""{"model":"m","messages":[],"messages":[]}""", "messages")]
    [InlineData("""{"model":"m","messages":{}}""", "messages")]
    [InlineData("""{"model":"m","messages":[],"stream":"yes"}""", "stream")]
    [InlineData("""{"model":"m","messages":[],"stream":true,"stream":false}""", "stream")]
    [InlineData("""{"model":"m","messages":[],"stream_options":1}""", "stream_options")]
    [InlineData("""{"model":"m","messages":[],"max_tokens":0}""", "max_tokens")]
    [InlineData("""{"model":"m","messages":[],"max_tokens":1.5}""", "max_tokens")]
    [InlineData("""{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":6}""", "max_completion_tokens")]
    [InlineData("""{"model":"m","messages":[],"n":129}""", "n")]
    [InlineData("""{"model":"m","messages":[],"n":1,"n":2}""", "n")]
    [InlineData("""{"model":"\ud800","messages":[]}""", null)]
    [InlineData("""{"model":"m","messages":[],"n_predict":9}""", "n_predict")]
    [InlineData("""{"model":"m","messages":[],"Max_Tokens":9}""", "Max_Tokens")]
    [InlineData("""{"model":"m","messages":[],"\u017ftream":true}""", "\u017ftream")]
    public void Request_ThatIsWrong_IsRefusedByItsMember(string body, string? parameter)
    {
        InferenceRequest.TryRead(InferenceKind.Chat, Encoding.UTF8.GetBytes(body), out _, out var fault).ShouldBeFalse();

        fault.Parameter.ShouldBe(parameter);
        fault.Reason.ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData("""{"model":"m","prompt":"a","n":3}""", 3)]
    [InlineData("""{"model":"m","prompt":["a","b"],"n":3}""", 6)]
    [InlineData("""{"model":"m","prompt":[[1,2],[3]]}""", 2)]
    [InlineData("""{"model":"m","prompt":[1,2,3],"best_of":2}""", 2)]
    public void Choices_AreThoseOfAllPrompts(string body, long choices) => Read(body, InferenceKind.Completion).Choices.ShouldBe(choices);

    [Fact]
    public void Vectors_AreNotStreamed() =>
        InferenceRequest.TryRead(InferenceKind.Embedding, """{"model":"m","input":"x","stream":true}"""u8.ToArray(), out _, out _).ShouldBeFalse();

    [Fact]
    public void Request_ThatIsDeep_IsRefused() =>
        InferenceRequest.TryRead(InferenceKind.Chat, Encoding.UTF8.GetBytes($$"""{"model":"m","messages":{{new string('[', 100)}}{{new string(']', 100)}}}"""), out _, out _).ShouldBeFalse();

    [Theory]
    [InlineData("""{"model":"m","messages":[1]}""", """{"model":"up \u0022stream\u0022","messages":[1],"max_tokens":99}""")]
    [InlineData("""{"max_tokens":5,"messages":[1],"model":"m"}""", """{"max_tokens":5,"messages":[1],"model":"up \u0022stream\u0022"}""")]
    [InlineData("""{"max_tokens":null,"messages":[1],"model":"m"}""", """{"max_tokens":99,"messages":[1],"model":"up \u0022stream\u0022"}""")]
    [InlineData("""{"model":"m","messages":[1],"max_completion_tokens":7}""", """{"model":"up \u0022stream\u0022","messages":[1],"max_completion_tokens":7,"max_tokens":99}""")]
    [InlineData("""{"model":"m","messages":[1],"stream":true}""", """{"model":"up \u0022stream\u0022","messages":[1],"stream":true,"max_tokens":99,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"model":"m","messages":[1],"stream":true,"stream_options":null}""", """{"model":"up \u0022stream\u0022","messages":[1],"stream":true,"max_tokens":99,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"stream_options":{"include_usage":false},"model":"m","messages":[1],"stream":true}""", """{"model":"up \u0022stream\u0022","messages":[1],"stream":true,"max_tokens":99,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true,"more":1}}""", """{"model":"up \u0022stream\u0022","messages":[1],"stream":true,"max_tokens":99,"stream_options":{"include_usage":true,"more":1}}""")]
    public void Backend_GetsItsOwnNameOfTheModel_AndWhatTheGatewayNeeds(string body, string expected)
    {
        var rewritten = Read(body).Rewrite("up \"stream\"", 99);

        using var json = JsonDocument.Parse(rewritten);
        json.RootElement.EnumerateObject().Select(member => member.Name).Distinct().Count().ShouldBe(json.RootElement.EnumerateObject().Count());
        JsonElement.DeepEquals(json.RootElement, JsonDocument.Parse(expected).RootElement).ShouldBeTrue(Encoding.UTF8.GetString(rewritten));
    }

    [Fact]
    public void Embedding_HasNoTokensToWrite() =>
        Encoding.UTF8.GetString(Read("""{"model":"m","input":"x"}""", InferenceKind.Embedding).Rewrite("e", 99)).ShouldBe("""{"model":"e","input":"x"}""");

    private static InferenceRequest Read(string body, InferenceKind kind = InferenceKind.Chat)
    {
        InferenceRequest.TryRead(kind, Encoding.UTF8.GetBytes(body), out var request, out var fault).ShouldBeTrue(fault?.Reason);
        return request!;
    }

    [Theory]
    [InlineData("""{"user":"ada","model":"m","messages":[]}""", """{"max_tokens":5,"user":null,"model":"t","messages":[]}""")]
    [InlineData("""{"model":"m","messages":[],"metadata":{"a":["b"]},"safety_identifier":"x","temperature":1}""", """{"max_tokens":5,"model":"t","messages":[],"metadata":null,"safety_identifier":null,"temperature":1}""")]
    [InlineData("""{"model":"m","messages":[{"role":"user","user":"ada"}],"prompt_cache_key":"k"}""", """{"max_tokens":5,"model":"t","messages":[{"role":"user","user":"ada"}],"prompt_cache_key":null}""")]
    public void Rewrite_ForAStranger_TellsNotWhoAsks(string body, string expected)
    {
        InferenceRequest.TryRead(InferenceKind.Chat, Encoding.UTF8.GetBytes(body), out var request, out _).ShouldBeTrue();

        Encoding.UTF8.GetString(request.Rewrite("t", 5, isNameless: true)).ShouldBe(expected);
        Encoding.UTF8.GetString(request.Rewrite("t", 5)).ShouldNotContain(":null");
    }
}
