using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>Tasks that are submitted at one node and run at another operator's.</summary>
[Trait("speed", "slow")]
public sealed class RemoteTaskTests : SuppliedNodes
{
    [Fact]
    public async Task Task_OfAnAgentOfAnotherNode_RunsThere_AndIsPaidForHere()
    {
        var seller = await SellAsync("eu-central");
        var agent = await FindAgentAsync(seller);
        var before = await WalletAsync(Buyer.Client);
        var supplier = await SupplyAsync(seller);

        var quote = Money.Parse((await Buyer.Client.QuoteAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")), Stop)).Hold);
        var task = await Buyer.RunAsync(agent);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        (await Buyer.ResultAsync(task)).ShouldBe("hello");
        var price = Money.Parse(task.Result!.Price);
        price.ShouldBeGreaterThan(Money.Zero);
        price.ShouldBeLessThan(quote);
        Money.Parse(task.Hold).ShouldBe(quote);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        // What the consumer has paid is the operator's, who has paid as much there.
        (await EarnedAsync(Buyer)).ShouldBe(price);
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Lies, Money.Parse(shown.Spent), Money.Parse(shown.Signed)).ShouldBe((1, 0, 0, price, quote));
        Money.Parse(shown.Credit).ShouldBe(quote - price);

        var node = PeerIdOf(seller);
        task.Result.Supplied!.Node.ShouldBe(node.ToString());
        ReceiptVerifier.Verify(await Buyer.Client.GetReceiptAsync(task.Id, Stop), node).TryGet(out var receipt, out _).ShouldBeTrue();
        (receipt.TaskId.ToString(), receipt.Id.ToString(), receipt.Price).ShouldBe((task.Result.Supplied.TaskId, task.Result.ReceiptId, price));

        // It is reviewed here, and the network hears of it.
        (await Buyer.Client.ReviewTaskAsync(task.Id, 5, "As if it were near.", Stop)).Version.ShouldBe(task.Agent);
        var reference = AgentReference.Parse(task.Agent);
        var review = (await Buyer.Client.ListListingReviewsAsync(reference.Publisher, reference.Name, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        (review.Stars, review.Counts, review.Node).ShouldBe((5, true, PeerIdOf(Buyer).ToString()));

        // The next one needs only what the first has used up.
        (await Buyer.RunAsync(agent, "again")).State.ShouldBe("succeeded");
        Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Signed).ShouldBeLessThan(quote + quote);
    }

    [Fact]
    public async Task Task_ThatTheAgentFails_CostsNothing_AndIsNoFailureOfTheSupplier()
    {
        var seller = await SellAsync(null, GuestPrograms.Unreachable);
        var agent = await FindAgentAsync(seller);
        var supplier = await SupplyAsync(seller);
        var before = await WalletAsync(Buyer.Client);

        var task = await Buyer.RunAsync(agent);

        (task.State, task.Failure?.Code).ShouldBe(("failed", "supplierFailed"));
        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Lies).ShouldBe((0, 0, 0));
        shown.Declines.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Task_WithoutASupplier_OrInARegionWithoutOne_IsRefused()
    {
        var seller = await SellAsync("eu-central");
        var agent = await FindAgentAsync(seller);
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")))).ShouldBe("supplierUnavailable");

        await SupplyAsync(seller);
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: ["us-east"]))).ShouldBe("supplierUnavailable");
        (await RefuseAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), MaxPrice: "0.000000001"))).ShouldBe("budgetTooSmall");
        (await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: ["eu-central"]), cancellationToken: Stop)).State.ShouldNotBe("failed");
    }

    [Fact]
    public async Task Seller_ThatIsStoppedMidTask_IsFollowedByAnother()
    {
        var (first, second) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(first);
        var (proxy, held) = await HoldAsync(first);
        var supplier = await SupplyAsync(first, proxy.Address);
        await WaitForOfferAsync(second, await ProgramAsync(first));
        // The first is the only one there is when the task begins.
        var submitted = await Buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);
        await held;
        var other = await SupplyAsync(second);
        await proxy.DisposeAsync();
        await first.StopAsync();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(second).ToString());
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Failures.ShouldBe(1);
        (await Buyer.Client.GetSupplierAsync(other.Id, Stop)).Successes.ShouldBe(1);
        (await EarnedAsync(Buyer)).ShouldBe(Money.Parse(task.Result.Price));
    }

    [Theory]
    [InlineData("output", "OtherOutput")]
    [InlineData("program", "OtherProgram")]
    [InlineData("signature", "ReceiptInvalid")]
    [InlineData("price", "OtherPrice")]
    [InlineData("agent", "OtherAgent")]
    [InlineData("duration", "OtherUsage")]
    public async Task Seller_ThatLies_IsFoundOut_AndAnotherOneDoesIt(string lie, string fault)
    {
        var (liar, honest) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(liar);
        var program = await ProgramAsync(liar);
        await WaitForOfferAsync(honest, program);
        var proxy = await SellerProxy.StartAsync(liar.Client.Options.Address);
        Keep(proxy);
        var key = liar.Host.Services.GetRequiredService<PrivateKey>();
        using var forger = PrivateKey.Generate();
        proxy.Alter = (path, bytes, _) => lie switch
        {
            "output" when SellerProxy.IsOutput(path) => "HELLO"u8.ToArray(),
            "program" => Rewrite(path, bytes, key, receipt => receipt["programDigest"] = ContentHash.Of("other"u8).ToString()),
            "signature" => Rewrite(path, bytes, forger, _ => { }),
            "agent" => Rewrite(path, bytes, key, receipt => receipt["agent"] = receipt["agent"]!.GetValue<string>().Replace("/worker", "/nobody-else", StringComparison.Ordinal)),
            "duration" => Rewrite(path, bytes, key, receipt => receipt["usage"]!["durationMs"] = long.MaxValue),
            "price" => Rewrite(path, bytes, key, Overcharge),
            _ => null,
        };
        var supplier = await SupplyAsync(liar, proxy.Address);
        var before = await WalletAsync(Buyer.Client);

        var alone = await Buyer.RunAsync(agent);

        alone.State.ShouldBe("failed");
        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Lies, Money.Parse(shown.Spent)).ShouldBe((0, 1, Money.Zero));
        shown.LastFailure!.ShouldStartWith(fault);
        Money.Parse(shown.Credit).ShouldBe(Money.Parse(shown.Signed), "what was signed for a lie is the operator's matter");

        await SupplyAsync(honest);
        var task = await Buyer.RunAsync(agent);
        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(honest).ToString());
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies.ShouldBe(1, "who has lied is asked last");
    }

    [Fact]
    public async Task Buyer_ThatEndsBetweenVoucherAndResult_PaysOnce()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        var (proxy, held) = await HoldAsync(seller);
        await SupplyAsync(seller, proxy.Address);
        var submitted = await Buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);
        // The seller has done it, and its answer never comes.
        await held;
        await Buyer.StopAsync();
        await CountCallsAsync(seller, 1);
        proxy.Hold = _ => Task.CompletedTask;
        Buyer = await StartBuyerAsync();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        await CountCallsAsync(seller, 1);
        var shown = (await Buyer.Client.ListSuppliersAsync(Stop).ToListAsync(Stop)).Single();
        var price = Money.Parse(task.Result!.Price);
        (Money.Parse(shown.Spent), Money.Parse(shown.Signed), shown.Successes).ShouldBe((price, Money.Parse(task.Hold), 1));
        (await EarnedAsync(Buyer)).ShouldBe(price);
    }

    [Fact]
    public async Task Batch_OfAnAgentOfAnotherNode_RunsThere_AndItsPricesAreAskedForOnce()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        await SupplyAsync(seller, proxy.Address);
        var before = await WalletAsync(Buyer.Client);
        var quotes = 0;
        proxy.Alter = (path, _, _) =>
        {
            if (path.EndsWith("/quote", StringComparison.Ordinal))
                Interlocked.Increment(ref quotes);
            return null;
        };

        var requests = Enumerable.Range(5, 4).Select(length => new SubmitTaskRequest(agent, new TaskInputBody(Text: new string('x', length)), MaxPrice: "1")).ToList();
        // Refused as a whole, it asks for prices and does nothing else.
        await Should.ThrowAsync<StoaException>(() => Buyer.Client.SubmitBatchAsync(new SubmitBatchRequest([.. requests, requests[0] with { Agent = "nobody/nothing" }]), cancellationToken: Stop));
        quotes.ShouldBe(1, "5 to 8 bytes are about as large");
        var batch = await Buyer.Client.SubmitBatchAsync(new SubmitBatchRequest(requests), cancellationToken: Stop);
        await Eventually.IsSoAsync(async () => (batch = await Buyer.Client.GetBatchAsync(batch.Id, Stop)).FinishedAt is not null);

        (batch.Succeeded, batch.Failed).ShouldBe((4, 0));
        var tasks = await Buyer.Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop).ToListAsync(Stop);
        tasks.Select(task => task.Result!.SizeBytes).Order().ShouldBe([5, 6, 7, 8]);
        var price = tasks.Aggregate(Money.Zero, (sum, task) => sum + Money.Parse(task.Result!.Price));
        Money.Parse(batch.Cost).ShouldBe(price);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        await CountCallsAsync(seller, 4);
    }

    [Fact]
    public async Task Task_ThatRuns_TellsItsProgress_AndIsStoppedThereWhenItsConsumerCancelsIt()
    {
        var seller = await SellAsync(
            null, GuestPrograms.AskAndLoop("""{"op":"progress","done":1,"total":2,"message":"half"}"""), new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 10_000, 10_000));
        var agent = await FindAgentAsync(seller);
        var supplier = await SupplyAsync(seller);
        var before = await WalletAsync(Buyer.Client);
        var submitted = await Buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);

        TaskProgressData? told = null;
        await foreach (var happened in Buyer.Client.WatchTaskAsync(submitted.Id, cancellationToken: Stop))
        {
            if (StoaClient.TryReadProgress(happened, out told) && told.Message is not null)
                break;
        }

        told!.ShouldSatisfyAllConditions(
            progress => (progress.Done, progress.Total, progress.Message, progress.Elsewhere).ShouldBe((1, 2, "half", "running")), progress => progress.Fuel.ShouldBeGreaterThan(0));
        Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Reserved).ShouldBeGreaterThan(Money.Zero);
        await Buyer.Client.CancelTaskAsync(submitted.Id, Stop);
        (await EndAsync(submitted)).State.ShouldBe("cancelled");

        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Successes, shown.Failures, shown.Declines, Money.Parse(shown.Reserved), Money.Parse(shown.Spent)).ShouldBe((0, 0, 0, Money.Zero, Money.Zero));
        await CountCallsAsync(seller, 1);
        var there = seller.Host.Services.GetRequiredService<Database>();
        (await there.ReadAsync(session => session.QuerySingleAsync<string>("SELECT state FROM task_ends"), Stop)).ShouldBe("cancelled");
        (await there.ReadAsync(session => session.QuerySingleAsync<Money>("SELECT reserved + spent FROM call_credit"), Stop)).ShouldBe(Money.Zero);
        (await Buyer.Host.Services.GetRequiredService<Database>().ReadAsync(session => session.QuerySingleAsync<string>("SELECT state FROM supplier_calls"), Stop)).ShouldBe("Cancelled");
    }

    [Fact]
    public async Task Task_ThatWasDoneInItsTime_IsPaidForByItsConsumer_ThoughTheAnswerComesAfterTheDeadline()
    {
        var seller = await SellAsync(null, GuestPrograms.Echo, new AgentLimitsBody(1_000_000_000, 8 << 20, 600_000, 10_000, 10_000));
        await FindAgentAsync(seller);
        var answer = new TaskCompletionSource();
        var (proxy, done) = await HoldAsync(seller);
        var pass = proxy.Hold;
        proxy.Hold = path => Task.WhenAny(pass(path), answer.Task);
        var supplier = await SupplyAsync(seller, proxy.Address);
        var before = await WalletAsync(Buyer.Client);

        var submitted = await Buyer.Client.SubmitAsync(
            new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody(["test.run"], DeadlineMs: 20_000, Explore: false)), cancellationToken: Stop);
        await done;
        Clock.Advance(TimeSpan.FromSeconds(21));
        answer.SetResult();
        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        var price = Money.Parse(task.Result!.Price);
        price.ShouldBeGreaterThan(Money.Zero);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent).ShouldBe(price);
        ReceiptVerifier.Verify(await Buyer.Client.GetReceiptAsync(task.Id, Stop), PeerIdOf(seller)).TryGet(out var receipt, out _).ShouldBeTrue();
        receipt!.Limits.TimeoutMs.ShouldBeLessThanOrEqualTo(20_000, "no more time than there was until the deadline");
    }

    [Fact]
    public async Task Task_ThatIsCancelledWhenItWasDoneThere_IsSettledAllTheSame()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        var (proxy, held) = await HoldAsync(seller);
        var supplier = await SupplyAsync(seller, proxy.Address);
        var before = await WalletAsync(Buyer.Client);
        var submitted = await Buyer.Client.SubmitTextAsync(agent, "hello", cancellationToken: Stop);
        // The seller has done it and charged for it; its answer is on the way.
        await held;
        await Eventually.IsSoAsync(async () => await seller.Host.Services.GetRequiredService<Database>().ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM task_ends"), Stop) == 1);
        proxy.Hold = _ => Task.CompletedTask;
        await Buyer.Client.CancelTaskAsync(submitted.Id, Stop);

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        (await Buyer.ResultAsync(task)).ShouldBe("hello");
        var price = Money.Parse(task.Result!.Price);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent).ShouldBe(price);
        await CountCallsAsync(seller, 1);
    }

    private static void Overcharge(JsonNode receipt)
    {
        // Rates and shares that give a price that nobody was told of.
        var more = Money.Parse("5");
        var price = Money.Parse(receipt["price"]!.GetValue<string>());
        receipt["price"] = (price + more).ToString();
        receipt["pricing"]!["base"] = (Money.Parse(receipt["pricing"]!["base"]!.GetValue<string>()) + more).ToString();
        receipt["shares"]!["node"] = (Money.Parse(receipt["shares"]!["node"]!.GetValue<string>()) + more).ToString();
    }
}
