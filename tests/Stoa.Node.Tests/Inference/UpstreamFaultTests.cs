using System.Net;
using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Inference;

/// <summary>Servers that are killed, stall, lie and send what is no answer: whoever asked is answered by another one before the first word, is told afterwards, and pays for whole answers alone.</summary>
public sealed class UpstreamFaultTests : IAsyncLifetime
{
    private InferenceNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await InferenceNode.StartAsync(
        "--Inference:ConnectMs", "500", "--Inference:FirstTokenMs", "2000", "--Inference:IdleMs", "2000", "--Inference:MaxEventBytes", "65536", "--Inference:MaxAnswerBytes", "262144", "--Inference:HealthSeconds", "3600");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    public static TheoryData<string> FaultsBeforeTheFirstWord =>
        ["killed", "refuses connections", "500", "503", "429", "401", "404", "stalls", "200 with an error", "no JSON", "no result", "breaks in the head", "half a body", "too large a body", "empty stream", "stream with an error", "stream that stalls", "half an event", "drips", "endless line", "garbage"];

    [Theory]
    [MemberData(nameof(FaultsBeforeTheFirstWord))]
    public async Task Fault_BeforeTheFirstWord_IsNotSeen_AsLongAsAnotherServerLives(string fault)
    {
        await using var bad = ModelServer.Start(call => MisbehaveAsync(fault, call));
        await using var good = ModelServer.Start();
        // Asked first, by its weight.
        await _node.RegisterAsync(bad, weight: 1_000);
        await _node.RegisterAsync(good);
        if (fault is "refuses connections")
            bad.Kill();

        foreach (var stream in new[] { false, true })
        {
            using var answer = await _node.AskAsync(_node.Chat(stream: stream));
            if (stream)
                InferenceNode.TextOf(await InferenceNode.ReadEventsAsync(answer)).ShouldBe("Hello there ");
            else
                (await InferenceNode.ReadAsync(answer))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        }

        if (fault is not "refuses connections")
            bad.Requests.ShouldNotBeEmpty();
        // Of the failed attempts nothing is charged.
        await _node.HasUsedAsync(2, 14, 4, "0.000022000");
    }

    [Fact]
    public async Task Faults_OfManyServers_AreNotSeen_AsLongAsOneLives()
    {
        string[] faults = ["killed", "500", "503", "429", "401", "404", "200 with an error", "no JSON", "no result", "breaks in the head", "half a body", "garbage"];
        var bad = faults.Select(fault => ModelServer.Start(call => MisbehaveAsync(fault, call))).ToList();
        await using var good = ModelServer.Start();
        // All of them before it, by their weight.
        foreach (var server in bad)
            await _node.RegisterAsync(server, weight: 1_000);
        await _node.RegisterAsync(good);

        using var answer = await _node.AskAsync(_node.Chat());

        (await InferenceNode.ReadAsync(answer))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        bad.ShouldAllBe(server => server.Requests.Count == 1);
        await _node.HasUsedAsync(1, 7, 2, "0.000011000");
        foreach (var server in bad)
            await server.DisposeAsync();
    }

    [Fact]
    public async Task Server_ThatIsNotThere_CountsForNoAttempt_AndOneThatBreaksDoes()
    {
        await using var once = await InferenceNode.StartAsync("--Inference:MaxAttempts", "1", "--Inference:HealthSeconds", "3600");
        await using var good = ModelServer.Start();
        for (var server = 0; server < 3; server++)
        {
            await using var gone = ModelServer.Start();
            await once.RegisterAsync(gone, weight: 1_000);
        }

        var id = await once.RegisterAsync(good);
        using (var answer = await once.AskAsync(once.Chat()))
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await once.Node.Client.DrainReplicaAsync(id, isDraining: true, Stop);
        await using var breaking = ModelServer.Start(call => MisbehaveAsync("killed", call));
        await using var other = ModelServer.Start();
        await once.RegisterAsync(breaking, weight: 1_000);
        await once.RegisterAsync(other);

        using var failed = await once.AskAsync(once.Chat());

        (await InferenceNode.ReadAsync(failed, HttpStatusCode.BadGateway))["error"]!["code"]!.GetValue<string>().ShouldBe("replicas_failed");
        (breaking.Requests.Count, other.Requests.Count).ShouldBe((1, 0));
    }

    [Fact]
    public async Task Failure_OfAllServers_IsToldClearly_AndCostsNothing()
    {
        await using var bad = ModelServer.Start(call => call.ErrorAsync(500, "Out of memory"));
        await using var worse = ModelServer.Start(call => call.ErrorAsync(500, "Out of memory"));
        await _node.RegisterAsync(bad);
        await _node.RegisterAsync(worse);

        using var answer = await _node.AskAsync(_node.Chat());

        var error = (await InferenceNode.ReadAsync(answer, HttpStatusCode.BadGateway))["error"]!;
        error["code"]!.GetValue<string>().ShouldBe("replicas_failed");
        error["message"]!.GetValue<string>().ShouldContain("2 replicas were asked");
        // Servers repeat prompts and keys: what they say of their own failures is for nobody.
        error["message"]!.GetValue<string>().ShouldNotContain("Out of memory");
        (await _node.UsedAsync()).Requests.ShouldBe(0);
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("stalls")]
    [InlineData("error event")]
    [InlineData("half an event")]
    [InlineData("ends early")]
    [InlineData("endless line")]
    public async Task Fault_AfterTheFirstWord_IsToldInTheStream_AndCostsNothing(string fault)
    {
        await using var bad = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("Hello ");
            switch (fault)
            {
                case "killed":
                    call.End();
                    break;
                case "stalls":
                    await call.HangAsync();
                    break;
                case "error event":
                    await call.EventAsync("""{"error":{"message":"CUDA error"}}""");
                    await call.RawAsync("0\r\n\r\n");
                    break;
                case "half an event":
                    await call.ChunkAsync("data: {\"choices\":[{\"del");
                    await call.RawAsync("0\r\n\r\n");
                    break;
                case "ends early":
                    await call.RawAsync("0\r\n\r\n");
                    break;
                default:
                    await SendEndlessLineAsync(call);
                    break;
            }
        });
        await _node.RegisterAsync(bad);

        using var answer = await _node.AskAsync(_node.Chat(stream: true));

        var events = await InferenceNode.ReadEventsAsync(answer);
        InferenceNode.TextOf(events).ShouldBe("Hello ");
        events.ShouldNotContain("[DONE]");
        JsonNode.Parse(events[^1])!["error"]!["code"]!.GetValue<string>().ShouldBe("answer_broken");
        (await _node.UsedAsync()).Requests.ShouldBe(0);
    }

    [Fact]
    public async Task Client_ThatGoesAway_EndsTheServersWorkAtOnce_AndPaysForWhatWasWritten()
    {
        await using var node = await StartPatientAsync();
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("word ");
            await call.WordAsync("word ");
            await call.HangAsync();
        });
        await node.RegisterAsync(server);
        using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop))
        {
            using var answer = await node.AskAsync(node.Chat(stream: true), cancellationToken: cancel.Token);
            await using var stream = await answer.Content.ReadAsStreamAsync(Stop);
            using var reader = new StreamReader(stream);
            for (var words = 0; words < 2;)
                words += (await reader.ReadLineAsync(Stop))!.Contains("word ", StringComparison.Ordinal) ? 1 : 0;
            await cancel.CancelAsync();
        }

        await Eventually.IsSoAsync(() => server.GivenUp == 1);
        await node.HasUsedAsync(1, 4, 2, "0.000008000");
    }

    [Fact]
    public async Task Stream_ThatGoesOnBeyondItsLimit_IsEndedThere_AndPaidUpToIt()
    {
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            for (var word = 0; word < 10_000; word++)
                await call.WordAsync("more ");
            await call.HangAsync();
        });
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat(stream: true, maxTokens: 10));

        var events = await InferenceNode.ReadEventsAsync(answer);
        events[^1].ShouldBe("[DONE]");
        events.Count.ShouldBeLessThan(5_000);
        await _node.HasUsedAsync(1, 4, 10, "0.000024000");
    }

    [Fact]
    public async Task Stream_OfSeveralChoices_IsWholeWhenAllAre()
    {
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("one ");
            await call.EventAsync("""{"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            call.End();
        });
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(new { model = _node.Model, messages = new[] { new { role = "user", content = "Say hello" } }, stream = true, max_tokens = 50, n = 2 });

        (await InferenceNode.ReadEventsAsync(answer))[^1].ShouldContain("answer_broken");
        (await _node.UsedAsync()).Requests.ShouldBe(0);
    }

    [Fact]
    public async Task Server_ThatNobodyReaches_IsPassedOver_ThoughItDoesNotRefuse()
    {
        // Its queue of connections is full, so that one more is neither taken nor refused.
        using var full = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var waiting = Enumerable.Range(0, 8).Select(_ => new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp)).ToList();
        foreach (var socket in waiting)
            _ = socket.ConnectAsync(full.LocalEndPoint!, Stop).AsTask();
        await using var good = ModelServer.Start();
        using (var added = await _node.RegisterAsync($"http://{full.LocalEndPoint}/v1", weight: 1_000))
            added.StatusCode.ShouldBe(HttpStatusCode.Created);
        await _node.RegisterAsync(good);

        using var answer = await _node.AskAsync(_node.Chat());

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var socket in waiting)
            socket.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ThatGoesAwayBeforeTheFirstWord_EndsTheServersWorkAtOnce_AndPaysNothing(bool stream)
    {
        await using var node = await StartPatientAsync();
        await using var server = ModelServer.Start(async call =>
        {
            if (stream)
                await call.BeginAsync();
            await call.HangAsync();
        });
        await node.RegisterAsync(server);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var asked = node.AskAsync(node.Chat(stream: stream), cancellationToken: cancel.Token);
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(asked);
        await Eventually.IsSoAsync(() => server.GivenUp == 1);
        (await node.UsedAsync()).Requests.ShouldBe(0);
    }

    [Theory]
    [InlineData(1_000_000_000, 1_000_000_000, 24, 24)]
    [InlineData(-5, -7, 4, 4)]
    [InlineData(0, 0, 1, 1)]
    public async Task Server_ThatLiesAboutUsage_IsPaidForWhatCanBe(long input, long output, long billedInput, long billedOutput)
    {
        await using var server = ModelServer.Start(call => call.AnswerAsync("Hello there", input, output));
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat());
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);

        // Counted are 4 tokens to read and 4 to write; twice that and 16 is the most that is believed, and a quarter the least.
        var price = new Stoa.Primitives.Money((billedInput * 1_000) + (billedOutput * 2_000));
        await _node.HasUsedAsync(1, billedInput, billedOutput, price.ToString());
    }

    [Fact]
    public async Task Refusal_OfTwoServers_IsTheClientsFault_AndOfOneItIsNot()
    {
        await using var odd = ModelServer.Start(call => call.ErrorAsync(400, "temperature must be below 2"));
        await using var good = ModelServer.Start();
        await _node.RegisterAsync(odd, weight: 1_000);
        await _node.RegisterAsync(good);
        using (var answer = await _node.AskAsync(_node.Chat()))
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        good.Behaviour = call => call.ErrorAsync(400, "temperature must be below 2");

        using var refused = await _node.AskAsync(_node.Chat());

        (await InferenceNode.ReadAsync(refused, HttpStatusCode.BadRequest))["error"]!["message"]!.GetValue<string>().ShouldBe("temperature must be below 2");
    }

    [Fact]
    public async Task Server_ThatFailsAgainAndAgain_IsAskedNoMoreForAWhile()
    {
        await using var bad = ModelServer.Start(call => call.ErrorAsync(500));
        await using var good = ModelServer.Start();
        await _node.RegisterAsync(bad, weight: 1_000);
        await _node.RegisterAsync(good);

        for (var request = 0; request < 20; request++)
        {
            using var answer = await _node.AskAsync(_node.Chat());
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        good.Requests.Count.ShouldBe(20);
        bad.Requests.Count.ShouldBeLessThan(20);
    }

    /// <summary>A node that waits for a server for an hour, so that what ends sooner was ended by its client.</summary>
    private static Task<InferenceNode> StartPatientAsync() =>
        InferenceNode.StartAsync("--Inference:FirstTokenMs", "3600000", "--Inference:IdleMs", "3600000", "--Inference:MaxAnswerMs", "3600000");

    [Fact]
    public async Task Requests_ThatNoServerCanAnswer_KeepNobodyElseFromThem()
    {
        static Task BehaveAsync(ModelCall call) => call.Request["messages"]![0]!["content"]!.GetValue<string>() == "poison" ? MisbehaveAsync("500", call) : call.AnswerAsync("Hello there");
        await using var one = ModelServer.Start(BehaveAsync);
        await using var other = ModelServer.Start(BehaveAsync);
        var replica = await _node.RegisterAsync(one);
        await _node.RegisterAsync(other);
        for (var request = 0; request < 4; request++)
        {
            using var failed = await _node.AskAsync(_node.Chat(content: "poison"));
            failed.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        }

        (await _node.Node.Client.GetReplicaAsync(replica, Stop)).Figures!.Health.ShouldBe("suspended");
        using var answer = await _node.AskAsync(_node.Chat());

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static async Task MisbehaveAsync(string fault, ModelCall call)
    {
        switch (fault)
        {
            case "killed":
                call.Break();
                break;
            case "500" or "503" or "429" or "401" or "404":
                await call.ErrorAsync(int.Parse(fault, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case "stalls":
                await call.HangAsync();
                break;
            case "200 with an error":
                await call.RawAsync(ModelCall.Whole(200, """{"error":{"message":"overloaded"}}"""));
                break;
            case "no JSON":
                await call.RawAsync(ModelCall.Whole(200, "<html>"));
                break;
            case "no result":
                await call.RawAsync(ModelCall.Whole(200, """{"choices":[]}"""));
                break;
            case "breaks in the head":
                await call.RawAsync("HTTP/1.1 200 O");
                call.Break();
                break;
            case "half a body":
                await call.RawAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"choices\":[");
                call.Break();
                break;
            case "too large a body":
                await call.RawAsync(ModelCall.Whole(200, $$"""{"padding":"{{new string('x', 300_000)}}","choices":[{"message":{"content":"x"} }]}"""));
                break;
            case "empty stream":
                await call.BeginAsync();
                await call.ChunkAsync("data: [DONE]\n\n");
                await call.RawAsync("0\r\n\r\n");
                break;
            case "stream with an error":
                await call.BeginAsync();
                await call.EventAsync("""{"choices":[{"delta":{"role":"assistant","content":""}}]}""");
                await call.EventAsync("""{"error":{"message":"overloaded"}}""");
                await call.RawAsync("0\r\n\r\n");
                break;
            case "stream that stalls":
                await call.BeginAsync();
                await call.EventAsync("""{"choices":[{"delta":{"role":"assistant","content":""}}]}""");
                await call.HangAsync();
                break;
            case "half an event":
                await call.BeginAsync();
                await call.ChunkAsync("data: {\"choices\":[{\"delta\":{\"content\":\"He");
                call.Break();
                break;
            case "drips":
                await call.BeginAsync();
                await DripAsync(call);
                break;
            case "endless line":
                await call.BeginAsync();
                await SendEndlessLineAsync(call);
                break;
            case "garbage":
                await call.RawAsync("\0\u0001\u0002 no HTTP at all\r\n\r\n");
                call.Break();
                break;
            default:
                break;
        }
    }

    /// <summary>Says again and again that it is there, and never anything else.</summary>
    private static async Task DripAsync(ModelCall call)
    {
        while (true)
        {
            await call.ChunkAsync(": a moment, please\n\n");
            await Task.Delay(50, Stop);
        }
    }

    private static async Task SendEndlessLineAsync(ModelCall call)
    {
        await call.ChunkAsync("data: {\"choices\":[{\"delta\":{\"content\":\"");
        var much = new string('x', 16_384);
        // A gigabyte, if it were taken.
        for (var piece = 0; piece < 65_536; piece++)
            await call.ChunkAsync(much);
    }
}
