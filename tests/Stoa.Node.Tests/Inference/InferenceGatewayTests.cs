using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Tests.Inference;

/// <summary>Requests in the form of OpenAI's API, as whoever sends them sees it, over servers that behave.</summary>
public sealed class InferenceGatewayTests : IAsyncLifetime
{
    private InferenceNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Servers are waited for so long that one which is given up sooner was given up on purpose.
    public async ValueTask InitializeAsync() => _node = await InferenceNode.StartAsync("--Inference:FirstTokenMs", "3600000");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Answer_IsThatOfTheServer_UnderTheNameOfTheMarket_WithItsCost()
    {
        await using var server = ModelServer.Start();
        var replica = await _node.RegisterAsync(server, key: "sk-secret");

        using var answer = await _node.AskAsync(_node.Chat());

        var json = await InferenceNode.ReadAsync(answer);
        json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        json["model"]!.GetValue<string>().ShouldBe(_node.Model);
        // 7 tokens at a dollar and 2 at two dollars a million.
        json["usage"]!["cost"]!.GetValue<string>().ShouldBe("0.000011000");
        json["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(7);
        answer.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000011000"]);
        answer.Headers.GetValues("Stoa-Model").ShouldBe([_node.Model]);
        answer.Headers.GetValues("Stoa-Replica").ShouldBe([replica]);
        answer.Headers.Contains("Stoa-Wait-Ms").ShouldBeTrue();
        server.Requests.TryDequeue(out var request).ShouldBeTrue();
        request!["model"]!.GetValue<string>().ShouldBe("tiny");
        server.Authorization.ShouldBe("Bearer sk-secret");
        await _node.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Fact]
    public async Task Request_WhoseAccountCannotPayTheDearestReplica_GoesToOneThatItCan()
    {
        await using var cheap = ModelServer.Start();
        await using var dear = ModelServer.Start();
        await _node.RegisterAsync(cheap);
        // Fifty tokens of it cost more than the account has.
        await PriceAsync(_node.Model, dear, "900000", "900000");

        for (var request = 0; request < 6; request++)
            await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat(content: string.Join(' ', Enumerable.Repeat(request, 64)))));

        (cheap.Requests.Count, dear.Requests.Count).ShouldBe((6, 0));
    }

    [Fact]
    public async Task Request_ForAnyModel_GoesOnToTheNext_WhenOneIsTooDearForIt()
    {
        await using var first = ModelServer.Start();
        await using var second = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "other", isFree: true);
        // By what a page costs that is summed up the first one is cheaper; by a thousand tokens written it is not.
        await PriceAsync(_node.Model, first, "0", "400000");
        await PriceAsync($"{_node.Publisher}/other@1.0.0", second, "110000", "0");

        var answered = await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat("auto", maxTokens: 1_000)));
        answered["model"]!.GetValue<string>().ShouldBe($"{_node.Publisher}/other@1.0.0");
        await InferenceNode.ReadAsync(await _node.AskAsync(_node.Chat(maxTokens: 1_000)), HttpStatusCode.PaymentRequired);

        (first.Requests.Count, second.Requests.Count).ShouldBe((0, 1));
    }

    private Task<ReplicaResponse> PriceAsync(string model, ModelServer server, string input, string output) =>
        _node.Node.Client.AddReplicaAsync(new AddReplicaRequest(model, server.Address, UpstreamModel: "tiny", ServingPrice: new ModelPriceBody(input, output), SkipCheck: true), Stop);

    [Fact]
    public async Task Stream_ComesWordByWord_AndSaysAtItsEndWhatItCost()
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("first ");
            await goOn.Task;
            await call.WordAsync("second");
            await call.EventAsync("""{"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""");
            await call.EventAsync("""{"model":"tiny","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}""");
            await call.ChunkAsync("data: [DONE]\n\n");
            await call.RawAsync("0\r\n\r\n");
        });
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat(stream: true, wantsUsage: true));
        // The first word is there before the server has another one.
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await using var stream = await answer.Content.ReadAsStreamAsync(Stop);
        using var reader = new StreamReader(stream);
        (await reader.ReadLineAsync(Stop))!.ShouldContain("first ");
        goOn.SetResult();
        var rest = await reader.ReadToEndAsync(Stop);

        rest.ShouldContain("second");
        rest.ShouldContain("\"usage\":{\"cost\":\"0.000009000\",\"prompt_tokens\":5");
        rest.ShouldEndWith("data: [DONE]\n\n");
        rest.ShouldNotContain("\"tiny\"");
        await _node.HasUsedAsync(1, 5, 2, "0.000009000");
    }

    [Fact]
    public async Task Stream_OfAClientThatDoesNotAskForUsage_HasNone_AndIsPaidByIt()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat(stream: true));

        var events = await InferenceNode.ReadEventsAsync(answer);
        events[^1].ShouldBe("[DONE]");
        InferenceNode.TextOf(events).ShouldBe("Hello there ");
        events.ShouldAllBe(data => !data.Contains("prompt_tokens", StringComparison.Ordinal));
        await _node.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Fact]
    public async Task Stream_WhoseServerSaysNothingOfUsage_IsCountedHere()
    {
        await using var server = ModelServer.Start(call => call.AnswerAsync("some words here", input: null));
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat(stream: true, wantsUsage: true));

        var events = await InferenceNode.ReadEventsAsync(answer);
        // user 1, Say 1, hello 2; some 1, words 2, here 1.
        var usage = JsonNode.Parse(events[^2])!["usage"]!;
        (usage["prompt_tokens"]!.GetValue<int>(), usage["completion_tokens"]!.GetValue<int>()).ShouldBe((4, 4));
        await _node.HasUsedAsync(1, 4, 4, "0.000012000");
    }

    [Fact]
    public async Task Prompt_OfAMegabyte_IsTaken_AndOneBeyondTheBoundRefused()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "gift", isFree: true);
        await _node.RegisterAsync(server, $"{_node.Publisher}/gift@1.0.0");

        using var answer = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift", content: new string('x', 1 << 20)));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);

        using var refused = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift", content: new string('x', 17 << 20)));
        (await InferenceNode.ReadAsync(refused, HttpStatusCode.RequestEntityTooLarge))["error"]!["message"]!.GetValue<string>().ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Embeddings_AndCompletions_AreAnsweredToo()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "vectors", capability: "embeddings");
        await _node.RegisterAsync(server, $"{_node.Publisher}/vectors@1.0.0");

        using var vectors = await _node.AskAsync(new { model = $"{_node.Publisher}/vectors", input = "some text" }, "embeddings");
        (await InferenceNode.ReadAsync(vectors))["data"]![0]!["embedding"]!.AsArray().Count.ShouldBe(2);

        await using var texts = ModelServer.Start(call => call.RawAsync(ModelCall.Whole(200, """{"object":"text_completion","model":"tiny","choices":[{"text":" a time","index":0,"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""")));
        await _node.RegisterAsync(texts);
        using var completion = await _node.AskAsync(new { model = _node.Model, prompt = "Once upon", max_tokens = 2 }, "completions");
        (await InferenceNode.ReadAsync(completion))["choices"]![0]!["text"]!.GetValue<string>().ShouldBe(" a time");
    }

    [Fact]
    public async Task Models_AreListed_AndFoundByCapability()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var list = await _node.Http.GetAsync(new Uri("/v1/models", UriKind.Relative), Stop);
        var model = (await InferenceNode.ReadAsync(list))["data"]!.AsArray().ShouldHaveSingleItem()!;
        model["id"]!.GetValue<string>().ShouldBe(_node.Model);
        model["price_per_million_tokens"]!["output"]!.GetValue<string>().ShouldBe("2.000000000");

        using var byCapability = await _node.AskAsync(_node.Chat("auto:chat"));
        byCapability.Headers.GetValues("Stoa-Model").ShouldBe([_node.Model]);
        using var byName = await _node.AskAsync(_node.Chat($"{_node.Publisher}/tiny"));
        byName.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Refusals_AreInTheFormOfOpenAi()
    {
        using var nobody = new HttpClient { BaseAddress = _node.Http.BaseAddress };
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat(), http: nobody), HttpStatusCode.Unauthorized, "unauthenticated", "authentication_error");
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat("nobody/nothing")), HttpStatusCode.NotFound, "model_not_found", "invalid_request_error");
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat("auto:vision")), HttpStatusCode.NotFound, "model_not_found", "invalid_request_error");
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat("no name")), HttpStatusCode.BadRequest, "invalid_request", "invalid_request_error");
        await ShouldRefuseAsync(await _node.AskAsync(new { model = "auto" }), HttpStatusCode.BadRequest, "invalid_request", "invalid_request_error");
        using var unknown = await _node.Http.GetAsync(new Uri("/v1/models/nobody/nothing", UriKind.Relative), Stop);
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Node_ThatServesNoModel_SaysHowToGetOne()
    {
        using var asked = await _node.AskAsync(_node.Chat("auto:chat"));
        var said = (await InferenceNode.ReadAsync(asked, HttpStatusCode.NotFound))["error"]!["message"]!.GetValue<string>();
        said.ShouldContain("stoa up --model");
        said.ShouldContain("stoa replica add");

        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var other = await _node.AskAsync(_node.Chat("nobody/nothing"));
        (await InferenceNode.ReadAsync(other, HttpStatusCode.NotFound))["error"]!["message"]!.GetValue<string>().ShouldContain("GET /v1/models");
    }

    [Theory]
    [InlineData("PUBLISHER/tiny", "PUBLISHER/tiny@1.0.0")]
    [InlineData("PUBLISHER%2Ftiny", "PUBLISHER/tiny@1.0.0")]
    [InlineData("PUBLISHER%2ftiny%401.0.0", "PUBLISHER/tiny@1.0.0")]
    [InlineData("mine", "mine")]
    [InlineData("PUBLISHER%2Fother", null)]
    [InlineData("nothing", null)]
    [InlineData("%2F", null)]
    public async Task Model_IsShownByItsName_HoweverThatIsWrittenInThePath(string path, string? id)
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var route = await _node.Http.PutAsJsonAsync("/api/v1/routes/mine", new { targets = new[] { new { model = _node.Model, weight = 1 } } }, Stop);
        route.IsSuccessStatusCode.ShouldBeTrue(await route.Content.ReadAsStringAsync(Stop));

        using var shown = await _node.Http.GetAsync(new Uri("/v1/models/" + path.Replace("PUBLISHER", _node.Publisher, StringComparison.Ordinal), UriKind.Relative), Stop);

        var json = await InferenceNode.ReadAsync(shown, id is null ? HttpStatusCode.NotFound : HttpStatusCode.OK);
        (json["id"] ?? json["error"]!["code"])!.GetValue<string>().ShouldBe(id?.Replace("PUBLISHER", _node.Publisher, StringComparison.Ordinal) ?? "model_not_found");
    }

    [Fact]
    public async Task WhoHasNoMoney_IsRefused_AndTheServerIsNotAsked()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        using var poor = await _node.Node.JoinAsync("poor");
        using var http = new HttpClient { BaseAddress = _node.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", poor.Options.ApiKey);

        using var refused = await _node.AskAsync(_node.Chat(), http: http);

        await ShouldRefuseAsync(refused, HttpStatusCode.PaymentRequired, "insufficient_funds", "insufficient_quota");
        server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Organisation_InWhoseNameIsAsked_Pays_WithinItsBudget()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);
        var client = _node.Node.Client;
        await client.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);
        using var acting = new StoaClient(client.Options with { Organisation = "acme" });
        Task<HttpResponseMessage> AskAsync() => _node.AskAsync(_node.Chat(), headers: ("Stoa-Organisation", "acme"));
        await ShouldRefuseAsync(await AskAsync(), HttpStatusCode.PaymentRequired, "insufficient_funds", "insufficient_quota");

        await client.DepositAsync(new DepositRequest("acme", "1"), Stop);
        await InferenceNode.ReadAsync(await AskAsync());
        await Eventually.IsSoAsync(async () => (await acting.GetWalletAsync(Stop)).Posted == "0.999989000");
        (await _node.UsedAsync()).Requests.ShouldBe(0, "whoever asks in its name pays nothing himself");

        // Less than a request may cost; what is held already is given back within a second.
        await acting.SetBudgetAsync(new SetBudgetRequest("0.0001", "day"), Stop);
        HttpResponseMessage? refused = null;
        await Eventually.IsSoAsync(async () => (refused = await AskAsync()).StatusCode is not HttpStatusCode.OK);
        await ShouldRefuseAsync(refused!, HttpStatusCode.PaymentRequired, "budget_exhausted", "insufficient_quota");
    }

    [Fact]
    public async Task Key_ThatMayNotSpend_AsksFreeModelsAlone()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "gift", isFree: true);
        await _node.RegisterAsync(server);
        await _node.RegisterAsync(server, $"{_node.Publisher}/gift@1.0.0");
        using var created = await _node.Http.PostAsJsonAsync("/api/v1/api-keys", new { name = "chat", scopes = new[] { "models:use" } }, Stop);
        var key = (await InferenceNode.ReadAsync(created, HttpStatusCode.Created))["secret"]!.GetValue<string>();
        using var http = new HttpClient { BaseAddress = _node.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);

        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat(), http: http), HttpStatusCode.Forbidden, "spending_forbidden", "permission_error");
        using var free = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift"), http: http);

        free.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var route = await http.PutAsJsonAsync("/api/v1/routes/mine", new { targets = new[] { new { model = _node.Model } } }, Stop);
        route.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Route_GoesOnToItsAlternative_WhenTheOnlyServerOfItsTargetFails()
    {
        await using var bad = ModelServer.Start(call => call.ErrorAsync(500));
        await using var good = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "other");
        await _node.RegisterAsync(bad);
        await _node.RegisterAsync(good, $"{_node.Publisher}/other@1.0.0");
        using var route = await _node.Http.PutAsJsonAsync(
            "/api/v1/routes/mine", new { targets = new[] { new { model = _node.Model, weight = 1 } }, alternatives = new[] { $"{_node.Publisher}/other" } }, Stop);
        route.IsSuccessStatusCode.ShouldBeTrue(await route.Content.ReadAsStringAsync(Stop));

        using var answer = await _node.AskAsync(_node.Chat("mine"));

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("Stoa-Model").ShouldBe([$"{_node.Publisher}/other@1.0.0"]);
    }

    [Fact]
    public async Task FreeModel_IsForWhoHasNoMoney_AndMakesNoUsage()
    {
        await using var server = ModelServer.Start();
        await _node.PublishAsync("1.0.0", "gift", isFree: true);
        await _node.RegisterAsync(server, $"{_node.Publisher}/gift@1.0.0");
        using var poor = await _node.Node.JoinAsync("poor");
        using var http = new HttpClient { BaseAddress = _node.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", poor.Options.ApiKey);

        using var answer = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift"), http: http);

        (await InferenceNode.ReadAsync(answer))["usage"]!["cost"]!.GetValue<string>().ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Session_StaysWithItsReplica()
    {
        await using var one = ModelServer.Start();
        await using var two = ModelServer.Start();
        await _node.RegisterAsync(one);
        await _node.RegisterAsync(two);

        for (var request = 0; request < 12; request++)
        {
            using var answer = await _node.AskAsync(_node.Chat(), headers: ("Stoa-Session", "conversation-1"));
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        new[] { one.Requests.Count, two.Requests.Count }.Order().ShouldBe([0, 12]);
    }

    [Fact]
    public async Task Request_OfAFullReplica_Waits_AndIsAnsweredInTurn()
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        await _node.RegisterAsync(server, maxRequests: 1);
        var first = _node.AskAsync(_node.Chat());
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);
        var fleet = _node.Node.Host.Services.GetRequiredService<ModelFleets>().All.Single();
        var second = _node.AskAsync(_node.Chat());
        await Eventually.IsSoAsync(() => fleet.Waiting == 1);
        second.IsCompleted.ShouldBeFalse();
        goOn.SetResult();

        using var firstAnswer = await first;
        using var secondAnswer = await second;

        firstAnswer.StatusCode.ShouldBe(HttpStatusCode.OK);
        secondAnswer.StatusCode.ShouldBe(HttpStatusCode.OK);
        WaitedMs(secondAnswer).ShouldBeGreaterThan(WaitedMs(firstAnswer));

        static double WaitedMs(HttpResponseMessage answer) => double.Parse(answer.Headers.GetValues("Stoa-Wait-Ms").Single(), CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Replica_ThatIsDrained_AnswersWhatItHas()
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        var id = await _node.RegisterAsync(server);
        var running = _node.AskAsync(_node.Chat());
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);

        await _node.Node.Client.DrainReplicaAsync(id, isDraining: true, Stop);
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat()), HttpStatusCode.ServiceUnavailable, "no_replica", "server_error");
        goOn.SetResult();

        using var answer = await running;
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        server.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_ThatIsHedged_IsAnsweredByTheFaster_AndPaidOnce(bool stream)
    {
        await using var slow = ModelServer.Start(call => call.HangAsync());
        await using var fast = ModelServer.Start();
        await _node.RegisterAsync(slow, weight: 1_000);
        await _node.RegisterAsync(fast);

        using var answer = await _node.AskAsync(_node.Chat(stream: stream), headers: ("Stoa-Hedge-Ms", "50"));

        if (stream)
            InferenceNode.TextOf(await InferenceNode.ReadEventsAsync(answer)).ShouldBe("Hello there ");
        else
            (await InferenceNode.ReadAsync(answer))["choices"]!.AsArray().Count.ShouldBe(1);
        slow.Requests.Count.ShouldBe(1);
        await Eventually.IsSoAsync(() => slow.GivenUp == 1);
        await _node.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Fact]
    public async Task Request_ThatIsHedged_IsAnsweredByTheFirst_WhenTheSecondFails()
    {
        var goOn = new TaskCompletionSource();
        await using var slow = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        await using var broken = ModelServer.Start(async call =>
        {
            await call.ErrorAsync(500);
            goOn.TrySetResult();
        });
        await _node.RegisterAsync(slow, weight: 1_000);
        await _node.RegisterAsync(broken);

        using var answer = await _node.AskAsync(_node.Chat(), headers: ("Stoa-Hedge-Ms", "50"));

        (await InferenceNode.ReadAsync(answer))["choices"]!.AsArray().Count.ShouldBe(1);
        slow.Requests.Count.ShouldBe(1);
        await _node.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Fact]
    public async Task Request_ThatIsHedged_IsRefused_WhenBothFail_AndCostsNothing()
    {
        var goOn = new TaskCompletionSource();
        await using var slow = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.ErrorAsync(500);
        });
        await using var broken = ModelServer.Start(async call =>
        {
            await call.ErrorAsync(500);
            goOn.TrySetResult();
        });
        await _node.RegisterAsync(slow, weight: 1_000);
        await _node.RegisterAsync(broken);

        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat(), headers: ("Stoa-Hedge-Ms", "20")), HttpStatusCode.BadGateway, "replicas_failed", "server_error");

        (await _node.UsedAsync()).Requests.ShouldBe(0);
    }

    [Fact]
    public async Task WhoHasNoMoney_KeepsNobodyFromAServer()
    {
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        await _node.RegisterAsync(server, maxRequests: 1);
        var running = _node.AskAsync(_node.Chat());
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);
        using var poor = await _node.Node.JoinAsync("poor");
        using var http = new HttpClient { BaseAddress = _node.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", poor.Options.ApiKey);

        // All are busy: whoever could pay would wait.
        await ShouldRefuseAsync(await _node.AskAsync(_node.Chat(), http: http), HttpStatusCode.PaymentRequired, "insufficient_funds", "insufficient_quota");

        goOn.SetResult();
        using var answer = await running;
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Region_IsWhereARequestIsAnswered_AsLongAsThereIsOne()
    {
        await using var east = ModelServer.Start();
        await using var west = ModelServer.Start();
        await _node.RegisterAsync(east, region: "east");
        await _node.RegisterAsync(west, region: "west");

        for (var request = 0; request < 6; request++)
            (await _node.AskAsync(_node.Chat(content: $"Say {request}"), headers: ("Stoa-Region", "west"))).Dispose();
        using var elsewhere = await _node.AskAsync(_node.Chat(), headers: ("Stoa-Region", "north"));

        (east.Requests.Count + west.Requests.Count).ShouldBe(7);
        west.Requests.Count.ShouldBeGreaterThanOrEqualTo(6);
        elsewhere.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Request_ThatHasWaitedLongEnough_IsToldSo()
    {
        await using var impatient = await InferenceNode.StartAsync("--Inference:QueueMs", "50");
        await using var server = ModelServer.Start(call => call.HangAsync());
        await impatient.RegisterAsync(server, maxRequests: 1);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var running = impatient.AskAsync(impatient.Chat(), cancellationToken: giveUp.Token);
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);

        using var refused = await impatient.AskAsync(impatient.Chat());
        refused.Headers.RetryAfter.ShouldNotBeNull();
        await ShouldRefuseAsync(refused, HttpStatusCode.ServiceUnavailable, "waited_too_long", "server_error");

        await giveUp.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(running);
    }

    [Fact]
    public async Task StreamOptions_GoOnToTheServer_WithUsageAsked()
    {
        await using var server = ModelServer.Start();
        await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(new
        {
            model = _node.Model,
            messages = new[] { new { role = "user", content = "Say hello" } },
            stream = true,
            max_tokens = 50,
            stream_options = new { include_obfuscation = false, include_usage = false },
        });

        InferenceNode.TextOf(await InferenceNode.ReadEventsAsync(answer)).ShouldBe("Hello there ");
        server.Requests.TryDequeue(out var request).ShouldBeTrue();
        request!["stream_options"]!.ToJsonString().ShouldBe("""{"include_obfuscation":false,"include_usage":true}""");
    }

    [Fact]
    public async Task Requests_OfOneAccount_HaveNoMoreBytesTogetherThanTheyMay()
    {
        await using var narrow = await InferenceNode.StartAsync("--Inference:MaxRequestBytes", "100000", "--Inference:MaxHeldBytesOfAccount", "150000");
        var goOn = new TaskCompletionSource();
        await using var server = ModelServer.Start(async call =>
        {
            await goOn.Task;
            await call.AnswerAsync("Hello there");
        });
        await narrow.RegisterAsync(server);
        var content = new string('x', 80_000);
        var running = narrow.AskAsync(narrow.Chat(content: content, maxTokens: 5));
        await Eventually.IsSoAsync(() => !server.Requests.IsEmpty);

        await ShouldRefuseAsync(await narrow.AskAsync(narrow.Chat(content: content)), HttpStatusCode.TooManyRequests, "too_many_bytes", "rate_limit_error");
        var small = narrow.AskAsync(narrow.Chat());

        goOn.SetResult();
        using var first = await running;
        using var second = await small;
        (first.StatusCode, second.StatusCode).ShouldBe((HttpStatusCode.OK, HttpStatusCode.OK));
        await Eventually.IsSoAsync(async () =>
        {
            using var again = await narrow.AskAsync(narrow.Chat(content: content, maxTokens: 5));
            return again.StatusCode is HttpStatusCode.OK;
        });
    }

    [Fact]
    public async Task Server_IsFree_AsSoonAsItHasAnswered_HoweverSlowlyThatIsRead()
    {
        var long20 = new string('x', 20 << 20);
        await using var server = ModelServer.Start(call => call.AnswerAsync(call.Request["max_tokens"]!.GetValue<int>() == 51 ? long20 : "Hello there"));
        await _node.PublishAsync("1.0.0", "gift", isFree: true);
        await _node.RegisterAsync(server, $"{_node.Publisher}/gift@1.0.0", maxRequests: 1);

        // Its head is read, and of the rest what the machine takes by itself.
        using var unread = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift", maxTokens: 51));
        unread.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var other = await _node.AskAsync(_node.Chat($"{_node.Publisher}/gift"));

        (await InferenceNode.ReadAsync(other))["choices"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Speed_OfAServerIsThatOfItsWriting_OfWholeAnswersToo()
    {
        await using var server = ModelServer.Start(async call =>
        {
            await Task.Delay(250, Stop);
            await call.AnswerAsync("Hello there");
        });
        var replica = await _node.RegisterAsync(server);

        using var answer = await _node.AskAsync(_node.Chat());

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        // A second token within a quarter of a second or more.
        (await _node.Node.Client.GetReplicaAsync(replica, Stop)).Figures!.TokensPerSecond.ShouldNotBeNull().ShouldBeLessThan(5);
    }

    [Fact]
    public async Task Server_ThatSaysThatItIsBusy_IsNotLeftAloneForIt()
    {
        await using var busy = ModelServer.Start(call => call.ErrorAsync(429));
        await using var free = ModelServer.Start();
        await _node.RegisterAsync(busy, weight: 1_000);
        await _node.RegisterAsync(free);

        for (var request = 0; request < 6; request++)
            (await _node.AskAsync(_node.Chat(content: $"Say {request}"))).Dispose();

        busy.Requests.Count.ShouldBeGreaterThan(3);
        free.Requests.Count.ShouldBe(6);
    }

    private static async Task ShouldRefuseAsync(HttpResponseMessage answer, HttpStatusCode status, string code, string type)
    {
        using (answer)
        {
            var error = (await InferenceNode.ReadAsync(answer, status))["error"]!;
            error["code"]!.GetValue<string>().ShouldBe(code);
            error["type"]!.GetValue<string>().ShouldBe(type);
            error["message"]!.GetValue<string>().ShouldNotBeEmpty();
        }
    }
}
