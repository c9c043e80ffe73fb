using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Calls;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Inference;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply.Models;

/// <summary>Requests of agents to models elsewhere that are given up before their answer: who pays what the other node has read, and what is thought of it.</summary>
public sealed class GivenUpRequestTests : SuppliedModelNodes
{
    private const string InDoubt = "It may have charged";

    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _model = "";

    [Fact]
    public async Task Task_ThatEndsBeforeTheAnswer_PaysWhatTheSupplierSwearsToHaveRead_AndTheBooksOfBothAddUp()
    {
        var (seller, _) = await SellModelAsync(behaviour: HangAsync);
        var supplier = await SupplyAsync(seller);
        var agent = await PublishAskerAsync(await FindModelAsync());
        var (before, earnedBefore) = (await WalletAsync(Buyer.Client), await EarnedAsync(Buyer));

        var task = await CancelWhenReachedAsync(agent);

        task.State.ShouldBe("cancelled");
        var charged = await ChargedOnceAsync(seller);
        charged.ShouldBeGreaterThan(Money.Zero);
        // All of it is the node's of this cell, which pays as much there; nothing is in doubt.
        await Eventually.IsSoAsync(async () => Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent) == charged);
        (before - await WalletAsync(Buyer.Client)).ShouldBe(charged);
        (await EarnedAsync(Buyer) - earnedBefore).ShouldBe(charged);
        Money.Parse((await Buyer.Client.GetTaskAsync(task.Id, Stop)).Charged!).ShouldBe(charged);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Doubtful.ShouldBeNull();
        (await Buyer.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();
        (await seller.Client.VerifyUsageAsync(Stop)).Findings.ShouldBeNull();
        foreach (var node in new[] { Buyer, seller })
        {
            var totals = await new SqlLedgerStore(node.Host.Services.GetRequiredService<Database>()).TotalAsync(Stop);
            (totals.Posted, totals.Clearing).ShouldBe((Money.Zero, Money.Zero));
        }
    }

    [Fact]
    public async Task Task_WhoseTimeIsOverBeforeTheAnswer_PaysWhatTheSupplierHasRead()
    {
        var (seller, _) = await SellModelAsync(behaviour: HangAsync);
        var supplier = await SupplyAsync(seller);
        var agent = await PublishAskerAsync(await FindModelAsync(), timeoutMs: 10_000);
        var before = await WalletAsync(Buyer.Client);

        // On a machine that has much else to do its time may be over before the request has come there, and then nothing is charged.
        for (var tries = 0; tries < 10 && !_reached.Task.IsCompleted; tries++)
            (await EndedAsync((await SubmitAsync(agent)).Id)).State.ShouldBe("failed");

        var charged = await ChargedOnceAsync(seller);
        (before - await WalletAsync(Buyer.Client)).ShouldBe(charged);
        await Eventually.IsSoAsync(async () => Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent) == charged);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Doubtful.ShouldBeNull();
    }

    [Fact]
    public async Task Task_WhoseRequestNoServerHadYet_PaysNothing_AndNothingIsInDoubt()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (seller, _) = await SellModelAsync(behaviour: async call =>
        {
            _reached.TrySetResult();
            await release.Task;
            await call.AnswerAsync("Hello there");
        });
        var own = await seller.Client.ListReplicasAsync(Stop).FirstAsync(Stop);
        await seller.Client.UpdateReplicaAsync(own.Id, new UpdateReplicaRequest(MaxRequests: 1, SkipCheck: true), Stop);
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        var agent = await PublishAskerAsync(model);
        // It has one already, and the agent's waits behind that.
        var first = AskAsync(Chat(model));
        await _reached.Task.WaitAsync(TimeSpan.FromMinutes(2), Stop);
        var submitted = await SubmitAsync(agent);
        await Eventually.IsSoAsync(async () => (await ChargedAsync(seller)).Reserved > Money.Zero && seller.Host.Services.GetRequiredService<Market.Inference.Routing.ModelFleets>().All.Any(fleet => fleet.Waiting == 1));

        await Buyer.Client.CancelTaskAsync(submitted.Id, Stop);
        await EndedAsync(submitted.Id);

        Money.Parse((await Buyer.Client.GetTaskAsync(submitted.Id, Stop)).Charged ?? "0").ShouldBe(Money.Zero);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Doubtful.ShouldBeNull();
        release.TrySetResult();
        (await first).StatusCode.ShouldBe(HttpStatusCode.OK);
        await ReconcileAsync(seller, supplier, "0.0000155");
    }

    [Fact]
    public async Task Task_OfWhichTheSupplierSwearsToNothing_PaysNothing_AndTheOperatorHasItInDoubt()
    {
        var (seller, _) = await SellModelAsync(behaviour: HangAsync);
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        proxy.Refuse = path => path.Contains("/model-calls/receipts/", StringComparison.Ordinal) ? (404, 1) : null;
        var supplier = await SupplyAsync(seller, proxy.Address);
        var agent = await PublishAskerAsync(await FindModelAsync());
        var before = await WalletAsync(Buyer.Client);

        await CancelWhenReachedAsync(agent);

        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        SupplierResponse shown = null!;
        await Eventually.IsSoAsync(async () => (shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Doubtful is not null);
        Money.Parse(shown.Doubtful!).ShouldBeGreaterThanOrEqualTo(await ChargedOnceAsync(seller));
        Money.Parse(shown.Spent).ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Doubt_BeyondItsBound_LeavesOneRequestAtATime_AndAnswersMakeUpForIt()
    {
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (seller, server) = await SellModelAsync(behaviour: async call =>
        {
            _reached.TrySetResult();
            await hold.Task;
            await call.AnswerAsync("Hello there");
        });
        var supplier = await SupplyAsync(seller);
        var model = await FindModelAsync();
        // As after a crash: nobody knows what of it was taken. A voucher for as much was signed.
        var (most, beyond) = (Money.Parse("0.1"), Money.Parse("0.00004"));
        await Buyer.Host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync("UPDATE suppliers SET doubtful = @doubtful, signed = @signed WHERE id = @id", new { doubtful = most + beyond, signed = Money.Parse("0.3"), id = supplier.Id }), Stop);
        await Eventually.IsSoAsync(async () => (await ReasonAsync(supplier))?.StartsWith(InDoubt, StringComparison.Ordinal) is true);
        (await ReasonAsync(supplier)).ShouldNotBeNull().ShouldContain("add it again");

        var first = AskAsync(Chat(model));
        await _reached.Task.WaitAsync(TimeSpan.FromMinutes(2), Stop);
        // No second one is in doubt beside it.
        (await AskAsync(Chat(model))).StatusCode.ShouldBeOneOf(HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable);
        server.Requests.Count.ShouldBe(1);
        hold.TrySetResult();
        (await first).StatusCode.ShouldBe(HttpStatusCode.OK);

        // Each costs 0.0000155: three of them make up for what is beyond the bound, and then it is asked as any other.
        for (var request = 0; request < 2; request++)
            (await AskAsync(Chat(model))).StatusCode.ShouldBe(HttpStatusCode.OK);
        SupplierResponse shown = null!;
        await Eventually.IsSoAsync(async () => (shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)) is { Models.Reason: null, Successes: 3 });
        Money.Parse(shown.Doubtful!).ShouldBe(most);
        Money.Parse(shown.Spent).ShouldBe(beyond + Money.Parse("0.0000465"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AskAsync(Chat(model))));
        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        // Consumers pay for what they are given and for nothing else, and so it is charged there.
        await Eventually.IsSoAsync(async () => await PaidAsync() == Money.Parse("0.0001705") && (await ChargedAsync(seller)).Spent == Money.Parse("0.0001705"));
    }

    [Fact]
    public async Task Trial_ThatComesToNothing_IsFollowedByTheNextOneAfterAWhile()
    {
        var isWell = false;
        var (seller, server) = await SellModelAsync();
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        var supplier = await SupplyAsync(seller, proxy.Address);
        var model = await FindModelAsync();
        proxy.Refuse = path => path.EndsWith("chat/completions", StringComparison.Ordinal) && !Volatile.Read(ref isWell) ? (500, 1) : null;
        await Buyer.Host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync("UPDATE suppliers SET doubtful = @doubtful, signed = @signed WHERE id = @id", new { doubtful = Money.Parse("0.2"), signed = Money.Parse("0.3"), id = supplier.Id }), Stop);
        await Eventually.IsSoAsync(async () => (await ReasonAsync(supplier))?.Contains("One small request at a time", StringComparison.Ordinal) is true);

        (await AskAsync(Chat(model))).StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        await Eventually.IsSoAsync(async () => (await ReasonAsync(supplier))?.Contains("asked one small request again from", StringComparison.Ordinal) is true);
        Volatile.Write(ref isWell, true);
        (await AskAsync(Chat(model))).StatusCode.ShouldBeOneOf(HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable);
        server.Requests.ShouldBeEmpty();

        Clock.Advance(TimeSpan.FromMinutes(1));

        await Eventually.IsSoAsync(async () => (await AskAsync(Chat(model))).StatusCode is HttpStatusCode.OK);
    }

    private async Task HangAsync(ModelCall call)
    {
        _reached.TrySetResult();
        await call.HangAsync();
    }

    private async Task<string?> ReasonAsync(SupplierResponse supplier) => (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Models?.Reason;

    private async Task<TaskResponse> CancelWhenReachedAsync(string agent)
    {
        var submitted = await SubmitAsync(agent);
        await _reached.Task.WaitAsync(TimeSpan.FromMinutes(2), Stop);
        await Buyer.Client.CancelTaskAsync(submitted.Id, Stop);
        return await EndedAsync(submitted.Id);
    }

    private Task<TaskResponse> SubmitAsync(string agent) => Buyer.Client.SubmitTextAsync(
        agent, JsonSerializer.Serialize(new { model = _model, max_tokens = 50, messages = new[] { new { role = "user", content = "Say hello" } } }), cancellationToken: Stop);

    private async Task<TaskResponse> EndedAsync(string task) => await Eventually.FoundAsync(
        async () => await Buyer.Client.GetTaskAsync(task, Stop) is { State: "cancelled" or "failed" or "succeeded" } ended ? ended : null);

    /// <summary>What the seller has charged in all, when it has written it.</summary>
    private static async Task<Money> ChargedOnceAsync(TestNode seller)
    {
        var spent = Money.Zero;
        await Eventually.IsSoAsync(async () => (spent = (await ChargedAsync(seller)).Spent) > Money.Zero);
        return spent;
    }

    private async Task<string> PublishAskerAsync(string model, int timeoutMs = 120_000)
    {
        _model = model[..model.IndexOf('@', StringComparison.Ordinal)];
        var manifest = new AgentManifestBody(
            "asker", "1.0.0", "A program of the tests.", ["test.asks"], "asker.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(100_000_000, 16 << 20, timeoutMs, 100_000, 4_096), new AgentPriceBody("0.00001", "0", "0"), Asks: [new AgentAskBody(8, "0.01", Listing: _model)]);
        return (await Buyer.Client.PublishAgentAsync(JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(CallPrograms.Asker()), cancellationToken: Stop)).Listing;
    }
}
