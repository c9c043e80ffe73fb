using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Samples;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Agents;

/// <summary>Agents that ask models on a whole node: from agent.json through the gateway to a server, and to what everybody earns.</summary>
[Trait("speed", "slow")]
public sealed class AskingAgentsTests : IAsyncLifetime
{
    private const string Body = """{"model":"cy/tiny","max_tokens":50,"messages":[{"role":"user","content":"Say hello"}]}""";

    // Seven tokens in at 1 + 0.5 dollars a million, and two out at 2 + 1.
    private const string PriceOfAnswer = "0.000016500";

    private static readonly AgentLimitsBody s_limits = new(100_000_000, 16 << 20, 120_000, 100_000, 4_096);

    private readonly Dictionary<string, StoaClient> _clients = [];
    private readonly ModelServer _server = ModelServer.Start();
    private InferenceNode _all = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private TestNode Node => _all.Node;

    public async ValueTask InitializeAsync()
    {
        // Servers are waited for so long that a request which ends sooner was ended by its task.
        _all = await InferenceNode.StartAsync("--Ledger:OpeningCredit", "1", "--Tasks:Workers", "8", "--Metering:PollMs", "20", "--Disputes:PollMs", "50", "--Inference:FirstTokenMs", "3600000");
        foreach (var handle in (string[])["ben", "cy", "dan"])
            _clients[handle] = await Node.JoinAsync(handle);
        await _clients["cy"].UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
        await _clients["cy"].PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "tiny", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["chat"], "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" } }
            """),
            Stop);
        using var registered = await _all.Http.PostAsJsonAsync(
            "/api/v1/replicas",
            new { model = "cy/tiny@1.0.0", address = _server.Address, upstreamModel = "tiny", servingPrice = new { perMillionInputTokens = "0.5", perMillionOutputTokens = "1" }, skipCheck = true },
            Stop);
        registered.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
        await _all.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Task_ThatAsksAModel_PaysForItOutOfItsHold_AndTellsOfItEverywhere()
    {
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker(times: 2));
        (agent.MaxPriceOfCalls, agent.Asks!.Single().Listing).ShouldBe(("0.010000000", "cy/tiny"));
        (await Node.Client.GetAgentAsync(AgentReference.Parse("ben/asker"), Stop)).Asks.ShouldBe(agent.Asks);
        (await Node.Client.QuoteAsync(new SubmitTaskRequest(agent.Listing, new TaskInputBody(Text: Body)), Stop)).Hold.ShouldBe("0.010010000");
        var before = Money.Parse((await Node.Client.GetWalletAsync(Stop)).Posted);

        var task = await Node.RunAsync(agent.Listing, Body);

        (task.State, task.Hold, task.Result?.Price).ShouldBe(("succeeded", "0.010010000", "0.000043000"), task.Failure?.Detail);
        (await Node.ResultAsync(task)).ShouldContain("0{\"id\":\"c1\"");
        _server.Requests.Count.ShouldBe(2);
        _server.Requests.ShouldAllBe(request => request["model"]!.GetValue<string>() == "tiny" && request["messages"]![0]!["content"]!.GetValue<string>() == "Say hello");
        task.Result!.Models!.Select(request => $"{request.Number} {request.Asked} {request.Model} {request.InputTokens}+{request.OutputTokens} {request.Price} {request.Failure}")
            .ShouldBe([$"1 cy/tiny cy/tiny@1.0.0 7+2 {PriceOfAnswer} ", $"2 cy/tiny cy/tiny@1.0.0 7+2 {PriceOfAnswer} "]);

        // Of 11,000 for the listing 7,700 are cy's, twice; of the agent's 10,000 7,000 are ben's.
        (await _clients["cy"].GetWalletAsync(Stop)).Posted.ShouldBe("0.000015400");
        (await _clients["ben"].GetWalletAsync(Stop)).Posted.ShouldBe("0.000007000");
        var wallet = await Node.Client.GetWalletAsync(Stop);
        (Money.Parse(wallet.Posted), wallet.Held).ShouldBe((before - new Money(43_000), "0.000000000"));

        var row = await _clients["cy"].ListUsageAsync(new UsageQuery { Role = "creator", GroupBy = "agent" }, Stop).SingleAsync(Stop);
        (row.Group, row.Earned).ShouldBe(("cy/tiny", "0.000015400"));
        await _all.HasUsedAsync(2, 14, 4, "0.000033000");
        (await Node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
        var used = (await Node.Client.ListUsageEventsAsync(null, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        used.Data.GetProperty("modelRequests").GetArrayLength().ShouldBe(2);
        used.Data.GetProperty("modelRequests")[0].GetProperty("shares").ToString().ShouldBe("""{"creator":"0.000007700","node":"0.000007333","platform":"0.000001467"}""");
        PortSchema.Validate(Encoding.UTF8.GetString(UsageSchema.Utf8), JsonSerializer.SerializeToUtf8Bytes(used, StoaJson.Default.CloudEvent)).ShouldBeEmpty();

        var verified = ReceiptVerifier.Verify(await Node.Client.GetReceiptAsync(task.Id, Stop), null);
        verified.Refusal.ShouldBeNull(verified.Refusal?.Detail);
        verified.Value.Royalties.Select(part => $"{part.To} {part.Agent} {part.Amount}").ShouldBe(["ben ben/asker@1.0.0 0.000007000", "cy cy/tiny@1.0.0 0.000015400"]);
        verified.Value.ModelRequests.ShouldAllBe(request => request.RequestDigest == ContentHash.Of(Encoding.UTF8.GetBytes(Body)));
        (await Should.ThrowAsync<StoaException>(() => Node.Client.DisputeTaskAsync(task.Id, "Let us see.", Stop))).Code.ShouldBe("nothingToDispute");
    }

    [Fact]
    public async Task Tasks_ManyAtOnce_EachPayByTheirOwnHold_AndTheBooksAddUp()
    {
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker(times: 3), Ask() with { MaxPrice = "0.0005" });
        var before = Money.Parse((await Node.Client.GetWalletAsync(Stop)).Posted);

        var tasks = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Node.RunAsync(agent.Listing, Body)));

        tasks.ShouldAllBe(task => task.State == "succeeded" && task.Result!.Models!.Count == 3);
        var paid = tasks.Aggregate(Money.Zero, (sum, task) => sum + Money.Parse(task.Result!.Price));
        paid.ShouldBe(new Money(8 * (10_000 + 3 * 16_500)));
        var wallet = await Node.Client.GetWalletAsync(Stop);
        (Money.Parse(wallet.Posted), wallet.Held).ShouldBe((before - paid, "0.000000000"));
        (await _clients["cy"].GetWalletAsync(Stop)).Posted.ShouldBe(new Money(24 * 7_700).ToString());
        (await Node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
    }

    [Fact]
    public async Task Request_ThatMayCostMoreThanIsLeft_IsNotMade()
    {
        var poor = await PublishAsync("ben", "poor", CallPrograms.Asker(), Ask() with { MaxPrice = "0" });
        var refused = await Node.ResultAsync(await Node.RunAsync(poor.Listing, Body));
        refused.ShouldContain("\"status\":402,\"code\":\"budget_exhausted\"");
        _server.Requests.ShouldBeEmpty();
        var most = refused.Split("The request may cost ")[1].Split(' ')[0];
        // Enough for what one may cost: when that one has cost something, there is not enough for another.
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker(times: 2), Ask() with { MaxPrice = most });

        var task = await Node.RunAsync(agent.Listing, Body);

        task.Result!.Models!.Select(request => (request.Failure, request.Price)).ShouldBe([(null, PriceOfAnswer), ("budget_exhausted", "0.000000000")]);
        _server.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Model_OfAnotherName_IsNotAsked()
    {
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker());

        var task = await Node.RunAsync(agent.Listing, Body.Replace("cy/tiny", _all.Model, StringComparison.Ordinal));

        (await Node.ResultAsync(task)).ShouldStartWith("1{\"error\":\"modelUndeclared\"");
        (task.Result!.Models, _server.Requests.Count).ShouldBe((null, 0));
    }

    [Fact]
    public async Task Route_IsFollowedOnlyWhereTheAgentNamesIt()
    {
        await Node.Client.SetRouteAsync("fast", new SetRouteRequest([new RouteTargetBody("cy/tiny")]), cancellationToken: Stop);
        var named = await PublishAsync("ben", "named", CallPrograms.Asker(), new AgentAskBody(2, "0.01", Route: "fast"));
        var other = await PublishAsync("ben", "other", CallPrograms.Asker());
        var body = Body.Replace("cy/tiny", "fast", StringComparison.Ordinal);

        (await Node.ResultAsync(await Node.RunAsync(named.Listing, body))).ShouldStartWith("0{");
        (await Node.ResultAsync(await Node.RunAsync(other.Listing, body))).ShouldStartWith("1{\"error\":\"modelUndeclared\"");
    }

    [Fact]
    public async Task Server_ThatIsKilledInTheMiddle_IsAnErrorThatCostsNothing()
    {
        _server.Behaviour = async call =>
        {
            await call.RawAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"choices\":[");
            call.Break();
        };
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker());

        var task = await Node.RunAsync(agent.Listing, Body);

        (task.State, task.Result?.Price).ShouldBe(("succeeded", "0.000010000"), task.Failure?.Detail);
        (await Node.ResultAsync(task)).ShouldContain("\"status\":502,\"code\":\"replicas_failed\"");
        var request = task.Result!.Models.ShouldHaveSingleItem();
        (request.Failure, request.Price, request.Model).ShouldBe(("replicas_failed", "0.000000000", null));
        ReceiptVerifier.Verify(await Node.Client.GetReceiptAsync(task.Id, Stop), null).Value.IsRepeatable.ShouldBeFalse();
    }

    [Fact]
    public async Task Answer_LongerThanTheAgentTakes_IsAnErrorThatIsPaidFor()
    {
        _server.Behaviour = call => call.AnswerAsync(string.Concat(Enumerable.Repeat("hello ", 40)).Trim());
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker(), Ask() with { MaxAnswerBytes = 100 });

        var task = await Node.RunAsync(agent.Listing, Body);

        (await Node.ResultAsync(task)).ShouldContain("\"status\":413,\"code\":\"answer_too_long\"");
        var request = task.Result!.Models.ShouldHaveSingleItem();
        (request.Failure, request.Model, request.OutputTokens).ShouldBe(("answer_too_long", "cy/tiny@1.0.0", 40));
        Money.Parse(request.Price).ShouldBeGreaterThan(Money.Zero);
        ReceiptVerifier.Verify(await Node.Client.GetReceiptAsync(task.Id, Stop), null).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Cancellation_EndsTheRequestAtTheServer_AndCostsNothing()
    {
        _server.Behaviour = call => call.HangAsync();
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker());
        var task = await Node.Client.SubmitTextAsync(agent.Listing, Body, cancellationToken: Stop);
        await Eventually.IsSoAsync(() => !_server.Requests.IsEmpty);

        await Node.Client.CancelTaskAsync(task.Id, Stop);

        (await Node.Client.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop)).State.ShouldBe("cancelled");
        await Eventually.IsSoAsync(() => _server.GivenUp == 1, "The server was not told.");
        (await Node.Client.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Deadline_EndsTheRequestAtTheServer()
    {
        _server.Behaviour = call => call.HangAsync();
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker(), limits: s_limits with { TimeoutMs = 3_000 });

        var task = await Node.RunAsync(agent.Listing, Body);

        (task.State, task.Failure?.Code).ShouldBe(("failed", "timedOut"));
        await Eventually.IsSoAsync(() => _server.GivenUp >= 1, "The server was not told.");
    }

    [Theory]
    [InlineData("unreachable", "trap")]
    [InlineData("(call $exit (i32.const 3))", "agentExit")]
    [InlineData("(call $exit (i32.const 75))", "agentUnavailable")]
    [InlineData("(loop $again (br $again))", "outOfFuel")]
    public async Task Task_ThatFailsAfterItHasAsked_PaysForWhatWasAnswered_AndForNothingElse(string end, string code)
    {
        var agent = await PublishAsync("ben", "asker", AskAnd(end));
        var before = Money.Parse((await Node.Client.GetWalletAsync(Stop)).Posted);
        var budget = await Node.Client.SetBudgetAsync(new SetBudgetRequest("1", "day"), Stop);
        var key = await Node.Client.CreateApiKeyAsync(new CreateApiKeyRequest("x", SpendPerDay: "1"), Stop);
        using var limited = new StoaClient(Node.Client.Options with { ApiKey = key.Secret });

        var task = await limited.SubmitTextAsync(agent.Listing, "", cancellationToken: Stop);
        task = await limited.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop);

        // Once: another attempt would ask again.
        (task.State, task.Failure?.Code, _server.Requests.Count).ShouldBe(("failed", code, 1));
        var wallet = await Node.Client.GetWalletAsync(Stop);
        var paid = before - Money.Parse(wallet.Posted);
        wallet.Held.ShouldBe("0.000000000");
        paid.ShouldBeGreaterThan(Money.Zero);
        task.Failure!.Detail.ShouldContain($"{paid} USD were charged for what models have answered");
        task.Failure.Detail.ShouldNotContain("Nothing was charged");
        task.Charged.ShouldBe(paid.ToString());
        await Eventually.IsSoAsync(async () => await Node.Client.GetBudgetAsync(budget.Id, Stop) is { Held: "0.000000000" } settled && settled.Spent == paid.ToString());
        (await Node.Client.ListApiKeysAsync(Stop).FirstAsync(one => one.Id == key.Id, Stop)).SpentToday.ShouldBe(paid.ToString());
        Money.Parse((await _clients["cy"].GetWalletAsync(Stop)).Posted).ShouldBeInRange(new Money(1), paid);
        (await _clients["ben"].GetWalletAsync(Stop)).Posted.ShouldBe("0.000000000", "the agent has given nothing");
        (await Node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
    }

    [Fact]
    public async Task Task_ThatIsCancelledAfterItHasAsked_PaysForWhatWasAnswered()
    {
        _server.Behaviour = call => _server.Requests.Count == 1 ? call.AnswerAsync("hello") : call.HangAsync();
        var agent = await PublishAsync("ben", "asker", AskAnd("(drop (call $run (call $request (i32.const 256) (global.get $message))))"));
        var before = Money.Parse((await Node.Client.GetWalletAsync(Stop)).Posted);
        var task = await Node.Client.SubmitTextAsync(agent.Listing, "", cancellationToken: Stop);
        await Eventually.IsSoAsync(() => _server.Requests.Count == 2);

        await Node.Client.CancelTaskAsync(task.Id, Stop);

        task = await Node.Client.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop);
        task.State.ShouldBe("cancelled");
        var wallet = await Node.Client.GetWalletAsync(Stop);
        (wallet.Held, task.Charged).ShouldBe(("0.000000000", (before - Money.Parse(wallet.Posted)).ToString()));
        Money.Parse((await _clients["cy"].GetWalletAsync(Stop)).Posted).ShouldBeInRange(new Money(1), before - Money.Parse(wallet.Posted));
    }

    [Fact]
    public async Task RequestsOfACalledAgent_ArePaidByTheTask()
    {
        await PublishAsync("ben", "asker", CallPrograms.Asker(), Ask() with { MaxPrice = "0.001", MaxRequestBytes = 1_000, MaxAnswerBytes = 1_000 }, limits: s_limits with { MemoryBytes = 1 << 20 });
        var caller = await PublishAsync("dan", "caller", CallPrograms.Caller("ben/asker@1.0.0", times: 2), ask: null, uses: new AgentUseBody("ben/asker@1.0.0", 2, "0.0021", 1_000));

        var task = await Node.RunAsync(caller.Listing, Body);

        (task.State, task.Result?.Price).ShouldBe(("succeeded", "0.000063000"), task.Failure?.Detail);
        task.Result!.Models!.Select(request => (request.Number, request.Call)).ShouldBe([(1, 1), (2, 2)]);
        ReceiptVerifier.Verify(await Node.Client.GetReceiptAsync(task.Id, Stop), null).Refusal.ShouldBeNull();
        (await _clients["cy"].GetWalletAsync(Stop)).Posted.ShouldBe("0.000015400");
        (await Node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
    }

    [Fact]
    public async Task TextSummary_AsksWhicheverModelCanChat()
    {
        _server.Behaviour = call => call.AnswerAsync("A lake \\u00e4nd \\\"hills\\\"\\nin two lines.");
        var program = await File.ReadAllBytesAsync(SampleFolder.File("text-summary", "text-summary.wasm"), Stop);
        await _clients["ben"].PublishAgentAsync(await File.ReadAllBytesAsync(SampleFolder.File("text-summary", "agent.json"), Stop), new MemoryStream(program), cancellationToken: Stop);

        var task = await Node.RunAsync("ben/text-summary", "A \"lake\" lies\nin the mountains.");

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        (await Node.ResultAsync(task)).ShouldBe("A lake änd \"hills\"\nin two lines.\n");
        _server.Requests.ShouldHaveSingleItem()["messages"]![1]!["content"]!.GetValue<string>().ShouldBe("A \"lake\" lies\nin the mountains.");
    }

    [Fact]
    public async Task Task_OfAnAgentThatAsks_IsNotRedundant()
    {
        var agent = await PublishAsync("ben", "asker", CallPrograms.Asker());

        (await Should.ThrowAsync<StoaException>(() => Node.Client.SubmitAsync(
            new SubmitTaskRequest(agent.Listing, new TaskInputBody(Text: Body), Redundancy: new RedundancyBody(2, 2)), cancellationToken: Stop))).Message.ShouldContain("asks models");
    }

    [Fact]
    public async Task Publish_OfAnAgentWithoutMemoryForWhatItAsks_IsRefused()
    {
        var cramped = await Should.ThrowAsync<StoaException>(() => PublishAsync("ben", "asker", CallPrograms.Asker(), limits: s_limits with { MemoryBytes = 1 << 19 }));

        (cramped.Code, cramped.Problem.Errors!.Single().Pointer).ShouldBe(("usesInvalid", "/limits/memoryBytes"));
    }

    private static byte[] AskAnd(string then) => CallPrograms.Program(
        """{"op":"ask","body":{"model":"cy/tiny","max_tokens":50,"messages":"x"}}""", $"(drop (call $run (call $request (i32.const 256) (global.get $message)))) {then}");

    private static AgentAskBody Ask() => new(8, "0.01", Listing: "cy/tiny");

    private Task<AgentResponse> PublishAsync(string publisher, string name, byte[] program, AgentLimitsBody? limits = null) => PublishAsync(publisher, name, program, Ask(), limits);

    private Task<AgentResponse> PublishAsync(string publisher, string name, byte[] program, AgentAskBody? ask, AgentLimitsBody? limits = null, params AgentUseBody[] uses)
    {
        var manifest = new AgentManifestBody(
            name, "1.0.0", "A program of the tests.", ["test.asks"], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            limits ?? s_limits, new AgentPriceBody("0.00001", "0", "0"), Uses: uses.Length == 0 ? null : uses, Asks: ask is null ? null : [ask]);
        return _clients[publisher].PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: Stop);
    }
}
