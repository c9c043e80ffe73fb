using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>Tasks that name only the work, and agents of the network that suppliers offer.</summary>
[Trait("speed", "slow")]
public sealed class NetworkSelectionTests : SuppliedNodes
{
    [Fact]
    public async Task Work_ThatNobodyHereCanDo_GoesToAnAgentOfTheNetwork_AndItIsShownWhy()
    {
        var seller = await SellAsync("eu-central");
        var agent = await FindAgentAsync(seller);
        (await RefuseAsync(Work())).ShouldBe("noCandidate");
        await SupplyAsync(seller);
        var before = await WalletAsync(Buyer.Client);

        (await RefuseAsync(Work("cell"))).ShouldBe("noCandidate");
        (await RefuseAsync(Work() with { Regions = ["us-east"] })).ShouldBe("regionUnserved");
        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work() with { Regions = ["eu-central"] }, cancellationToken: Stop));

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        task.Agent.ShouldBe($"{agent}@1.0.0");
        task.Result!.Supplied!.Node.ShouldBe(PeerIdOf(seller).ToString());
        (await WalletAsync(Buyer.Client)).ShouldBe(before - Money.Parse(task.Result.Price));
        var choice = (await Buyer.Client.GetSelectionAsync(task.Id, Stop)).Choices.ShouldHaveSingleItem();
        choice.Chosen.ShouldBe(task.Agent);
        var candidate = choice.Candidates.ShouldHaveSingleItem();
        (candidate.Supplier, candidate.Standing).ShouldBe((PeerIdOf(seller).ToString(), "chosen"));
        Money.Parse(candidate.PriceAtLimits).ShouldBe(Money.Parse(task.Hold));
    }

    [Fact]
    public async Task Work_ThatAnAgentHereCanDo_StaysHere_UnlessTheNetworkIsAskedForAndCheaper()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        await SupplyAsync(seller);
        var own = await TestNode.PublishAsync(Buyer.Client, "dear", GuestPrograms.Echo, price: new AgentPriceBody("1", "0", "0"));

        var near = await EndAsync(await Buyer.Client.SubmitAsync(Work(), cancellationToken: Stop));
        var far = await EndAsync(await Buyer.Client.SubmitAsync(Work("network"), cancellationToken: Stop));

        (near.Agent, near.State).ShouldBe((own, "succeeded"));
        (far.Agent, far.State).ShouldBe(($"{agent}@1.0.0", "succeeded"));
        var candidates = (await Buyer.Client.GetSelectionAsync(far.Id, Stop)).Choices[0].Candidates;
        candidates.Select(candidate => (candidate.Agent, candidate.Standing)).ShouldBe([($"{agent}@1.0.0", "chosen"), (own, "lowerScore")]);
    }

    [Theory]
    [InlineData("eu-central")]
    [InlineData("us-east")]
    public async Task Work_WithAPreferredRegion_GoesThere_AndItIsShown(string region)
    {
        var sellers = new Dictionary<string, TestNode> { ["eu-central"] = await SellAsync("eu-central"), ["us-east"] = await SellAsync("us-east") };
        var agent = await FindAgentAsync(sellers["eu-central"]);
        await WaitForOfferAsync(sellers["us-east"], await ProgramAsync(sellers["eu-central"]));
        foreach (var seller in sellers.Values)
            await SupplyAsync(seller);
        // A machine that has much else to do is no distance: a single measurement changes the mean by a fifth.
        await Buyer.Host.Services.GetRequiredService<Database>().WriteAsync(session => session.ExecuteAsync("UPDATE suppliers SET latency_us = 1"), Stop);

        var named = await EndAsync(await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), PreferredRegions: [region]), cancellationToken: Stop));
        var work = await EndAsync(await Buyer.Client.SubmitAsync(Work() with { PreferredRegions = [region] }, cancellationToken: Stop));

        var wanted = PeerIdOf(sellers[region]).ToString();
        (named.State, named.Result?.Supplied?.Node).ShouldBe(("succeeded", wanted), named.Failure?.Detail);
        (work.State, work.Result?.Supplied?.Node).ShouldBe(("succeeded", wanted), work.Failure?.Detail);
        var choice = (await Buyer.Client.GetSelectionAsync(work.Id, Stop)).Choices.ShouldHaveSingleItem();
        choice.RegionWeight.ShouldBe(0.05);
        choice.Candidates.Single(candidate => candidate.Standing == "chosen").ShouldSatisfyAllConditions(
            candidate => candidate.Region.ShouldBe(1), candidate => candidate.Supplier.ShouldBe(wanted));
    }

    /// <summary>How far a supplier is is measured whenever it says a price. Where nothing else tells them apart, whichever of them is slow is not taken.</summary>
    [Theory]
    [InlineData("eu-central", "us-east")]
    [InlineData("us-east", "eu-central")]
    public async Task Supplier_ThatTakesLongToAnswer_IsPassedOverForOneThatIsNear(string near, string far)
    {
        await Buyer.DisposeAsync();
        var watch = new MovableWatch();
        // Those that sell models are asked for them beside, which is measured as well.
        Buyer = await TestNode.StartAsync(Folder, NodePhysics.Real with { Time = watch }, [.. Options, "--Supply:BuysModels", "false"]);
        var sellers = new Dictionary<string, TestNode> { ["eu-central"] = await SellAsync("eu-central"), ["us-east"] = await SellAsync("us-east") };
        var agent = await FindAgentAsync(sellers["eu-central"]);
        await WaitForOfferAsync(sellers["us-east"], await ProgramAsync(sellers["eu-central"]));
        var (suppliers, way) = (new Dictionary<string, SupplierResponse>(), await SellerProxy.StartAsync(sellers[far].Client.Options.Address));
        Keep(way);
        foreach (var (region, seller) in sellers)
            suppliers.Add(region, await SupplyAsync(seller, region == far ? way.Address : null));

        // Nobody waits: the watch is moved on while the answer is on its way. Only who stands in the region is asked.
        way.Hold = path =>
        {
            if (path.EndsWith("/quote", StringComparison.Ordinal))
                watch.Advance(TimeSpan.FromSeconds(50));
            return Task.CompletedTask;
        };
        await Buyer.Client.QuoteAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: [far]), Stop);
        way.Hold = _ => Task.CompletedTask;
        (await Buyer.Client.GetSupplierAsync(suppliers[far].Id, Stop)).LatencyMs!.Value.ShouldBeGreaterThanOrEqualTo(50_000);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")), cancellationToken: Stop));

        (task.State, task.Result?.Supplied?.Node).ShouldBe(("succeeded", PeerIdOf(sellers[near]).ToString()), task.Failure?.Detail);
        (await Buyer.Client.GetSupplierAsync(suppliers[near].Id, Stop)).LatencyMs!.Value.ShouldBeLessThan((await Buyer.Client.GetSupplierAsync(suppliers[far].Id, Stop)).LatencyMs!.Value);
    }

    [Fact]
    public async Task Replay_OfATaskThatIsBoundToARegion_IsBoundToIt()
    {
        var seller = await SellAsync("eu-central", GuestPrograms.Unreachable);
        var agent = await FindAgentAsync(seller);
        await SupplyAsync(seller);
        var failed = await EndAsync(await Buyer.Client.SubmitAsync(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello"), Regions: ["eu-central"], PreferredRegions: ["us-east"]), cancellationToken: Stop));
        failed.State.ShouldBe("failed");

        var replay = await Buyer.Client.ReplayTaskAsync(failed.Id, cancellationToken: Stop);

        (await Buyer.Host.Services.GetRequiredService<Database>().ReadAsync(
            session => session.QuerySingleAsync<(string, string)>("SELECT regions, preferred FROM task_supplies WHERE task_id = @Id", new { replay.Id }), Stop)).ShouldBe(("eu-central", "us-east"));
    }

    [Fact]
    public async Task Supplier_ThatLies_IsFollowedByTheNextBest_WhichIsAnAgentHere()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        var proxy = await SellerProxy.StartAsync(seller.Client.Options.Address);
        Keep(proxy);
        proxy.Alter = (path, _, _) => SellerProxy.IsOutput(path) ? "HELLO"u8.ToArray() : null;
        var supplier = await SupplyAsync(seller, proxy.Address);
        var own = await TestNode.PublishAsync(Buyer.Client, "dear", GuestPrograms.Echo, price: new AgentPriceBody("1", "0", "0"));
        var before = await WalletAsync(Buyer.Client);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work("network"), cancellationToken: Stop));

        (task.State, task.Agent).ShouldBe(("succeeded", own), task.Failure?.Detail);
        (await Buyer.ResultAsync(task)).ShouldBe("hello");
        var selection = await Buyer.Client.GetSelectionAsync(task.Id, Stop);
        selection.Tried.ShouldBe([agent]);
        selection.Choices.Select(choice => choice.Chosen).ShouldBe([$"{agent}@1.0.0", own]);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies.ShouldBe(1);
        // Who publishes here gets the creator's share back.
        (await WalletAsync(Buyer.Client)).ShouldBeInRange(before - Money.Parse("1"), before - Money.Parse("0.01"));
    }

    [Fact]
    public async Task Agent_OfThisNode_ThatFails_IsFollowedByOneOfTheNetwork_AndPaidNothing()
    {
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        await SupplyAsync(seller);
        var own = await TestNode.PublishAsync(Buyer.Client, "broken", GuestPrograms.Unreachable, price: new AgentPriceBody("0.5", "0", "0"));
        var before = await WalletAsync(Buyer.Client);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work(), cancellationToken: Stop));

        (task.State, task.Agent).ShouldBe(("succeeded", $"{agent}@1.0.0"), task.Failure?.Detail);
        (await Buyer.Client.GetSelectionAsync(task.Id, Stop)).Choices.Select(choice => choice.Chosen).ShouldBe([own, task.Agent]);
        (await WalletAsync(Buyer.Client)).ShouldBe(before - Money.Parse(task.Result!.Price));
        (await EarnedAsync(Buyer)).ShouldBe(Money.Parse(task.Result.Price));

        // Who wants it done here alone has it fail.
        (await EndAsync(await Buyer.Client.SubmitAsync(Work("cell"), cancellationToken: Stop))).Failure?.Code.ShouldBe("trap");
    }

    [Fact]
    public async Task Agents_OfThisCell_TakeNoPlaceAmongThoseOfTheNetworkThatAreLookedAt()
    {
        await Buyer.DisposeAsync();
        Buyer = await TestNode.StartAsync(Folder, [.. Options, "--Supply:MaxListings", "1"]);
        var seller = await SellAsync(null);
        var agent = await FindAgentAsync(seller);
        await SupplyAsync(seller);
        var own = await TestNode.PublishAsync(Buyer.Client, "dear", GuestPrograms.Echo, price: new AgentPriceBody("1", "0", "0"));
        // The best rated of all is one of this cell.
        using var consumer = await Buyer.JoinAsync("consumer");
        await Buyer.Client.DepositAsync(new DepositRequest("consumer", "5"), Stop);
        var praised = await consumer.WaitForTaskAsync((await consumer.SubmitTextAsync(own, "hello", cancellationToken: Stop)).Id, cancellationToken: Stop);
        await consumer.ReviewTaskAsync(praised.Id, 5, "None better.", Stop);
        await Eventually.IsSoAsync(async () =>
            (await Buyer.Client.ListListingsAsync(new Stoa.Client.ListingQuery { Capabilities = ["test.run"], Sort = "rating" }, Stop).ToListAsync(Stop)) is [{ Name: "dear" }, { Name: "worker" }]);

        var task = await EndAsync(await Buyer.Client.SubmitAsync(Work("network"), cancellationToken: Stop));

        (task.Agent, task.State).ShouldBe(($"{agent}@1.0.0", "succeeded"), task.Failure?.Detail);
    }

    private static SubmitTaskRequest Work(string? scope = null) =>
        new(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody(["test.run"], Weights: new WeightsBody(Price: 1), Explore: false, Scope: scope));

    /// <summary>The time of day as it is, and a watch that a test moves on.</summary>
    private sealed class MovableWatch : TimeProvider
    {
        private long _ahead;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _ahead);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));
    }
}
