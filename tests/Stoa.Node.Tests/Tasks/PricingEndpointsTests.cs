using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Prices that follow priority and demand, from the quote to the receipt.</summary>
[Trait("speed", "slow")]
public sealed class PricingEndpointsTests : IAsyncLifetime
{
    private const string Work = "text.echo";
    private static readonly PriceTiersBody s_tiers = new(Background: 0.5m, High: 1.5m, Urgent: 3);
    private static readonly PriceDemandBody s_demand = new(Max: 3, Capacity: 4, From: 0.5m);

    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(null, "--Tasks:Workers", "2", "--Tasks:MaxMemoryBytes", "1073741824");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Price_ByPriority_IsQuotedHeldCapturedAndExplainedByTheReceipt()
    {
        var listing = await PublishAsync("tiered", new AgentPriceBody("0.001", "0.0005", "0.001", "0.5", s_tiers));
        var shown = await _node.Client.GetAgentAsync(AgentReference.Parse(listing), Stop);
        (shown.Price.Tiers, shown.Price.Demand).ShouldBe((s_tiers, null));
        var request = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"));
        var normal = await _node.Client.QuoteAsync(request, Stop);

        foreach (var (priority, factor) in new[] { ("background", 500), ("high", 1_500), ("urgent", 3_000) })
        {
            var quote = await _node.Client.QuoteAsync(request with { Priority = priority }, Stop);
            quote.Factors.ShouldBe(new QuoteFactorsBody(factor / 1000m, 1), priority);
            Money.Parse(quote.Hold).ShouldBe(Money.MultiplyRatioRoundingUp(Money.Parse(normal.Hold), factor, 1_000));
            Money.Parse(quote.Least).ShouldBe(Money.MultiplyRatioRoundingUp(Money.Parse(normal.Least), factor, 1_000));
            (quote.Base, quote.Fuel).ShouldBe((normal.Base, normal.Fuel));

            var task = await _node.Client.SubmitAsync(request with { Priority = priority }, TimeSpan.FromSeconds(60), cancellationToken: Stop);

            (task.State, task.Hold).ShouldBe(("succeeded", quote.Hold));
            var receipt = ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value;
            receipt.Pricing!.Factor.ShouldBe(new PriceFactor(factor, 1_000));
            receipt.Price.ToString().ShouldBe(task.Result!.Price);
            receipt.Price.ShouldBeInRange(Money.Parse(quote.Least), Money.Parse(quote.Hold));
        }

        normal.Factors.ShouldBeNull();
    }

    [Fact]
    public async Task Price_ByDemand_RisesWithWhatWaitsAndIsFixedAtTheSubmission()
    {
        var listing = await PublishAsync("busy", new AgentPriceBody("0.001", "0", "0", Demand: s_demand));
        var blockers = await BlockAsync();
        using var other = await ConsumerAsync("other");
        var request = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"));

        // Those of one consumer count up to half of the capacity of four, and up to there the factor is one.
        (await SubmitSixAsync(_node.Client)).Select(task => task.Hold).ShouldAllBe(hold => hold == "0.001000000");
        var tasks = await SubmitSixAsync(other);
        tasks.Select(task => task.Hold).ShouldBe(["0.001000000", "0.002000000", "0.003000000", "0.003000000", "0.003000000", "0.003000000"]);
        (await other.QuoteAsync(request, Stop)).Factors.ShouldBe(new QuoteFactorsBody(1, 3));
        foreach (var waiting in tasks.Where((_, place) => place != 1))
            await other.CancelTaskAsync(waiting.Id, Stop);
        (await _node.Client.QuoteAsync(request, Stop)).Factors.ShouldBe(new QuoteFactorsBody(1, 2));

        foreach (var blocker in blockers)
            await _node.Client.CancelTaskAsync(blocker.Id, Stop);
        var done = await other.ExecuteTaskAsync(tasks[1].Id, TimeSpan.FromSeconds(60), Stop);

        (done.State, done.Result!.Price).ShouldBe(("succeeded", "0.002000000"), "what was fixed stays");
        ReceiptVerifier.Verify(await other.GetReceiptAsync(done.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 2_000));

        async Task<List<TaskResponse>> SubmitSixAsync(StoaClient consumer)
        {
            var made = new List<TaskResponse>();
            for (var i = 0; i < 6; i++)
                made.Add(await consumer.SubmitAsync(request, cancellationToken: Stop));
            return made;
        }
    }

    [Fact]
    public async Task Price_ByDemand_OfABatch_IsThatOfTheSameTasksOneByOne()
    {
        var listing = await PublishAsync("busy", new AgentPriceBody("0.001", "0", "0", Demand: s_demand));
        await BlockAsync();
        using var other = await ConsumerAsync("other");
        var request = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"));
        await SubmitAsync(other, 6);

        var batch = await SubmitAsync(_node.Client, 6);

        var tasks = await _node.Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop).ToListAsync(Stop);
        tasks.Select(task => task.Hold).ShouldBe(["0.001000000", "0.002000000", "0.003000000", "0.003000000", "0.003000000", "0.003000000"]);

        Task<BatchResponse> SubmitAsync(StoaClient consumer, int count) =>
            consumer.SubmitBatchAsync(new SubmitBatchRequest([.. Enumerable.Repeat(request, count)]), cancellationToken: Stop);
    }

    [Fact]
    public async Task Price_ByDemand_IsNotRaisedByWhatIsPutOff()
    {
        var listing = await PublishAsync("busy", new AgentPriceBody("0.001", "0", "0", Demand: new PriceDemandBody(10, 2)));
        using var other = await ConsumerAsync("other");
        // Nobody counts all anew meanwhile: what is seen is what submissions themselves say, and the count of this moment.
        var keeper = _node.Host.Services.GetRequiredService<DemandKeeper>();
        await keeper.StopAsync(Stop);
        var later = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"), DueAt: DateTimeOffset.UtcNow.AddDays(300));

        await other.SubmitAsync(later, cancellationToken: Stop);
        await other.SubmitBatchAsync(new SubmitBatchRequest([.. Enumerable.Repeat(later, 20)]), cancellationToken: Stop);

        (await _node.Client.QuoteAsync(new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello")), Stop)).Factors.ShouldBeNull();
        var chosen = new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work]));
        (await _node.Client.QuoteAsync(chosen, Stop)).Factors.ShouldBeNull();
        await keeper.RefreshAsync(Stop);
        (await _node.Client.QuoteAsync(chosen, Stop)).Factors.ShouldBeNull();
    }

    [Fact]
    public async Task Choice_ReckonsWithPriorityAndDemand()
    {
        var busy = await PublishAsync("busy", new AgentPriceBody("0.001", "0", "0", Demand: new PriceDemandBody(10, 2)));
        var flat = await PublishAsync("flat", new AgentPriceBody("0.002", "0", "0", Tiers: new PriceTiersBody(Urgent: 10)));
        await BlockAsync();
        var request = new SubmitTaskRequest(
            Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work], Weights: new WeightsBody(Price: 1), Explore: false));

        var keeper = _node.Host.Services.GetRequiredService<DemandKeeper>();

        var first = await _node.Client.SubmitAsync(request, cancellationToken: Stop);
        await keeper.RefreshAsync(Stop);
        var second = await _node.Client.SubmitAsync(request, cancellationToken: Stop);
        var urgent = await _node.Client.SubmitAsync(request with { Priority = "urgent" }, cancellationToken: Stop);

        (first.Agent, second.Agent, urgent.Agent).ShouldBe((busy, flat, busy), "with one task waiting busy costs 5.5 times as much, and flat ten times when it is urgent");
        urgent.Hold.ShouldBe("0.020000000", "the dearer one may get it too");
        var candidates = (await _node.Client.GetSelectionAsync(urgent.Id, Stop)).Choices[0].Candidates;
        candidates.Select(candidate => (candidate.Agent, candidate.PriceFactor, candidate.PriceAtLimits)).ShouldBe(
            [(busy, 5.5, "0.005500000"), (flat, 10.0, "0.020000000")]);
        (await _node.Client.QuoteAsync(request with { Priority = "urgent" }, Stop)).Least.ShouldBe("0.010000000");

        await _node.Client.CancelTaskAsync(first.Id, Stop);
        await _node.Client.CancelTaskAsync(urgent.Id, Stop);
        await keeper.RefreshAsync(Stop);
        (await _node.Client.SubmitAsync(request, cancellationToken: Stop)).Agent.ShouldBe(busy, "nothing of it waits any more");
    }

    [Fact]
    public async Task Choice_ReckonsWithNoTaskThatWasRefused()
    {
        var listing = await PublishAsync("busy", new AgentPriceBody("0.001", "0", "0", Demand: s_demand));
        using var poor = await ConsumerAsync("poor", deposit: null);
        var wanted = new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work]));
        // Nobody counts all anew meanwhile: what is seen is what submissions themselves say.
        await _node.Host.Services.GetRequiredService<DemandKeeper>().StopAsync(Stop);

        var batch = new SubmitBatchRequest([.. Enumerable.Repeat(new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello")), 8)]);
        (await Should.ThrowAsync<StoaException>(() => poor.SubmitBatchAsync(batch, cancellationToken: Stop))).Code.ShouldBe("insufficientFunds");
        await Should.ThrowAsync<StoaException>(() => poor.SubmitAsync(batch.Tasks[0], cancellationToken: Stop));

        (await _node.Client.QuoteAsync(wanted, Stop)).Factors.ShouldBeNull("a wallet without a cent raises nobody's price");
    }

    [Fact]
    public async Task FailOver_ChargesByTheFactorsOfWhoDidIt()
    {
        await PublishAsync("failing", new AgentPriceBody("0.0001", "0", "0"), GuestPrograms.Unreachable);
        await PublishAsync("good", new AgentPriceBody("0.001", "0", "0", Tiers: s_tiers, Demand: s_demand));

        var task = await _node.Client.SubmitAsync(
            new SubmitTaskRequest(
                Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work], Weights: new WeightsBody(Price: 1), Explore: false), Priority: "high"),
            TimeSpan.FromSeconds(60),
            cancellationToken: Stop);

        (task.State, task.Attempts, task.Result!.Price, task.Hold).ShouldBe(("succeeded", 2, "0.001500000", "0.001500000"));
        ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_500, 1_000));
    }

    /// <summary>Somebody else, with money or without.</summary>
    private async Task<StoaClient> ConsumerAsync(string handle, string? deposit = "5")
    {
        using var anonymous = new StoaClient(_node.Client.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", "a long enough password"), Stop);
        if (deposit is not null)
            await _node.Client.DepositAsync(new DepositRequest(handle, deposit), Stop);
        return new StoaClient(_node.Client.Options with { ApiKey = (await anonymous.LoginAsync(new LoginRequest(handle, "a long enough password"), Stop)).Token });
    }

    /// <summary>Gives the workers something to do that does not end, so that what is submitted after that waits.</summary>
    private async Task<IReadOnlyList<TaskResponse>> BlockAsync()
    {
        var listing = await TestNode.PublishAsync(
            _node.Client, "endless", GuestPrograms.EndlessLoop, new AgentLimitsBody(1_000_000_000_000_000, 1 << 20, 120_000, 1_000, 1_000),
            price: new AgentPriceBody("0.000001", "0", "0"));
        var blockers = new List<TaskResponse>();
        for (var i = 0; i < 2; i++)
            blockers.Add(await _node.Client.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello")), cancellationToken: Stop));
        blockers.ShouldAllBe(task => task.State == "running");
        return blockers;
    }

    private Task<string> PublishAsync(string name, AgentPriceBody price, byte[]? program = null) =>
        TestNode.PublishAsync(_node.Client, name, program ?? GuestPrograms.Echo, capability: Work, price: price);
}
