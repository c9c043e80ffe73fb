using System.Text;
using System.Text.Json;
using Stoa.Market.Calls;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Calls;

public sealed class AskedModelsTests : IDisposable
{
    private const string Good = """{"model":"stoa/tiny","messages":[{"role":"user","content":"hello"}]}""";

    private readonly CallMarket _market = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _market.Dispose();

    [Fact]
    public async Task Request_ToADeclaredModel_GivesItsAnswer_AndIsWrittenDown()
    {
        var completed = await AskAsync(times: 2);

        _market.Text.ShouldBe("0" + _market.Models.Answer + "0" + _market.Models.Answer);
        _market.Models.Requests.Count.ShouldBe(2);
        _market.Models.Requests.ShouldAllBe(request => request.Contains("\"content\":\"hello\"", StringComparison.Ordinal));
        var requests = _market.Calls!.CompleteRequests();
        requests.Select(request => (request.Number, request.Caller, request.Asked, request.Failure)).ShouldBe([(1, 0, "stoa/tiny", null), (2, 0, "stoa/tiny", null)]);
        requests.ShouldAllBe(request => request.Paid!.Price.Total == StubModels.Price && request.Paid.Used == new TokenUsage(100, 10));
        requests.ShouldAllBe(request => request.Request == ContentHash.Of(Encoding.UTF8.GetBytes(Good)) && request.Answer == ContentHash.Of(Encoding.UTF8.GetBytes(_market.Models.Answer)));
        completed.Usage.Fuel.ShouldBeGreaterThan(2 * CallFuel.Run);
    }

    [Fact]
    public async Task Body_InTheMessage_NeedsNoWriting()
    {
        _market.Add("asker", CallPrograms.Program(
            """{"op":"ask","body":{"model":"stoa/tiny","messages":"hello"}}""",
            """
            (local $handle i32)
            (local.set $handle (call $request (i32.const 256) (global.get $message)))
            (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $run (local.get $handle))))
            (call $put (i32.const 64) (i32.const 1))
            (call $put (i32.const 1024) (call $read (local.get $handle) (i32.const 1024) (i32.const 700)))
            """));
        _market.Let("asker", CallMarket.Ask());

        (await _market.RunAsync("asker", [], Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldBe("0" + _market.Models.Answer);
        _market.Models.Requests.ShouldHaveSingleItem().ShouldBe("""{"model":"tiny","messages":"hello"}""");
    }

    /// <summary>What is refused before any model is asked: the body, the endpoint, the error.</summary>
    [Theory]
    [InlineData("""{"model":"stoa/other","messages":"x"}""", "chat/completions", "modelUndeclared")]
    [InlineData("""{"model":"auto","messages":"x"}""", "chat/completions", "modelUndeclared")]
    [InlineData("""{"model":"stoa/tiny@2.0.0","messages":"x"}""", "chat/completions", "modelUndeclared")]
    [InlineData("""{"model":"stoa/tiny","messages":"x","stream":true}""", "chat/completions", "requestInvalid")]
    [InlineData("""{"model":"stoa/tiny"}""", "chat/completions", "requestInvalid")]
    [InlineData("""{"model":"stoa/tiny","model":"stoa/other","messages":"x"}""", "chat/completions", "requestInvalid")]
    [InlineData("""{"model":"stoa/tiny","messages":"x"}""", "embeddings", "requestInvalid")]
    [InlineData("hello", "chat/completions", "requestInvalid")]
    [InlineData("", "chat/completions", "requestInvalid")]
    [InlineData(Good, "models", "memberInvalid")]
    public async Task Request_ThatIsNotAllowed_IsRefused_AndAsksNobody(string body, string path, string error)
    {
        await AskAsync(body, path: path);

        _market.Text.ShouldStartWith($"1{{\"error\":\"{error}\"");
        _market.Models.Requests.ShouldBeEmpty();
        _market.Calls!.CompleteRequests().ShouldBeEmpty("a receipt of it can be run again");
    }

    [Fact]
    public async Task Model_InAnotherSpellingOfTheSameName_IsTheSame()
    {
        await AskAsync(Good.Replace("stoa/tiny", "auto:chat, tools", StringComparison.Ordinal), ask: CallMarket.Ask("auto:chat,tools"));

        _market.Text.ShouldStartWith("0");
    }

    [Theory]
    [InlineData(false, "modelUndeclared")]
    [InlineData(true, null)]
    public async Task Route_IsAskedOnlyWhereTheManifestNamesIt(bool isDeclared, string? error)
    {
        await AskAsync(Good.Replace("stoa/tiny", "gpt-4o", StringComparison.Ordinal), ask: isDeclared ? CallMarket.Ask("gpt-4o", isRoute: true) : CallMarket.Ask());

        _market.Text.ShouldStartWith(error is null ? "0" : $"1{{\"error\":\"{error}\"");
    }

    [Fact]
    public async Task Requests_BeyondWhatTheEntryAllows_AreRefused()
    {
        await AskAsync(times: 3, ask: CallMarket.Ask(maxRequests: 2));

        _market.Text.ShouldEndWith("which is all that asks allows.\"}");
        _market.Models.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Requests_BeyondWhatTheNodeAllows_AreRefused()
    {
        _market.Allow(mostRequests: 1);

        await AskAsync(times: 2);

        _market.Text.ShouldContain("1{\"error\":\"requestsTooMany\"");
        _market.Models.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("0.00059", "1", 1)]
    [InlineData("1", "0.00059", 1)]
    [InlineData("0.0006", "0.0006", 2)]
    public async Task Money_IsNoMoreThanTheEntryAndTheHoldAllow(string maxPrice, string budget, int answered)
    {
        _market.Budget = Money.Parse(budget);

        await AskAsync(times: 3, ask: CallMarket.Ask(maxPrice: maxPrice));

        var requests = _market.Calls!.CompleteRequests();
        requests.Count(request => request.Paid is not null).ShouldBe(answered);
        requests.Where(request => request.Paid is null).ShouldAllBe(request => request.Failure == "budget_exhausted");
        _market.Text.ShouldContain("\"status\":402,\"code\":\"budget_exhausted\"");
    }

    [Fact]
    public async Task Model_ThatFails_IsAnErrorThatCostsNothing_AndTheAgentGoesOn()
    {
        _market.Models.Behaviour = _ => Task.FromResult<ModelAnswer?>(ModelAnswer.Refused(502, "replicas_failed", "Nobody answered."));

        await AskAsync();

        var error = JsonDocument.Parse(_market.Text[1..]).RootElement;
        (error.GetProperty("error").GetString(), error.GetProperty("status").GetInt32(), error.GetProperty("code").GetString()).ShouldBe(("askFailed", 502, "replicas_failed"));
        var request = _market.Calls!.CompleteRequests().ShouldHaveSingleItem();
        (request.Failure, request.Paid).ShouldBe(("replicas_failed", null));
        request.Answer.ShouldBe(ContentHash.Of(Encoding.UTF8.GetBytes(_market.Text[1..])));
    }

    [Fact]
    public async Task Answers_ThatNobodyReads_HoldTheMemoryThatOthersNeed()
    {
        const string run = "(local.set $handle (call $request (i32.const 256) (global.get $message))) (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $run (local.get $handle)))) (call $put (i32.const 64) (i32.const 1))";
        _market.Models.Answer = $$"""{"choices":["{{new string('x', 8_000)}}"]}""";
        _market.Add("asker", CallPrograms.Program(
            """{"op":"ask","body":{"model":"stoa/tiny","messages":"x"}}""", $"(local $handle i32) {run} {run} {run} (drop (call $read (i32.const 1) (i32.const 0) (i32.const 0))) {run}"));
        _market.Let("asker", CallMarket.Ask());

        (await _market.RunAsync("asker", [], Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldBe("0010", "20,000 bytes are kept for requests and answers");
        (await _market.TreeOf("asker")).RoomBytes.ShouldBe(20_000);
    }

    [Fact]
    public async Task Cancellation_EndsARequestThatIsUnderWay()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        _market.Models.Behaviour = async token =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, token);
            return null;
        };

        Add("asker", CallPrograms.Asker(), CallMarket.Ask());
        (await _market.RunAsync("asker", Encoding.UTF8.GetBytes(Good), stop.Token)).ShouldBeOfType<AttemptOutcome.Stopped>();

        await _market.Models.Ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Fact]
    public async Task Deadline_EndsARequestThatIsUnderWay()
    {
        _market.Models.Behaviour = async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return null;
        };
        Add("asker", CallPrograms.Asker(), CallMarket.Ask());

        var failed = (await _market.RunAsync("asker", Encoding.UTF8.GetBytes(Good), Token, limits: CallMarket.Limits with { TimeoutMs = 2_000 })).ShouldBeOfType<AttemptOutcome.Failed>();

        failed.Failure.Code.ShouldBe(FailureCode.TimedOut);
        await _market.Models.Ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RequestsOfACalledAgent_AreTheTasks_AndCostNothingWhenItFails(bool fails)
    {
        using var key = PrivateKey.Generate();
        var input = Encoding.UTF8.GetBytes(Good);
        _market.Add("asker", fails ? CallPrograms.Program(
            """{"op":"ask","body":{"model":"stoa/tiny","messages":"x"}}""", "(drop (call $run (call $request (i32.const 256) (global.get $message)))) unreachable") : CallPrograms.Asker());
        _market.Let("asker", CallMarket.Ask(maxPrice: "0.01"));
        _market.Add("caller", CallPrograms.Caller("stoa/asker@1.0.0", times: 2), uses: CallMarket.Use("asker", maxPrice: "0.02201", maxInputBytes: 1_000));

        var completed = (await _market.RunAsync("caller", input, Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        var requests = _market.Calls!.CompleteRequests();
        requests.Select(request => request.Caller).ShouldBe([1, 2]);
        requests.ShouldAllBe(request => request.Paid!.Price.Total == (fails ? Money.Zero : StubModels.Price));
        var receipt = _market.Receipt("caller", key, input, completed);
        var verified = ReceiptVerifier.Verify(receipt.Sign(key).Envelope, expectedNode: null);
        verified.Refusal.ShouldBeNull(verified.Refusal?.Detail);
        verified.Value.ModelRequests.Select(request => (request.Call, request.Price)).ShouldBe([(1, requests[0].Paid!.Price.Total), (2, requests[1].Paid!.Price.Total)]);
    }

    [Fact]
    public async Task PriceOfACalledAgent_IsCheckedWithTheMostThatItsModelsCost()
    {
        Add("asker", CallPrograms.Asker(), CallMarket.Ask(maxPrice: "0.5"));
        _market.Add("caller", CallPrograms.Caller("stoa/asker@1.0.0"), uses: CallMarket.Use("asker", maxPrice: "0.5", maxInputBytes: 1_000));

        (await _market.RunAsync("caller", Encoding.UTF8.GetBytes(Good), Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldStartWith("1{\"error\":\"priceTooHigh\"");
        (await _market.TreeOf("asker")).MostPrice.ShouldBe(Money.Parse("0.5"));
    }

    [Fact]
    public async Task Receipt_OfARunThatAskedModels_StatesEachRequest_AndIsNotRunAgain()
    {
        using var key = PrivateKey.Generate();
        var input = Encoding.UTF8.GetBytes(Good);
        var completed = await AskAsync(times: 2);

        var receipt = ReceiptVerifier.Verify(_market.Receipt("asker", key, input, completed).Sign(key).Envelope, expectedNode: null).Value;

        receipt.IsRepeatable.ShouldBeFalse();
        receipt.Price.ShouldBe(Money.Parse("0.0016"), "a thousandth for the agent, and two answers");
        receipt.ModelRequests.Select(request => (request.Number, request.Used!.Model.ToString(), request.Used.Tokens, request.Price)).ShouldBe(
            [(1, "stoa/tiny@1.0.0", new TokenUsage(100, 10), StubModels.Price), (2, "stoa/tiny@1.0.0", new TokenUsage(100, 10), StubModels.Price)]);
        receipt.Royalties.Select(part => (part.Agent.Name, part.Amount)).ShouldBe([("asker", Money.Parse("0.0007")), ("tiny", Money.Parse("0.00028"))]);
        (await _market.TryRerunAsync("asker", receipt, input, Token)).Refusal!.Code.ShouldBe(RerunRefusal.ModelsAsked);
    }

    [Fact]
    public async Task Receipt_OfAnAgentThatMightHaveAskedAndDidNot_IsRunAgain()
    {
        using var key = PrivateKey.Generate();
        var input = "hello"u8.ToArray();
        var completed = await AskAsync("hello");

        var receipt = _market.Receipt("asker", key, input, completed);

        receipt.IsRepeatable.ShouldBeTrue();
        (await _market.RerunAsync("asker", receipt, input, Token)).Confirms.ShouldBeTrue();
    }

    [Fact]
    public async Task Receipt_ThatDoesNotTellOfARequest_IsFoundByRunningItAgain()
    {
        using var key = PrivateKey.Generate();
        var input = Encoding.UTF8.GetBytes(Good);
        var completed = await AskAsync();

        var lie = _market.Receipt("asker", key, input, completed) with { ModelRequests = [] };

        (await _market.RerunAsync("asker", lie, input, Token)).Confirms.ShouldBeFalse();
    }

    /// <summary>Lies about requests, and what a verifier finds.</summary>
    [Fact]
    public async Task Receipt_WhoseRequestsDoNotAddUp_IsNotBelieved()
    {
        using var key = PrivateKey.Generate();
        var receipt = _market.Receipt("asker", key, Encoding.UTF8.GetBytes(Good), await AskAsync());
        var request = receipt.ModelRequests.Single();

        FaultOf(request with { Number = 2 }).ShouldBe(ReceiptFault.ModelRequestsInvalid);
        FaultOf(request with { Call = 1 }).ShouldBe(ReceiptFault.ModelRequestsInvalid);
        FaultOf(request with { Used = null }).ShouldBe(ReceiptFault.ModelRequestsInvalid);
        FaultOf(request with { Used = request.Used! with { Tokens = new TokenUsage(99, 10) } }).ShouldBe(ReceiptFault.PriceUnexplained);
        FaultOf(request with { Price = Money.Parse("0.0004") }).ShouldBe(ReceiptFault.SharesDoNotSum);
        FaultOf(request with { Royalties = [] }).ShouldBe(ReceiptFault.SharesDoNotSum);
        FaultOf(request with { Royalties = [request.Royalties.Single() with { To = "eve" }] }).ShouldBe(ReceiptFault.SharesDoNotSum);
        FaultOf(request).ShouldBeNull();
        ReceiptVerifier.Verify((receipt with { ModelRequests = [] }).Sign(key).Envelope, null).Refusal!.Code.ShouldBe(ReceiptFault.PriceUnexplained);

        ReceiptFault? FaultOf(ReceiptModelRequest told) => ReceiptVerifier.Verify((receipt with { ModelRequests = [told] }).Sign(key).Envelope, null).Refusal?.Code;
    }

    [Fact]
    public async Task Agent_ThatDeclaresNothing_CanAskNobody()
    {
        _market.Add("asker", CallPrograms.Asker());

        (await _market.RunAsync("asker", Encoding.UTF8.GetBytes(Good), Token)).ShouldBeOfType<AttemptOutcome.Completed>();

        _market.Text.ShouldStartWith("1{\"error\":\"modelsUnavailable\"");
    }

    [Fact]
    public async Task Node_ThatAsksNoModelsForAgents_SaysSo()
    {
        _market.Allow(mostRequests: 0);

        await AskAsync();

        _market.Text.ShouldStartWith("1{\"error\":\"modelsUnavailable\"");
    }

    private void Add(string name, byte[] program, params AgentAsk[] asks)
    {
        _market.Add(name, program);
        _market.Let(name, asks);
    }

    private async Task<AttemptOutcome.Completed> AskAsync(string body = Good, int times = 1, string path = "chat/completions", AgentAsk? ask = null)
    {
        Add("asker", CallPrograms.Asker(times, path), ask ?? CallMarket.Ask());
        return (await _market.RunAsync("asker", Encoding.UTF8.GetBytes(body), Token)).ShouldBeOfType<AttemptOutcome.Completed>();
    }
}
