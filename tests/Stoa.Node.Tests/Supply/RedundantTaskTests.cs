using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>Tasks that several executors run, of whom enough have to agree.</summary>
[Trait("speed", "slow")]
public sealed class RedundantTaskTests : SuppliedNodes
{
    [Fact]
    public async Task Liar_AmongThree_IsFoundOut_AndWhatTheOthersAgreeOnIsPaidFor()
    {
        // What it writes depends on chance and clock: executors agree only because both are fixed.
        var (liar, one, other) = (await SellAsync(null, GuestPrograms.RandomAndClock), await SellAsync(null, GuestPrograms.RandomAndClock), await SellAsync(null, GuestPrograms.RandomAndClock));
        var agent = await FindAgentAsync(liar);
        var proxy = await LieAsync(liar, new byte[16]);
        var suppliers = new List<SupplierResponse> { await SupplyAsync(liar, proxy.Address), await SupplyAsync(one), await SupplyAsync(other) };
        foreach (var seller in new[] { one, other })
            await WaitForOfferAsync(seller, await ProgramAsync(liar));
        var before = await WalletAsync(Buyer.Client);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work(agent, 3), cancellationToken: Stop));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Redundancy.ShouldBe(new RedundancyBody(3, 2));
        var runs = await Buyer.Client.ListTaskRunsAsync(task.Id, Stop);
        runs.Count(run => run.Standing == "agreed" && run.Digest == task.Result!.Digest).ShouldBe(2);
        runs.Single(run => run.Standing == "contradicted").Node.ShouldBe(PeerIdOf(liar).ToString());
        foreach (var run in runs)
            ReceiptVerifier.Verify(run.Receipt!, PeerId.Parse(run.Node)).TryGet(out _, out _).ShouldBeTrue();
        var price = runs.Where(run => run.Standing == "agreed").Aggregate(Money.Zero, (sum, run) => sum + Money.Parse(run.Price));
        Money.Parse(task.Result!.Price).ShouldBe(price);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        var shown = await Task.WhenAll(suppliers.Select(supplier => Buyer.Client.GetSupplierAsync(supplier.Id, Stop)));
        shown.Select(supplier => (supplier.Lies, supplier.Disagreements)).ShouldBe([(1, 0), (0, 0), (0, 0)]);
        await Should.ThrowAsync<StoaException>(() => Buyer.Client.DisputeTaskAsync(task.Id, "Wrong.", Stop));
    }

    [Fact]
    public async Task Batch_OfTasksThatSeveralExecutorsRun_AsksForTheirPricesOnce()
    {
        var (one, other) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(one);
        await WaitForOfferAsync(other, await ProgramAsync(one));
        var proxy = await SellerProxy.StartAsync(one.Client.Options.Address);
        Keep(proxy);
        await SupplyAsync(one, proxy.Address);
        await SupplyAsync(other);
        var before = await WalletAsync(Buyer.Client);
        var quotes = 0;
        proxy.Alter = (path, _, _) =>
        {
            if (path.EndsWith("/quote", StringComparison.Ordinal))
                Interlocked.Increment(ref quotes);
            return null;
        };

        var work = Work(agent, 2) with { Redundancy = new RedundancyBody(2, 2) };
        // Refused as a whole, it asks for prices and does nothing else.
        await Should.ThrowAsync<StoaException>(() => Buyer.Client.SubmitBatchAsync(new SubmitBatchRequest([work, work, work with { Agent = "nobody/nothing" }]), cancellationToken: Stop));
        quotes.ShouldBe(1);
        var batch = await Buyer.Client.SubmitBatchAsync(new SubmitBatchRequest([work, work]), cancellationToken: Stop);
        await Eventually.IsSoAsync(async () => (batch = await Buyer.Client.GetBatchAsync(batch.Id, Stop)).FinishedAt is not null);

        (batch.Succeeded, batch.Failed).ShouldBe((2, 0));
        var tasks = await Buyer.Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop).ToListAsync(Stop);
        foreach (var task in tasks)
            (await Buyer.Client.ListTaskRunsAsync(task.Id, Stop)).Select(run => run.Standing).ShouldBe(["agreed", "agreed"]);
        var price = tasks.Aggregate(Money.Zero, (sum, task) => sum + Money.Parse(task.Result!.Price));
        Money.Parse(batch.Cost).ShouldBe(price);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        await CountCallsAsync(one, 2);
        await CountCallsAsync(other, 2);
    }

    [Fact]
    public async Task Executors_ThatDoNotAgree_FailTheTask_WhichCostsNothing()
    {
        var (liar, honest) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(liar);
        await WaitForOfferAsync(honest, await ProgramAsync(liar));
        var proxy = await LieAsync(liar, "HELLO"u8.ToArray());
        var suppliers = new List<SupplierResponse> { await SupplyAsync(liar, proxy.Address), await SupplyAsync(honest) };
        var before = await WalletAsync(Buyer.Client);
        (await RefuseAsync(Work(agent, 3))).ShouldBe("executorsTooFew");
        (await RefuseAsync(Work(agent, 3) with { Redundancy = new RedundancyBody(3, 1) })).ShouldBe("requestInvalid");

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work(agent, 2), cancellationToken: Stop));

        (task.State, task.Failure?.Code).ShouldBe(("failed", "noQuorum"));
        task.Failure!.Detail.ShouldContain(ContentHash.Of("HELLO"u8).ToString());
        task.Failure.Detail.ShouldContain(ContentHash.Of("hello"u8).ToString());
        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        (await Buyer.Client.ListTaskRunsAsync(task.Id, Stop)).Select(run => run.Standing).ShouldBe(["disputed", "disputed"]);
        foreach (var supplier in suppliers)
        {
            var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
            (shown.Lies, shown.Disagreements, shown.Successes).ShouldBe((0, 1, 1));
            shown.Reliability.ShouldBeLessThan(1);
        }
    }

    [Fact]
    public async Task Executors_ThatAreTooFewByTheTimeItRuns_AreNotCalled()
    {
        var (first, second) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(first);
        await WaitForOfferAsync(second, await ProgramAsync(first));
        var proxy = await SellerProxy.StartAsync(second.Client.Options.Address);
        Keep(proxy);
        var asked = 0;
        // Says a price when the task is submitted, and none when it is to run.
        proxy.Alter = (path, _, _) => path.EndsWith("/quote", StringComparison.Ordinal) && Interlocked.Increment(ref asked) > 1 ? "{}"u8.ToArray() : null;
        var suppliers = new List<SupplierResponse> { await SupplyAsync(first), await SupplyAsync(second, proxy.Address) };
        var before = await WalletAsync(Buyer.Client);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work(agent, 2), cancellationToken: Stop));

        (task.State, task.Failure?.Code).ShouldBe(("failed", "noQuorum"));
        asked.ShouldBeGreaterThan(1);
        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        await CountCallsAsync(first, 0);
        foreach (var supplier in suppliers)
        {
            var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
            (Money.Parse(shown.Spent), shown.Successes, shown.Failures).ShouldBe((Money.Zero, 0, 0));
        }
    }

    [Fact]
    public async Task Executor_ThatNobodyContradicts_IsPaidForByTheConsumer_ThoughTooFewAnswer()
    {
        var (honest, silent) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(honest);
        await WaitForOfferAsync(silent, await ProgramAsync(honest));
        var proxy = await SellerProxy.StartAsync(silent.Client.Options.Address);
        Keep(proxy);
        proxy.Alter = (path, _, _) => path.EndsWith("/receipt", StringComparison.Ordinal) ? "{}"u8.ToArray() : null;
        var supplier = await SupplyAsync(honest);
        await SupplyAsync(silent, proxy.Address);
        var before = await WalletAsync(Buyer.Client);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work(agent, 2), cancellationToken: Stop));

        (task.State, task.Failure?.Code).ShouldBe(("failed", "noQuorum"));
        var runs = await Buyer.Client.ListTaskRunsAsync(task.Id, Stop);
        runs.Select(run => run.Standing).Order().ShouldBe(["failed", "unconfirmed"]);
        var price = Money.Parse(runs.Single(run => run.Standing == "unconfirmed").Price);
        price.ShouldBeGreaterThan(Money.Zero);
        task.Failure!.Detail.ShouldContain($"{price} USD were charged");
        (await WalletAsync(Buyer.Client)).ShouldBe(before - price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        Money.Parse((await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Spent).ShouldBe(price);

        // Usage has it, though the task failed.
        var usage = Buyer.Host.Services.GetRequiredService<Stoa.Node.Storage.Database>();
        (await usage.ReadAsync(session => Stoa.Node.Metering.SqlUsage.ReadStepAsync(session, int.MaxValue), Stop)).Totals.Rows.Values.ShouldContain(row => row.Paid == price);
    }

    [Fact]
    public async Task Agent_OfThisNode_IsRunHereAndElsewhere_AndBothArePaid()
    {
        var seller = await SellAsync(null);
        await FindAgentAsync(seller);
        await SupplyAsync(seller);
        var own = await Buyer.PublishAsync("worker", GuestPrograms.Echo);
        using var consumer = await Buyer.JoinAsync("consumer");
        await Buyer.Client.DepositAsync(new DepositRequest("consumer", "5"), Stop);
        var (before, creator) = (await WalletAsync(consumer), await WalletAsync(Buyer.Client));

        var task = await consumer.WaitForTaskAsync((await consumer.SubmitAsync(Work(own, 2), cancellationToken: Stop)).Id, cancellationToken: Stop);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Result!.Supplied.ShouldBeNull();
        var runs = await consumer.ListTaskRunsAsync(task.Id, Stop);
        runs.Select(run => (run.Node, run.Standing)).ShouldBe([(PeerIdOf(Buyer).ToString(), "agreed"), (PeerIdOf(seller).ToString(), "agreed")]);
        var (here, there) = (Money.Parse(runs[0].Price), Money.Parse(runs[1].Price));
        Money.Parse(task.Result.Price).ShouldBe(here + there);
        (await WalletAsync(consumer)).ShouldBe(before - here - there);
        ReceiptVerifier.Verify(await consumer.GetReceiptAsync(task.Id, Stop), PeerIdOf(Buyer)).TryGet(out var receipt, out _).ShouldBeTrue();
        receipt!.Price.ShouldBe(here);
        (await WalletAsync(Buyer.Client)).ShouldBe(creator + receipt.Shares.Creator);
        (await EarnedAsync(Buyer)).ShouldBe(receipt.Shares.Node + there);
    }

    [Fact]
    public async Task Buyer_ThatEndsWhileExecutorsRun_PaysEachOnce()
    {
        var (first, second) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(first);
        await WaitForOfferAsync(second, await ProgramAsync(first));
        var (proxy, held) = await HoldAsync(first);
        await SupplyAsync(first, proxy.Address);
        await SupplyAsync(second);
        var submitted = await Buyer.Client.SubmitAsync(Work(agent, 2), cancellationToken: Stop);
        // One has done it, and its answer never comes; the other has answered, or is about to.
        await held;
        await Buyer.StopAsync();
        proxy.Hold = _ => Task.CompletedTask;
        Buyer = await StartBuyerAsync();

        var task = await EndAsync(submitted);

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        await CountCallsAsync(first, 1);
        await CountCallsAsync(second, 1);
        var price = Money.Parse(task.Result!.Price);
        (await EarnedAsync(Buyer)).ShouldBe(price);
        var shown = await Buyer.Client.ListSuppliersAsync(Stop).ToListAsync(Stop);
        shown.Aggregate(Money.Zero, (sum, supplier) => sum + Money.Parse(supplier.Spent)).ShouldBe(price);
        shown.Select(supplier => (supplier.Successes, supplier.Failures)).ShouldBe([(1, 0), (1, 0)]);
    }

    [Fact]
    public async Task Executor_ThatIsGivenTheParametersInAnotherOrder_IsPaidByTheOperator_AndCountsOnceAndForNothing()
    {
        var (first, turned) = (await SellAsync("left", "right"), await SellAsync("right", "left"));
        var agent = await FindAgentAsync(first);
        await WaitForOfferAsync(turned, await ProgramAsync(first));
        var (supplier, other) = (await SupplyAsync(first), await SupplyAsync(turned));
        var before = await WalletAsync(Buyer.Client);
        var work = Work(agent, 2) with { Parameters = new Dictionary<string, string> { ["left"] = "1", ["right"] = "2" } };

        var task = await EndAsync(await Buyer.Client.SubmitAsync(work, cancellationToken: Stop));

        (task.State, task.Failure?.Code).ShouldBe(("failed", "noQuorum"));
        var runs = await Buyer.Client.ListTaskRunsAsync(task.Id, Stop);
        runs.Single(run => run.Node == PeerIdOf(turned).ToString()).Standing.ShouldBe("failed");
        var shown = await Buyer.Client.GetSupplierAsync(other.Id, Stop);
        (shown.Successes, shown.Declines, shown.Failures, shown.Lies).ShouldBe((0, 1, 0, 0));
        var charged = Money.Parse(shown.Spent);
        charged.ShouldBeGreaterThan(Money.Zero);
        Money.Parse(shown.Reserved).ShouldBe(Money.Zero);
        var compared = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (compared.Successes, compared.Declines).ShouldBe((1, 0));
        (before - await WalletAsync(Buyer.Client)).ShouldBe(Money.Parse(compared.Spent), "only what can be compared is the consumer's to pay");

        async Task<TestNode> SellAsync(params string[] parameters)
        {
            var seller = await OpenShopAsync(null);
            await TestNode.PublishAsync(seller.Client, "worker", GuestPrograms.Echo, parameters: [.. parameters.Select(name => new AgentParameterBody(name, "Anything.", "string"))]);
            return seller;
        }
    }

    private static SubmitTaskRequest Work(string agent, int runs) => new(agent, new TaskInputBody(Text: "hello"), Redundancy: new RedundancyBody(runs));
}
