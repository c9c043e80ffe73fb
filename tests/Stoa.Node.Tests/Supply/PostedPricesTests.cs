using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Supply;

/// <summary>What runs of a program cost is said in a node's offer, and where many offer one, only those are asked that would be the best by it.</summary>
[Trait("speed", "slow")]
public sealed class PostedPricesTests : SuppliedNodes
{
    protected override string[] Options => [.. base.Options, "--Supply:MaxAsked", "1"];

    [Fact]
    public async Task Suppliers_ThatPostPrices_AreAskedInTheirOrder()
    {
        var (cheap, dear) = (await SellAtAsync("0.0001"), await SellAtAsync("0.01"));
        var agent = await FindAgentAsync(dear);
        await FindAgentAsync(cheap);
        var asked = 0;
        var before = await SellerProxy.StartAsync(dear.Client.Options.Address);
        Keep(before);
        before.Hold = path =>
        {
            if (path.EndsWith("/quote", StringComparison.Ordinal))
                Interlocked.Increment(ref asked);
            return Task.CompletedTask;
        };
        await SupplyAsync(dear, before.Address);
        await SupplyAsync(cheap);
        var program = await ProgramAsync(dear);

        (await PostedAsync(dear, program)).ShouldBe(new PostedRunBody(program, "0.010000000", "0.000500000", "0.001000000", "0.000000000"));
        (await PostedAsync(cheap, program)).Base.ShouldBe("0.000100000");
        // To be added, a supplier was asked whether it is there.
        asked = 0;
        var task = await Buyer.RunAsync(agent);

        (task.State, task.Result?.Supplied?.Node).ShouldBe(("succeeded", PeerIdOf(cheap).ToString()), task.Failure?.Detail);
        asked.ShouldBe(0, "the dear one posts what it costs");
    }

    [Fact]
    public async Task Node_ThatSellsNoCalls_PostsNoPrices()
    {
        await Buyer.PublishAsync("worker", GuestPrograms.Echo);
        var program = await ProgramAsync(Buyer);
        await WaitForOfferAsync(Buyer, program);

        (await OfferOfAsync(Buyer)).Runs.ShouldBeNull();
    }

    private async Task<TestNode> SellAtAsync(string perRun)
    {
        var seller = await OpenShopAsync(region: null);
        await TestNode.PublishAsync(seller.Client, "worker", GuestPrograms.Echo, price: new AgentPriceBody(perRun, "0.0005", "0.001"));
        return seller;
    }

    private async Task<PostedRunBody> PostedAsync(TestNode seller, string program)
    {
        PostedRunBody? posted = null;
        await Eventually.IsSoAsync(async () => (posted = (await OfferOfAsync(seller)).Runs?.SingleOrDefault(run => run.Program == program)) is not null);
        return posted!;
    }

    private async Task<OfferResponse> OfferOfAsync(TestNode seller) => await Buyer.Client.ListOffersAsync(Stop).FirstAsync(offer => offer.Node == PeerIdOf(seller).ToString(), Stop);
}
