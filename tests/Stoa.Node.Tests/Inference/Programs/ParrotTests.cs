using System.Net;
using System.Text.Json.Nodes;
using Stoa.Market.Tests.Samples;

namespace Stoa.Node.Tests.Inference.Programs;

/// <summary>The sample model, asked over HTTP as a client does.</summary>
public sealed class ParrotTests : IAsyncLifetime
{
    private ProgramNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _node = await ProgramNode.StartAsync(await File.ReadAllBytesAsync(SampleFolder.File(Path.Combine("models", "parrot"), "parrot.wasm"), Stop));

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Answer_WithASeed_IsTheSameEachTime_WholeAndStreamed()
    {
        var whole = await AskAsync(new { messages = Messages("What is a receipt?"), seed = 7, max_tokens = 40 });
        var again = await AskAsync(new { messages = Messages("What is a receipt?"), seed = 7, max_tokens = 40 });
        using var streamed = await _node.All.AskAsync(new { model = ProgramNode.Model, messages = Messages("What is a receipt?"), seed = 7, max_tokens = 40, stream = true, stream_options = new { include_usage = true } });

        var said = TextOf(whole);
        said.ShouldContain("receipt", Case.Insensitive);
        TextOf(again).ShouldBe(said);
        var events = await InferenceNode.ReadEventsAsync(streamed);
        events.Count.ShouldBeGreaterThan(10);
        InferenceNode.TextOf(events).ShouldBe(said);
        JsonNode.Parse(events[^2])!["usage"]!.ToJsonString().ShouldContain(whole["usage"]!["completion_tokens"]!.ToJsonString());
        whole["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBeInRange(1, 40);
    }

    [Fact]
    public async Task Answer_EndsAtItsLimit_AndAtAStop()
    {
        var cut = await AskAsync(new { messages = Messages("Hello!"), seed = 1, max_tokens = 3 });
        (cut["choices"]![0]!["finish_reason"]!.GetValue<string>(), cut["usage"]!["completion_tokens"]!.GetValue<int>()).ShouldBe(("length", 3));

        var stopped = await AskAsync(new { messages = Messages("Hello!"), temperature = 0, max_tokens = 60, stop = new[] { "Parrot" } });
        (TextOf(stopped), stopped["choices"]![0]!["finish_reason"]!.GetValue<string>()).ShouldBe(("Hello! I am ", "stop"));
    }

    [Fact]
    public async Task Text_IsGoneOnWith()
    {
        var completion = await AskAsync(new { prompt = "Fuel is what a program", temperature = 0, max_tokens = 3 }, "completions");

        completion["choices"]![0]!["text"]!.GetValue<string>().ShouldBe(" burns: about");
    }

    [Fact]
    public async Task Vectors_AreOfLengthOne_AndLikeWordsLieTogether()
    {
        var answer = await AskAsync(new { input = new[] { "payment channel", "payments of channels", "a picture of a lake" }, encoding_format = "float" }, "embeddings");

        var vectors = answer["data"]!.AsArray().Select(one => one!["embedding"]!.AsArray().Select(number => number!.GetValue<double>()).ToArray()).ToList();
        vectors.Count.ShouldBe(3);
        vectors.ShouldAllBe(vector => vector.Length == 256 && Math.Abs(Dot(vector, vector) - 1) < 1e-5);
        Dot(vectors[0], vectors[1]).ShouldBeGreaterThan(Dot(vectors[0], vectors[2]) + 0.1);
    }

    [Theory]
    [InlineData("""{"messages":[]}""", "A list of messages")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}""", "calls no tools")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"temperature":9}""", "A number is expected")]
    public async Task Request_ThatItCannotAnswer_IsRefused(string body, string message)
    {
        var request = JsonNode.Parse(body)!.AsObject();
        request["model"] = ProgramNode.Model;

        using var answer = await _node.All.AskAsync(request);

        (await InferenceNode.ReadAsync(answer, HttpStatusCode.BadRequest))["error"]!["message"]!.GetValue<string>().ShouldContain(message);
    }

    private static object[] Messages(string content) => [new { role = "user", content }];

    private static string TextOf(JsonNode answer) => answer["choices"]![0]!["message"]!["content"]!.GetValue<string>();

    private static double Dot(double[] one, double[] other) => one.Zip(other, (left, right) => left * right).Sum();

    private async Task<JsonNode> AskAsync(object request, string path = "chat/completions")
    {
        var body = System.Text.Json.JsonSerializer.SerializeToNode(request)!.AsObject();
        body["model"] = ProgramNode.Model;
        return await InferenceNode.ReadAsync(await _node.All.AskAsync(body, path));
    }
}
