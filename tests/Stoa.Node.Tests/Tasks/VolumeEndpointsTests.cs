using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Prices that fall with what a consumer has had done in the month, from the manifest to the report of usage.</summary>
[Trait("speed", "slow")]
public sealed class VolumeEndpointsTests : IAsyncLifetime
{
    private const string Work = "text.echo";
    private const string Full = "0.001000000";

    private static readonly PriceVolumeBody[] s_volume = [new(2, 0.9m), new(4, 0.5m)];
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    private readonly SettableTime _clock = new(new DateTimeOffset(2027, 3, 15, 12, 0, 0, TimeSpan.Zero));
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(
        null, NodePhysics.Real with { Time = _clock }, "--Tasks:Workers", "2", "--Tasks:MaxMemoryBytes", "1073741824");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Price_AfterSoManyTasksOfTheMonth_IsLowerInQuoteHoldReceiptAndUsage()
    {
        var listing = await PublishAsync("loyal", s_volume);
        var name = listing.Split('@')[0];
        var request = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"));
        (await _node.Client.GetAgentAsync(AgentReference.Parse(listing), Stop)).Price.Volume.ShouldBe(s_volume);
        using var other = await _node.JoinAsync("other");
        await _node.Client.DepositAsync(new DepositRequest("other", "5"), Stop);

        var paid = new List<string>();
        for (var done = 0; done < 5; done++)
        {
            await CountedAsync(name, done);
            var volume = done < 2 ? 1_000 : done < 4 ? 900 : 500;
            var quote = await _node.Client.QuoteAsync(request, Stop);
            quote.Factors.ShouldBe(volume == 1_000 ? null : new QuoteFactorsBody(1, 1, volume / 1_000m));
            var task = await _node.RunAsync(listing);
            (task.State, task.Hold, task.Result?.Price).ShouldBe(("succeeded", quote.Hold, quote.Hold));
            paid.Add(task.Hold);
            var envelope = await _node.Client.GetReceiptAsync(task.Id, Stop);
            ReceiptVerifier.Verify(envelope, null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 1_000, volume));
            Encoding.UTF8.GetString(envelope.Payload).Contains("volumePermille", StringComparison.Ordinal).ShouldBe(volume != 1_000);
        }

        paid.ShouldBe([Full, Full, "0.000900000", "0.000900000", "0.000500000"]);
        var usage = await _node.Client.ListUsageAsync(new UsageQuery { By = "month", GroupBy = "agent", Agent = name }, Stop).SingleAsync(Stop);
        (usage.Events, usage.Paid).ShouldBe((5L, "0.004300000"));
        (await _node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();

        (await other.QuoteAsync(request, Stop)).Factors.ShouldBeNull("others have had nothing done");
        (await other.SubmitAsync(request, s_wait, cancellationToken: Stop)).Result!.Price.ShouldBe(Full);
        // Another version is the same agent.
        await PublishAsync("loyal", s_volume, version: "1.1.0");
        (await _node.Client.QuoteAsync(request with { Agent = name }, Stop)).Factors.ShouldBe(new QuoteFactorsBody(1, 1, 0.5m));

        _clock.Advance(TimeSpan.FromDays(17));
        (await _node.Client.QuoteAsync(request, Stop)).Factors.ShouldBeNull("it is April");
        (await _node.RunAsync(listing)).Result!.Price.ShouldBe(Full);
    }

    [Fact]
    public async Task Price_OfATask_IsThatOfItsSubmission()
    {
        var listing = await PublishAsync("loyal", [new(1, 0.8m)]);
        await RunCountedAsync(listing, 1);
        var later = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"), DueAt: _clock.GetUtcNow().AddDays(30));
        var cheap = await _node.Client.SubmitAsync(later, cancellationToken: Stop);
        _clock.Advance(TimeSpan.FromDays(17));
        var full = await _node.Client.SubmitAsync(later, cancellationToken: Stop);
        await RunCountedAsync(listing, 1);
        (cheap.Hold, full.Hold).ShouldBe(("0.000800000", Full));

        // The month has come to nothing for the first one since, and to a lower price for the second.
        foreach (var (task, price, volume) in new[] { (cheap, "0.000800000", 800), (full, Full, 1_000) })
        {
            var done = await _node.Client.ExecuteTaskAsync(task.Id, s_wait, Stop);
            (done.State, done.Result?.Price).ShouldBe(("succeeded", price));
            ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 1_000, volume));
        }
    }

    [Fact]
    public async Task Batch_HasTheFactorOfTheMomentOfItsSubmission()
    {
        var listing = await PublishAsync("loyal", s_volume);
        await RunCountedAsync(listing, 3);
        var request = new SubmitTaskRequest(listing, new TaskInputBody(Text: "hello"));

        var batch = await _node.Client.SubmitBatchAsync(new SubmitBatchRequest([.. Enumerable.Repeat(request, 4)]), cancellationToken: Stop);
        foreach (var task in await _node.Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop).ToListAsync(Stop))
            (await _node.Client.ExecuteTaskAsync(task.Id, s_wait, Stop)).Result!.Price.ShouldBe("0.000900000");

        await CountedAsync(listing.Split('@')[0], 7);
        (await _node.RunAsync(listing)).Result!.Price.ShouldBe("0.000500000");
    }

    [Fact]
    public async Task Choice_ReckonsWithVolume_AndAnAuctionDoesNot()
    {
        var loyal = await PublishAsync("loyal", [new(1, 0.5m)]);
        var flat = await PublishAsync("flat", null, price: "0.0008");
        var request = new SubmitTaskRequest(
            Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work], Weights: new WeightsBody(Price: 1), Explore: false));
        (await _node.Client.SubmitAsync(request, s_wait, cancellationToken: Stop)).Agent.ShouldBe(flat);

        await RunCountedAsync(loyal, 1);
        var task = await _node.Client.SubmitAsync(request, s_wait, cancellationToken: Stop);

        (task.Agent, task.Hold, task.Result?.Price).ShouldBe((loyal, "0.000800000", "0.000500000"), "the dearer one may get it too");
        (await _node.Client.GetSelectionAsync(task.Id, Stop)).Choices[0].Candidates.Select(candidate => (candidate.Agent, candidate.PriceFactor, candidate.PriceAtLimits)).ShouldBe(
            [(loyal, 0.5, "0.000500000"), (flat, null, "0.000800000")]);
        ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 1_000, 500));

        var awarded = await _node.Client.SubmitAsync(request with { Auction = new AuctionTermsBody(100, "fail") }, cancellationToken: Stop);
        await _node.Client.WaitForTaskAsync(awarded.Id, cancellationToken: Stop);
        (await _node.Client.GetTaskAuctionAsync(awarded.Id, Stop)).Bidders.Select(bidder => (bidder.Agent, bidder.ExpectedPrice, bidder.PriceFactor)).ShouldBe(
            [(loyal, Full, null), (flat, "0.000800000", null)], ignoreOrder: true);
        ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(awarded.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(PriceFactor.One);
    }

    [Fact]
    public async Task FailOver_ChargesByTheVolumeOfWhoDidIt()
    {
        var loyal = await PublishAsync("loyal", [new(1, 0.5m)]);
        await RunCountedAsync(loyal, 1);
        await PublishAsync("failing", [new(1, 0.1m)], GuestPrograms.Unreachable, "0.0001");

        var task = await _node.Client.SubmitAsync(
            new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody([Work], Weights: new WeightsBody(Price: 1), Explore: false)),
            s_wait,
            cancellationToken: Stop);

        (task.State, task.Agent, task.Attempts, task.Result?.Price, task.Hold).ShouldBe(("succeeded", loyal, 2, "0.000500000", Full));
        ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 1_000, 500));
    }

    private Task<string> PublishAsync(string name, PriceVolumeBody[]? volume, byte[]? program = null, string price = "0.001", string version = "1.0.0") =>
        TestNode.PublishAsync(_node.Client, name, program ?? GuestPrograms.Echo, version: version, capability: Work, price: new AgentPriceBody(price, "0", "0", Volume: volume));

    /// <summary>Has an agent do so many tasks, and waits until as many are counted in this month.</summary>
    private async Task RunCountedAsync(string listing, int tasks)
    {
        for (var i = 0; i < tasks; i++)
            (await _node.RunAsync(listing)).State.ShouldBe("succeeded");
        await CountedAsync(listing.Split('@')[0], tasks);
    }

    private async Task CountedAsync(string name, int tasks)
    {
        var usage = _node.Host.Services.GetRequiredService<SqlUsageStore>();
        var store = _node.Host.Services.GetRequiredService<ITaskStore>();
        var me = Id<User>.Parse((await _node.Client.GetMeAsync(Stop)).Id);
        // The node's own worker may be at it, too, and then there is nothing left to add here before it has written.
        do
        {
            await usage.FoldAsync(Stop);
        }
        while ((await store.CountPaidAsync(me, _clock.GetUtcNow(), Stop)).GetValueOrDefault(name) < tasks);
    }
}
