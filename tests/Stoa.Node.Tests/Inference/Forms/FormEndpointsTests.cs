using System.Net;
using System.Text.Json.Nodes;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Forms;

/// <summary>What translated APIs do that their clients do not look at: refusals before the gateway, what is paid, servers that misbehave.</summary>
public sealed class FormEndpointsTests : IAsyncLifetime
{
    private InferenceNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await InferenceNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Answer_IsPaid_AndSaysWhoGaveIt(string path)
    {
        await using var server = ModelServer.Start();
        var replica = await _node.RegisterAsync(server);

        using var whole = await _node.AskAsync(Asked(path), path);
        await InferenceNode.ReadAsync(whole);
        using var stream = await _node.AskAsync(Asked(path, stream: true), path);
        (await stream.Content.ReadAsStringAsync(Stop)).ShouldContain("\"cost\":\"0.000011000\"");

        whole.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000011000"]);
        stream.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        foreach (var answer in (HttpResponseMessage[])[whole, stream])
        {
            answer.Headers.GetValues("Stoa-Model").ShouldBe([_node.Model]);
            answer.Headers.GetValues("Stoa-Replica").ShouldBe([replica]);
        }

        await _node.HasUsedAsync(2, 14, 4, "0.000022000");
    }

    [Theory]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Words_ComeAsTheServerSaysThem(string path)
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("first");
            await goOn.Task;
            await call.EventAsync("""{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            await call.ChunkAsync("data: [DONE]\n\n");
            await call.RawAsync("0\r\n\r\n");
        });
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(Asked(path, stream: true), path);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Stop));
        // The first word is there before the server has said more.
        while ((await lines.ReadLineAsync(Stop))!.Contains("first", StringComparison.Ordinal) is false)
        {
        }

        goOn.SetResult();
        var rest = await lines.ReadToEndAsync(Stop);
        rest.ShouldContain(path == "messages" ? "event: message_stop" : "event: response.completed");
        // The server has said nothing of what was used, and the node has counted it.
        rest.ShouldContain("\"output_tokens\":2");
    }

    [Theory]
    [InlineData("messages", "Anthropic")]
    [InlineData("responses", "OpenAi")]
    public async Task Refusal_HasTheFormOfTheApi_WhoeverRefuses(string path, string form)
    {
        using var stranger = new HttpClient { BaseAddress = _node.Http.BaseAddress };

        using var unknown = await _node.AskAsync(Asked(path), path, stranger);
        Told(await InferenceNode.ReadAsync(unknown, HttpStatusCode.Unauthorized), form).ShouldBe(("authentication_error", "unauthenticated"));
        using var absent = await _node.AskAsync(Asked(path), path);
        Told(await InferenceNode.ReadAsync(absent, HttpStatusCode.NotFound), form).ShouldBe((form == "OpenAi" ? "invalid_request_error" : "not_found_error", "model_not_found"));
        using var noModel = await _node.AskAsync(new { input = "x", max_tokens = 1, messages = Array.Empty<object>() }, path);
        (await InferenceNode.ReadAsync(noModel, HttpStatusCode.BadRequest)).ToJsonString().ShouldContain("\"param\":");
        using var broken = await _node.Http.PostAsync($"/v1/{path}", new StringContent("{"), Stop);
        Told(await InferenceNode.ReadAsync(broken, HttpStatusCode.BadRequest), form).ShouldBe(("invalid_request_error", "invalid_request"));
    }

    [Fact]
    public async Task Limits_AreToldInTheFormOfTheApi()
    {
        await using var node = await InferenceNode.StartAsync("Inference:MaxRequestBytes=1024", "Http:ModelCallsPerMinute=3");

        using var large = await node.AskAsync(new { model = node.Model, max_tokens = 9, messages = new[] { new { role = "user", content = new string('x', 2_000) } } }, "messages");
        Told(await InferenceNode.ReadAsync(large, HttpStatusCode.RequestEntityTooLarge), "Anthropic").ShouldBe(("request_too_large", "request_too_large"));
        (await node.AskAsync(new { model = node.Model, messages = new string('x', 2_000) })).StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (string, string) told = default;
        for (var asked = 0; asked < 4; asked++)
        {
            using var answer = await node.AskAsync(new { model = "nobody/nothing", max_tokens = 9, messages = Array.Empty<object>() }, "messages");
            if (answer.StatusCode is HttpStatusCode.TooManyRequests)
                told = Told(await InferenceNode.ReadAsync(answer, HttpStatusCode.TooManyRequests), "Anthropic");
        }

        told.ShouldBe(("rate_limit_error", "rateLimited"));
    }

    [Fact]
    public async Task KeyInItsOwnHeader_IsHeeded_WhereAnthropicsClientsSendIt_AndNowhereElse()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        var key = _node.Node.Client.Options.ApiKey!;
        using var stranger = new HttpClient { BaseAddress = _node.Http.BaseAddress };

        using var answered = await _node.AskAsync(Asked("messages"), "messages", stranger, null, ("x-api-key", key), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "tools-2024-04-04"));
        answered.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var wrong = await _node.AskAsync(Asked("messages"), "messages", stranger, null, ("x-api-key", "stoa_wrong"));
        wrong.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        // Who sends both is who the one says that is heeded everywhere.
        using var both = await _node.AskAsync(Asked("messages"), "messages", stranger, null, ("Authorization", "Bearer stoa_wrong"), ("x-api-key", key));
        both.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var path in (string[])["responses", "chat/completions"])
        {
            using var elsewhere = await _node.AskAsync(path == "responses" ? Asked(path) : _node.Chat(), path, stranger, null, ("x-api-key", key));
            elsewhere.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        using var me = new HttpRequestMessage(HttpMethod.Get, "/api/v1/users/me");
        me.Headers.Add("x-api-key", key);
        using var refused = await stranger.SendAsync(me, Stop);
        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Calls_ThatCannotBeTold_AreTheServersFault_AndCostNothing(string path)
    {
        var isLate = false;
        await using var server = ModelServer.Start(async call =>
        {
            const string Unnamed = """{"tool_calls":[{"index":0,"id":"c","function":{"arguments":"{}"}}]}""";
            if (call.Request["stream"]?.GetValue<bool>() is not true || !isLate)
            {
                await TalkingModel.SayAsync(call, call.Request["stream"]?.GetValue<bool>() is true, Unnamed, "tool_calls");
                return;
            }

            await call.BeginAsync();
            await call.WordAsync("first");
            await call.EventAsync($$"""{"choices":[{"index":0,"delta":{{Unnamed}}}]}""");
            await call.HangAsync();
        });
        await _node.RegisterAsync(server);

        using var whole = await _node.AskAsync(Asked(path), path);
        (await InferenceNode.ReadAsync(whole, HttpStatusCode.BadGateway)).ToJsonString().ShouldContain("replicas_failed");
        foreach (var late in (bool[])[false, true])
        {
            isLate = late;
            using var stream = await _node.AskAsync(Asked(path, stream: true), path);
            var text = await stream.Content.ReadAsStringAsync(Stop);
            text.ShouldContain("event: error");
            text.ShouldContain("answer_broken");
            text.ShouldNotContain("event: message_stop");
            text.ShouldNotContain("event: response.completed");
        }

        (await _node.UsedAsync()).ShouldBe(default);
    }

    [Theory]
    [InlineData("messages")]
    [InlineData("responses")]
    public async Task Answer_ThatTheFormCannotCarry_IsPaidFor_AndAskedOfNobodyElse(string path)
    {
        await using var server = ModelServer.Start(async call =>
        {
            if (call.Request["stream"]?.GetValue<bool>() is not true)
            {
                await TalkingModel.SayAsync(call, isStream: false, Calls(0, 510), "tool_calls");
                return;
            }

            await call.BeginAsync();
            await call.WordAsync("first");
            await call.EventAsync($$"""{"choices":[{"index":0,"delta":{{Calls(0, 300)}}}]}""");
            await call.EventAsync($$"""{"choices":[{"index":0,"delta":{{Calls(300, 300)}}}]}""");
            await call.HangAsync();
        });
        await _node.RegisterAsync(server);

        using var whole = await _node.AskAsync(Asked(path), path);
        (await InferenceNode.ReadAsync(whole, HttpStatusCode.BadGateway)).ToJsonString().ShouldContain("cannot be given on");
        // So many tokens that it is not cut for going on beyond them.
        using var stream = await _node.AskAsync(Asked(path, stream: true, most: 5_000), path);
        (await stream.Content.ReadAsStringAsync(Stop)).ShouldContain("cannot be given on");

        server.Requests.Count.ShouldBe(2);
        await Eventually.IsSoAsync(async () => (await _node.UsedAsync()) is { Requests: 2 } used && used.Paid > Money.Zero);

        static string Calls(int first, int count)
        {
            var calls = Enumerable.Range(first, count).Select(number => $$$"""{"index":{{{number}}},"id":"c{{{number}}}","type":"function","function":{"name":"f","arguments":"{}"}}""");
            return $$"""{"tool_calls":[{{string.Join(',', calls)}}]}""";
        }
    }

    [Theory]
    [InlineData("chat/completions", "messages")]
    [InlineData("messages", "messages.0.content.0.source.url")]
    [InlineData("responses", "input.0.content.0.image_url")]
    public async Task PictureByAddress_IsRefused_UnlessTheOperatorAllowsIt(string path, string parameter)
    {
        using var refused = await _node.AskAsync(Picture(path, _node.Model), path);
        (await InferenceNode.ReadAsync(refused, HttpStatusCode.BadRequest)).ToJsonString().ShouldContain($"\"param\":\"{parameter}\"");

        await using var node = await InferenceNode.StartAsync("Inference:AllowImageUrls=true");
        await using var server = ModelServer.Start();
        await node.RegisterAsync(server);
        using var taken = await node.AskAsync(Picture(path, node.Model), path);
        taken.StatusCode.ShouldBe(HttpStatusCode.OK);
        server.Requests.First()["messages"]![0]!["content"]![0]!["image_url"]!["url"]!.GetValue<string>().ShouldBe("http://169.254.169.254/latest");
    }

    [Fact]
    public async Task CacheKey_IsASession()
    {
        await using var one = ModelServer.Start();
        await using var other = ModelServer.Start();
        await _node.RegisterAsync(one);
        await _node.RegisterAsync(other);
        var replicas = new HashSet<string>();

        for (var asked = 0; asked < 6; asked++)
        {
            using var answer = await _node.AskAsync(new { model = _node.Model, input = $"{asked} something else each time", prompt_cache_key = "thread" }, "responses");
            replicas.Add(answer.Headers.GetValues("Stoa-Replica").Single());
        }

        replicas.Count.ShouldBe(1);
    }

    private static object Picture(string path, string model)
    {
        const string Address = "http://169.254.169.254/latest";
        return path switch
        {
            "messages" => new { model, max_tokens = 9, messages = new[] { new { role = "user", content = new[] { new { type = "image", source = new { type = "url", url = Address } } } } } },
            "responses" => new { model, input = new[] { new { role = "user", content = new[] { new { type = "input_image", image_url = Address } } } } },
            _ => new { model, messages = new[] { new { role = "user", content = new[] { new { type = "image_url", image_url = new { url = Address } } } } } },
        };
    }

    private static (string Type, string Code) Told(JsonNode json, string form)
    {
        if (form == "OpenAi")
            return (json["error"]!["type"]!.GetValue<string>(), json["error"]!["code"]!.GetValue<string>());
        json["type"]!.GetValue<string>().ShouldBe("error");
        return (json["error"]!["type"]!.GetValue<string>(), json["error"]!["details"]!["error_code"]!.GetValue<string>());
    }

    private object Asked(string path, bool stream = false, int most = 50) => path == "messages"
        ? new { model = _node.Model, max_tokens = most, messages = new[] { new { role = "user", content = "Say hello" } }, stream }
        : new { model = _node.Model, max_output_tokens = most, input = "Say hello", stream };
}
