using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Inference;
using Stoa.Market.Supply;
using Stoa.Market.Tests.Calls;
using Stoa.Node.Tests.Inference;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

/// <summary>Models that only another operator's node serves, asked at this one.</summary>
public sealed class SuppliedModelTests : SuppliedModelNodes
{
    [Fact]
    public async Task Model_OfAnotherOperator_IsAskedHere_AndTheBooksOfBothAddUp()
    {
        var (seller, server) = await SellModelAsync();
        await AddModelAsync(seller, "vectors", "embeddings");
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        var vectors = await FindModelAsync("vectors");
        var earnedBefore = await EarnedAsync(Buyer);

        using var whole = await AskAsync(Chat(model));
        var answer = await InferenceNode.ReadAsync(whole);
        answer["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        answer["model"]!.GetValue<string>().ShouldBe(model);
        // 7 tokens read at 1.5 dollars and 2 written at 2.5 for a million, and what it costs is said once.
        answer["usage"]!["cost"]!.GetValue<string>().ShouldBe("0.000015500");
        whole.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000015500"]);
        whole.Headers.Contains(ModelAnswerReceipt.Header).ShouldBeFalse();

        using var stream = await AskAsync(Chat(model, stream: true));
        var events = await InferenceNode.ReadEventsAsync(stream);
        InferenceNode.TextOf(events).ShouldBe("Hello there ");
        events[^1].ShouldBe("[DONE]");
        JsonNode.Parse(events[^2])!["usage"]!["cost"]!.GetValue<string>().ShouldBe("0.000015500");
        events.ShouldNotContain(one => one.Contains("stoa-receipt", StringComparison.Ordinal));

        using var embedded = await AskAsync(new { model = vectors, input = "some text" }, "embeddings");
        (await InferenceNode.ReadAsync(embedded))["data"]![0]!["embedding"]!.AsArray().Count.ShouldBe(2);

        // Nothing of whoever asks goes there.
        server.Requests.ShouldAllBe(request => request["user"] == null);
        var paid = await ReconcileAsync(seller, supplier, "0.000041500");
        // All of it is this node's, which has paid as much there.
        (await EarnedAsync(Buyer) - earnedBefore).ShouldBe(paid);
        (await Buyer.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();
        (await seller.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();

        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Lies).ShouldBe((3, 0, 0));
        var sold = shown.Models.ShouldNotBeNull().Items.Single(one => one.Model == model);
        (sold.Price, sold.NameThere.EndsWith("/tiny@1.0.0", StringComparison.Ordinal)).ShouldBe((new ModelPriceBody("1.500000000", "2.500000000"), true));
        var replica = await Buyer.Client.GetReplicaAsync(sold.ReplicaId, Stop);
        (replica.Model, replica.Supplier!.Id, replica.Figures!.Served).ShouldBe((model, supplier.Id, 2));
        (await Buyer.Client.ListModelsAsync(Stop)).Single(one => one.Id == model).Suppliers.ShouldBe([PeerIdOf(seller).ToString()]);
        (await Should.ThrowAsync<StoaException>(() => Buyer.Client.RemoveReplicaAsync(sold.ReplicaId, Stop))).Code.ShouldBe("replicaSupplied");

        await Buyer.Client.RemoveSupplierAsync(supplier.Id, Stop);
        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model))).StatusCode is HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Requests_SideBySide_AreEachPaidForOnce()
    {
        var (seller, _) = await SellModelAsync();
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(async number =>
        {
            using var answer = await AskAsync(Chat(model, stream: number % 2 == 0, content: $"Say {number}"));
            await answer.Content.ReadAsStringAsync(Stop);
            return answer.StatusCode;
        }));

        answers.ShouldAllBe(status => status == HttpStatusCode.OK);
        await ReconcileAsync(seller, supplier, "0.00062");
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("otherKey")]
    [InlineData("otherBytes")]
    [InlineData("moreTokens")]
    [InlineData("dearer")]
    [InlineData("ofAnotherRequest")]
    public async Task Receipt_ThatIsNotToBeBelieved_IsALie_AndItsNodeIsAskedNoMore(string lie)
    {
        var (seller, _) = await SellModelAsync();
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var supplier = await SupplyAsync(seller, proxy.Address);
        var model = await FindModelAsync();
        var key = seller.Host.Services.GetRequiredService<PrivateKey>();
        using var other = PrivateKey.Generate();
        proxy.Alter = (path, bytes, headers) => path.EndsWith("chat/completions", StringComparison.Ordinal) ? Lie(lie, bytes, headers, key, other) : null;

        using var answer = await AskAsync(Chat(model));

        // Who has asked has an answer, and pays by the rule of his own node.
        var text = await InferenceNode.ReadAsync(answer);
        text["usage"]!["cost"]!.GetValue<string>().ShouldBe("0.000015501");
        SupplierResponse shown = null!;
        await Eventually.IsSoAsync(async () => (shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies == 1);
        shown.LastFailure.ShouldNotBeNull();
        using var refused = await AskAsync(Chat(model));
        refused.StatusCode.ShouldBeOneOf(HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable);
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models?.Reason?.Contains("lied", StringComparison.Ordinal) is true);
        (await Buyer.Client.GetReplicaAsync(shown.Models!.Items[0].ReplicaId, Stop)).Supplier!.Reason.ShouldNotBeNull();

        // After a minute it may answer again.
        proxy.Alter = (_, _, _) => null;
        Clock.Advance(TimeSpan.FromMinutes(2));
        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model))).StatusCode is HttpStatusCode.OK);
    }

    [Fact]
    public async Task Supplier_ThatIsKilledInTheMiddleOfAStream_CostsNobodyAnything_AndTheNextOneAnswers()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (seller, server) = await SellModelAsync(behaviour: async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("Hello ");
            reached.TrySetResult();
            await call.HangAsync();
        });
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();

        using var stream = await AskAsync(Chat(model, stream: true));
        await reached.Task.WaitAsync(TimeSpan.FromMinutes(1), Stop);
        server.Kill();
        var events = await InferenceNode.ReadEventsAsync(stream);

        events[^1].ShouldContain("answer_broken");
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Failures == 1);
        (await PaidAsync()).ShouldBe(Money.Zero);
        (await ChargedAsync(seller)).Spent.ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Channel_ThatIsUsedUp_IsSaid_AndFilledItPaysAgain()
    {
        var (seller, _) = await SellModelAsync();
        var supplier = await SupplyAsync(seller, deposit: "0.001");
        var model = await FindModelAsync();

        // Each may cost 0.00017 at most, and costs 0.0000155. The first voucher is for more than there is.
        for (var request = 0; request < 3; request++)
        {
            using var answer = await AskAsync(Chat(model));
            answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync(Stop));
        }

        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model, maxTokens: 400))).StatusCode is not HttpStatusCode.OK);
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models?.Reason?.Contains("channel", StringComparison.Ordinal) is true);

        using var payer = await seller.LoginAsync(PayerName);
        await payer.RaiseDepositAsync(supplier.ChannelId, "1", Stop);
        Clock.Advance(TimeSpan.FromMinutes(2));
        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model))).StatusCode is HttpStatusCode.OK);
        await ReconcileAsync(seller, supplier);
    }

    [Fact]
    public async Task Restart_OfTheNodeThatBuys_LosesNoMoney()
    {
        var (seller, _) = await SellModelAsync();
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        (await AskAsync(Chat(model))).StatusCode.ShouldBe(HttpStatusCode.OK);

        await RestartBuyerAsync();

        model = await FindModelAsync();
        (await AskAsync(Chat(model))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await ReconcileAsync(seller, supplier, "0.000031000");
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Doubtful, shown.Successes).ShouldBe((null, 2));
    }

    [Fact]
    public async Task Price_ThatHasRisen_IsReadBeforeItIsPaid()
    {
        var (seller, _) = await SellModelAsync();
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        (await AskAsync(Chat(model))).StatusCode.ShouldBe(HttpStatusCode.OK);
        var replica = await seller.Client.ListReplicasAsync(Stop).FirstAsync(Stop);

        await seller.Client.UpdateReplicaAsync(replica.Id, new UpdateReplicaRequest(ServingPrice: new ModelPriceBody("2", "2"), SkipCheck: true), Stop);

        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models?.Items[0].Price.PerMillionInputTokens == "3.000000000");
        await Eventually.IsSoAsync(async () =>
        {
            using var answer = await AskAsync(Chat(model));
            return answer.StatusCode is HttpStatusCode.OK && answer.Headers.GetValues("Stoa-Cost").Single() == "0.000029000";
        });
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies.ShouldBe(0);
        await ReconcileAsync(seller, supplier);
    }

    [Fact]
    public async Task Request_ThatMayCostMoreThere_ThanItsConsumerAllows_GoesNowhere()
    {
        var (seller, server) = await SellModelAsync();
        await SupplyAsync(seller);
        var model = await FindModelAsync();

        // Fifty tokens written cost 0.000125 there.
        using var refused = await AskAsync(Chat(model), maxPrice: "0.000125");
        (await InferenceNode.ReadAsync(refused, HttpStatusCode.PaymentRequired))["error"]!["code"]!.GetValue<string>().ShouldBe("price_above_most");
        server.Requests.ShouldBeEmpty();

        using var answered = await AskAsync(Chat(model), maxPrice: "0.0003");
        answered.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Supplier_ThatHasLied_OrDoesNotAnswer_IsFollowedByTheNextOne()
    {
        var (first, _) = await SellModelAsync();
        var proxy = await SellerProxy.StartAsync(first.Client.Options.Address);
        Keep(proxy);
        var lying = await SupplyAsync(first, proxy.Address);
        var model = await FindModelAsync();
        // A model that costs nothing to list, which both serve: at the second one it is named by its publisher's key.
        var second = await OpenShopAsync(region: null, "--Inference:SettleMs", "50");
        var (gift, server) = await AddFreeAsync(first, second);
        (await FindModelAsync("gift")).ShouldBe(gift);
        proxy.Alter = (path, _, headers) =>
        {
            if (path.EndsWith("chat/completions", StringComparison.Ordinal))
                headers.Remove(ModelAnswerReceipt.Header);
            return null;
        };

        (await AskAsync(Chat(gift))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(lying.Id, Stop)).Lies == 1);
        var honest = await SupplyAsync(second);
        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(gift))).StatusCode is HttpStatusCode.OK);

        var asked = server.Requests.Count;
        for (var request = 0; request < 8; request++)
            (await AskAsync(Chat(gift, content: Varied(request)))).StatusCode.ShouldBe(HttpStatusCode.OK);
        server.Requests.Count.ShouldBe(asked);
        await Eventually.IsSoAsync(async () => (await Buyer.Client.GetSupplierAsync(honest.Id, Stop)).Successes == 9);
        (await Buyer.Client.GetSupplierAsync(honest.Id, Stop)).Lies.ShouldBe(0);

        // The liar's other model is asked of nobody now.
        (await AskAsync(Chat(model))).StatusCode.ShouldBeOneOf(HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task Supplier_ThatIsGone_IsFollowedByTheNextOne_AndCostsNothing()
    {
        var (first, _) = await SellModelAsync();
        var second = await OpenShopAsync(region: null, "--Inference:SettleMs", "50");
        var (gift, _) = await AddFreeAsync(first, second);
        await SupplyAsync(first);
        var left = await SupplyAsync(second);
        (await FindModelAsync("gift", replicas: 2)).ShouldBe(gift);

        await first.StopAsync();

        for (var request = 0; request < 12; request++)
            (await AskAsync(Chat(gift, content: Varied(request)))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await ReconcileAsync(second, left);
        await Eventually.IsSoAsync(async () => (await Buyer.Client.ListModelsAsync(Stop)).Single(one => one.Id == gift).Replicas == 1);
    }

    [Fact]
    public async Task Model_ThatAServerOfThisCellHas_IsAskedElsewhereOnlyWhenThatOneIsBusy()
    {
        var (seller, _) = await SellModelAsync();
        var (_, there) = await AddFreeAsync(seller, second: null);
        await SupplyAsync(seller);
        var gift = await FindModelAsync("gift");
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var here = ModelServer.Start();
        await Buyer.Client.AddReplicaAsync(new AddReplicaRequest(gift, here.Address, UpstreamModel: "tiny", MaxRequests: 1, SkipCheck: true), Stop);
        await FindModelAsync("gift", replicas: 2);
        var before = there.Requests.Count;

        for (var request = 0; request < 6; request++)
            (await AskAsync(Chat(gift))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (here.Requests.Count, there.Requests.Count).ShouldBe((6, before));

        here.Behaviour = async call =>
        {
            await release.Task;
            await call.AnswerAsync("late");
        };
        var busy = AskAsync(Chat(gift));
        await Eventually.IsSoAsync(() => Task.FromResult(here.Requests.Count == 7));
        using var elsewhere = await AskAsync(Chat(gift));
        (await InferenceNode.ReadAsync(elsewhere))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        release.TrySetResult();
        (await busy).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Agent_ThatAsksAModelElsewhere_ShowsItsRight_PaysOutOfItsHold_AndItsReceiptNamesTheNode()
    {
        var (seller, server) = await SellModelAsync();
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var receipts = new ConcurrentQueue<string>();
        proxy.Alter = (_, _, headers) =>
        {
            if (headers.TryGetValue(ModelAnswerReceipt.Header, out var sworn))
                receipts.Enqueue(sworn.ToString());
            return null;
        };
        var supplier = await SupplyAsync(seller, proxy.Address);
        var model = await FindModelAsync();
        var name = model[..model.IndexOf('@', StringComparison.Ordinal)];
        var body = JsonSerializer.Serialize(new { model = name, max_tokens = 50, messages = new[] { new { role = "user", content = "Say hello" } } });
        await PublishAskerAsync(name, CallPrograms.Asker(times: 2));
        var before = await WalletAsync(Buyer.Client);

        var publisher = (await Buyer.Client.GetMeAsync(Stop)).Handle;
        var task = await Buyer.RunAsync($"{publisher}/asker", body);

        (task.State, task.Result?.Price).ShouldBe(("succeeded", "0.000041000"), task.Failure?.Detail);
        server.Requests.Count.ShouldBe(2);
        // The other node swears to the right that this one has signed for the agent, and which it has checked.
        var asks = receipts.Select(sworn => ModelAnswerReceipt.Open(DsseEnvelope.FromJson(Convert.FromBase64String(sworn))).Value.Ask).ToList();
        asks.Count.ShouldBe(2);
        asks.ShouldAllBe(ask => ask != null);
        var receipt = JsonNode.Parse((await Buyer.Client.GetReceiptAsync(task.Id, Stop)).Payload)!;
        var used = receipt["modelRequests"]![0]!["used"]!;
        (used["suppliedBy"]!.GetValue<string>(), used["model"]!.GetValue<string>(), used["suppliedPrice"]!["perMillionOutputTokens"]!.GetValue<string>())
            .ShouldBe((PeerIdOf(seller).ToString(), model, "2.500000000"));
        used["listingPrice"].ShouldBeNull();
        receipt["modelRequests"]![0]!["price"]!.GetValue<string>().ShouldBe("0.000015500");
        // All of it is the node's; of the agent's own price it has its part, and the rest is this account's again, which has published it.
        receipt["modelRequests"]![0]!["shares"]!["node"]!.GetValue<string>().ShouldBe("0.000015500");
        (before - await WalletAsync(Buyer.Client)).ShouldBe(Money.Parse("0.000041000") - Money.Parse("0.000007000"));
        await Eventually.IsSoAsync(async () => Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent) == Money.Parse("0.000031000"));
        await Eventually.IsSoAsync(async () => (await ChargedAsync(seller)).Spent == Money.Parse("0.000031000"));
        (await Buyer.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();
    }

    [Fact]
    public async Task Agent_WhoseTaskFails_PaysForWhatWasAnsweredElsewhere()
    {
        var (seller, _) = await SellModelAsync();
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        var name = model[..model.IndexOf('@', StringComparison.Ordinal)];
        var body = JsonSerializer.Serialize(new { model = name, max_tokens = 50, messages = new[] { new { role = "user", content = "Say hello" } } });
        await PublishAskerAsync(name, CallPrograms.Program("""{"op":"ask","path":"chat/completions"}""", CallPrograms.Repeating(1) + "(unreachable)"));
        var before = await WalletAsync(Buyer.Client);

        var task = await Buyer.RunAsync($"{(await Buyer.Client.GetMeAsync(Stop)).Handle}/asker", body);

        task.State.ShouldBe("failed");
        var paid = before - await WalletAsync(Buyer.Client);
        task.Charged.ShouldBe(paid.ToString());
        paid.ShouldBeGreaterThan(Money.Zero);
        await Eventually.IsSoAsync(async () => Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent) == paid);
    }

    private static string Varied(int number) => string.Join(' ', Enumerable.Repeat(number, 64));

    private Task<AgentResponse> PublishAskerAsync(string model, byte[] program)
    {
        var manifest = new AgentManifestBody(
            "asker", "1.0.0", "A program of the tests.", ["test.asks"], "asker.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(100_000_000, 16 << 20, 120_000, 100_000, 4_096), new AgentPriceBody("0.00001", "0", "0"), Asks: [new AgentAskBody(8, "0.01", Listing: model)]);
        return Buyer.Client.PublishAgentAsync(JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: Stop);
    }

    private static byte[]? Lie(string lie, byte[] bytes, IHeaderDictionary headers, PrivateKey key, PrivateKey other)
    {
        if (!headers.TryGetValue(ModelAnswerReceipt.Header, out var value))
            return null;
        var envelope = DsseEnvelope.FromJson(Convert.FromBase64String(value.ToString()));
        ModelAnswerReceipt.Open(envelope).TryGet(out var said, out _).ShouldBeTrue();
        switch (lie)
        {
            case "missing":
                headers.Remove(ModelAnswerReceipt.Header);
                return null;
            case "otherKey":
                Sign(said! with { NodeKey = other.PublicKey }, other);
                return null;
            case "otherBytes":
                return Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace("Hello", "HELLO", StringComparison.Ordinal));
            case "moreTokens":
                Sign(said! with { Tokens = new TokenUsage(said.Tokens.InputTokens, said.Tokens.OutputTokens + 1), Price = said.Price + Money.Parse("0.0000025") }, key);
                return null;
            case "dearer":
                Sign(said! with { Price = said.Price + Money.Parse("0.000001") }, key);
                return null;
            default:
                Sign(said! with { Request = ContentHash.Of("another"u8) }, key);
                return null;
        }

        void Sign(ModelAnswerContent content, PrivateKey signer) => headers[ModelAnswerReceipt.Header] = Convert.ToBase64String(ModelAnswerReceipt.Sign(content, signer).ToJson());
    }
}
