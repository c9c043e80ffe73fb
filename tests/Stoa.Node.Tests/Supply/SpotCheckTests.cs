using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Supply;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>Tasks of suppliers that are done again elsewhere; here all of them are.</summary>
[Trait("speed", "slow")]
public sealed class SpotCheckTests : SuppliedNodes
{
    // The test says when it is looked for what is to be done again.
    protected override string[] Options => [.. base.Options, "--Supply:SpotCheckShare", "1", "--Supply:SpotCheckPollMs", "3600000"];

    [Fact]
    public async Task Honest_Supplier_IsConfirmedByThisNode_WhichCostsNothing()
    {
        var seller = await SellAsync(null, GuestPrograms.RandomAndClock);
        var agent = await FindAgentAsync(seller);
        var supplier = await SupplyAsync(seller);
        await Buyer.PublishAsync("mine", GuestPrograms.RandomAndClock);

        var task = await Buyer.RunAsync(agent);

        (await OutcomeAsync(task)).ShouldBe(SpotCheckOutcome.Confirmed);
        var shown = await Buyer.Client.GetSupplierAsync(supplier.Id, Stop);
        (shown.Checks, shown.Lies, shown.Disagreements, shown.Successes).ShouldBe((1, 0, 0, 1));
        Money.Parse(shown.Spent).ShouldBe(Money.Parse(task.Result!.Price));
    }

    [Fact]
    public async Task Liar_IsContradictedByThisNodeAndAThirdExecutor_AtTheOperatorsExpense()
    {
        var (liar, honest) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(liar);
        await WaitForOfferAsync(honest, await ProgramAsync(liar));
        var supplier = await SupplyAsync(liar, (await LieAsync(liar, "HELLO"u8.ToArray())).Address);
        await Buyer.PublishAsync("mine", GuestPrograms.Echo);
        var task = await Buyer.RunAsync(agent);
        (task.State, task.Result?.Supplied?.Node).ShouldBe(("succeeded", PeerIdOf(liar).ToString()));
        var third = await SupplyAsync(honest);
        var before = await WalletAsync(Buyer.Client);

        (await OutcomeAsync(task)).ShouldBe(SpotCheckOutcome.Contradicted);

        var (shown, other) = (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop), await Buyer.Client.GetSupplierAsync(third.Id, Stop));
        (shown.Checks, shown.Lies, shown.Disagreements, other.Lies, other.Successes).ShouldBe((1, 1, 0, 0, 1));
        shown.LastFailure!.ShouldContain(ContentHash.Of("HELLO"u8).ToString());
        Money.Parse(other.Spent).ShouldBeGreaterThan(Money.Zero);
        (await WalletAsync(Buyer.Client)).ShouldBe(before);
        await Buyer.Host.Services.GetRequiredService<SpotChecks>().LookAsync(Stop);
        (await Buyer.Client.GetSupplierAsync(supplier.Id, Stop)).Lies.ShouldBe(1, "it is decided once");
    }

    [Fact]
    public async Task Two_ThatDiffer_WithoutAThird_AreBothInDoubt()
    {
        var (liar, honest) = (await SellAsync(null), await SellAsync(null));
        var agent = await FindAgentAsync(liar);
        await WaitForOfferAsync(honest, await ProgramAsync(liar));
        var supplier = await SupplyAsync(liar, (await LieAsync(liar, "HELLO"u8.ToArray())).Address);
        var task = await Buyer.RunAsync(agent);
        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        var second = await SupplyAsync(honest);

        (await OutcomeAsync(task)).ShouldBe(SpotCheckOutcome.Undecided);

        foreach (var id in new[] { supplier.Id, second.Id })
        {
            var shown = await Buyer.Client.GetSupplierAsync(id, Stop);
            (shown.Lies, shown.Disagreements).ShouldBe((0, 1));
        }
    }

    private async Task<SpotCheckOutcome?> OutcomeAsync(TaskResponse task)
    {
        await Buyer.Host.Services.GetRequiredService<SpotChecks>().LookAsync(Stop);
        return await Buyer.Host.Services.GetRequiredService<SqlSpotChecks>().FindOutcomeAsync(Id<AgentTask>.Parse(task.Id), Stop);
    }
}
