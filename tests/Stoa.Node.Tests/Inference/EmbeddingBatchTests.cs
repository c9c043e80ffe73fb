using System.Net;
using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Inference;

/// <summary>Requests for vectors that come at the same time, as whoever sends them sees it.</summary>
public sealed class EmbeddingBatchTests : IAsyncDisposable
{
    private readonly EmbeddingServer _vectors = new();
    private InferenceNode? _node;

    public async ValueTask DisposeAsync()
    {
        _vectors.GoOn();
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [Fact]
    public async Task Requests_ThatComeWhileOneIsUnderWay_GoAsOne_AndEachGetsItsOwnVectors_AndPaysForThem()
    {
        await using var server = ModelServer.Start(_vectors.AnswerAsync);
        await StartAsync(19, server);
        var first = AskAsync("hold 0");
        await Eventually.IsSoAsync(() => server.Requests.Count == 1);

        var others = Enumerable.Range(1, 19).Select(number => AskAsync($"text {number}")).ToList();

        for (var number = 1; number <= 19; number++)
        {
            using var answer = await others[number - 1];
            var json = await InferenceNode.ReadAsync(answer);
            NumbersOf(json).ShouldBe([(0, number)]);
            json["model"]!.GetValue<string>().ShouldBe($"{_node!.Publisher}/vectors@1.0.0");
            json["usage"]!.ToJsonString().ShouldBe("""{"cost":"0.000003000","prompt_tokens":3,"total_tokens":3}""");
            answer.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000003000"]);
        }

        // The first one did not have to end for that: there were enough of them.
        first.IsCompleted.ShouldBeFalse();
        _vectors.GoOn();
        using (var answer = await first)
            NumbersOf(await InferenceNode.ReadAsync(answer)).ShouldBe([(0, 0)]);
        EmbeddingServer.SizesOf(server).ShouldBe("1 19");
        await _node!.HasUsedAsync(20, 60, 0, "0.000060000");
    }

    [Fact]
    public async Task Requests_OneAfterTheOther_GoAsTheyCame()
    {
        await using var server = ModelServer.Start(_vectors.AnswerAsync);
        await StartAsync(64, server);

        for (var number = 0; number < 3; number++)
        {
            using var answer = await AskAsync($"text {number}");
            NumbersOf(await InferenceNode.ReadAsync(answer)).ShouldBe([(0, number)]);
        }

        server.Requests.Select(request => request["input"]!.ToJsonString()).ShouldBe(["\"text 0\"", "\"text 1\"", "\"text 2\""]);
    }

    [Fact]
    public async Task Batch_OfOne_AsksEachByItself()
    {
        await using var server = ModelServer.Start(_vectors.AnswerAsync);
        await StartAsync(1, server);
        var first = AskAsync("hold 0");
        await Eventually.IsSoAsync(() => server.Requests.Count == 1);

        using (var second = await AskAsync("text 1"))
            NumbersOf(await InferenceNode.ReadAsync(second)).ShouldBe([(0, 1)]);

        _vectors.GoOn();
        (await first).Dispose();
        EmbeddingServer.SizesOf(server).ShouldBe("1 1");
    }

    [Theory]
    [InlineData(400)]
    [InlineData(500)]
    [InlineData(200)]
    public async Task Input_ThatSpoilsABatch_FailsNobodyElse(int status)
    {
        await using var server = ModelServer.Start(_vectors.AnswerAsync);
        _vectors.Instead = async (call, texts) =>
        {
            if (!texts.Any(text => text.StartsWith("poison", StringComparison.Ordinal)))
                return false;
            if (status == 200)
                await call.RawAsync(ModelCall.Whole(200, """{"object":"list","data":[{"embedding":[7],"index":3}]}"""));
            else
                await call.ErrorAsync(status, "Too long");
            return true;
        };
        await StartAsync(4, server);
        var first = AskAsync("hold 0");
        await Eventually.IsSoAsync(() => server.Requests.Count == 1);

        var poison = AskAsync("poison 1");
        var others = new[] { 2, 3, 4 }.Select(number => (Number: number, Answer: AskAsync($"text {number}"))).ToList();

        foreach (var (number, asked) in others)
        {
            using var answer = await asked;
            NumbersOf(await InferenceNode.ReadAsync(answer)).ShouldBe([(0, number)]);
        }

        using (var refused = await poison)
            refused.StatusCode.ShouldBe(status switch { 400 => HttpStatusCode.BadRequest, 500 => HttpStatusCode.BadGateway, _ => HttpStatusCode.OK });
        _vectors.GoOn();
        (await first).Dispose();
        EmbeddingServer.SizesOf(server).ShouldBe("1 4 1 1 1 1");
        // What is one vector for one input is an answer, and what it says of itself is believed.
        if (status != 200)
            await _node!.HasUsedAsync(4, 12, 0, "0.000012000");
    }

    [Fact]
    public async Task Server_ThatDiesWithABatch_IsFollowedByAnother()
    {
        var breaks = 0;
        ModelServer? died = null;
        await using var one = ModelServer.Start(_vectors.AnswerAsync);
        await using var other = ModelServer.Start(_vectors.AnswerAsync);
        foreach (var server in new[] { one, other })
        {
            server.Behaviour = async call =>
            {
                if (EmbeddingServer.TextsOf(call.Request).Count == 3 && Interlocked.Increment(ref breaks) == 1)
                {
                    died = server;
                    call.Break();
                    return;
                }

                await _vectors.AnswerAsync(call);
            };
        }

        await StartAsync(3, one, other);
        // As many as there are servers go at once.
        var first = new[] { AskAsync("hold 0"), AskAsync("hold 0") };
        await Eventually.IsSoAsync(() => one.Requests.Count + other.Requests.Count == 2);

        var others = Enumerable.Range(1, 3).Select(number => AskAsync($"text {number}")).ToList();

        for (var number = 1; number <= 3; number++)
        {
            using var answer = await others[number - 1];
            NumbersOf(await InferenceNode.ReadAsync(answer)).ShouldBe([(0, number)]);
        }

        _vectors.GoOn();
        foreach (var answer in first)
            (await answer).Dispose();
        EmbeddingServer.SizesOf(died!).ShouldEndWith("3");
        EmbeddingServer.SizesOf(died == one ? other : one).ShouldEndWith("1 1 1");
        await _node!.HasUsedAsync(5, 15, 0, "0.000015000");
    }

    private async Task StartAsync(int most, params ModelServer[] servers)
    {
        _node = await InferenceNode.StartAsync("--Inference:EmbeddingBatch", most.ToString(System.Globalization.CultureInfo.InvariantCulture), "--Inference:QueueMs", "600000", "--Inference:FirstTokenMs", "600000");
        await _node.PublishAsync("1.0.0", "vectors", capability: "embeddings");
        foreach (var server in servers)
            await _node.RegisterAsync(server, $"{_node.Publisher}/vectors@1.0.0");
    }

    private Task<HttpResponseMessage> AskAsync(string input) => _node!.AskAsync(new { model = $"{_node.Publisher}/vectors", input }, "embeddings");

    private static IEnumerable<(int Index, int Number)> NumbersOf(JsonNode answer) => answer["data"]!.AsArray().Select(one => (one!["index"]!.GetValue<int>(), (int)one["embedding"]![0]!.GetValue<double>()));
}
