using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>What requests to models have cost, as it is told over HTTP, on production wiring.</summary>
[Trait("speed", "slow")]
public sealed class InferenceUsageTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _ann = null!;
    private StoaClient _ben = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Inference:SettleMs", "20", "--Metering:PollMs", "20");
        (_ann, _ben) = (await _node.JoinAsync("ann"), await _node.JoinAsync("ben"));
        await _node.Client.DepositAsync(new DepositRequest("ben", "1"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _ann.Dispose();
        _ben.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Requests_AreToldToConsumerCreatorAndOperator()
    {
        var allowances = _node.Host.Services.GetRequiredService<Allowances>();
        var (ann, ben) = (Id<User>.Parse((await _ann.GetMeAsync(Stop)).Id), Id<User>.Parse((await _ben.GetMeAsync(Stop)).Id));
        var model = new PricedModel(
            ListingName.Parse("ann/tiny@1.0.0"), ann, new(Money.FromDollars(0.15m), Money.FromDollars(0.6m)), new(Money.FromDollars(0.05m), Money.FromDollars(0.1m)));
        var holder = new AllowanceHolder(ben, null);
        (await allowances.ReserveAsync(holder, model, new TokenUsage(20_000, 5_000), Stop)).Value.Settle(new TokenUsage(10_480, 2_210), model).ShouldBe(new Money(3_643_000));

        var used = await Eventually.FoundAsync(async () => (await _ben.ListUsageEventsAsync(null, Stop).ToListAsync(Stop)).SingleOrDefault());
        (used.Type, used.Subject).ShouldBe(("stoa.usage.inference", "ann/tiny@1.0.0"));
        used.Data.GetProperty("consumerId").GetString().ShouldBe(ben.ToString());
        used.Data.GetProperty("shares").ToString().ShouldBe("""{"creator":"0.002028600","node":"0.001345333","platform":"0.000269067"}""");
        var earned = (await _ann.ListUsageEventsAsync("creator", Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        (earned.Id, earned.Data.TryGetProperty("consumerId", out _)).ShouldBe((used.Id, false));
        (await _node.Client.ListUsageEventsAsync("operator", Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Id.ShouldBe(used.Id);
        foreach (var one in (CloudEvent[])[used, earned])
            PortSchema.Validate(Encoding.UTF8.GetString(UsageSchema.Utf8), JsonSerializer.SerializeToUtf8Bytes(one, StoaJson.Default.CloudEvent)).ShouldBeEmpty();

        (await _ben.ListUsageAsync(new UsageQuery { GroupBy = "kind" }, Stop).ToListAsync(Stop)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            row => row.Group.ShouldBe("inference"),
            row => (row.Requests, row.InputTokens, row.OutputTokens, row.Charges, row.Paid).ShouldBe((1, 10_480, 2_210, 1, "0.003643000")));
        using var csv = new MemoryStream();
        await _ann.ExportUsageAsync(csv, new UsageQuery { Role = "creator" }, Stop);
        Encoding.UTF8.GetString(csv.ToArray()).ShouldContain(",ann/tiny,1,0,0,0,0,0.003643000,0.002028600,0,1,0,0,1,10480,2210");
        (await _node.Client.VerifyUsageAsync(Stop)).ShouldSatisfyAllConditions(audit => audit.Holds.ShouldBeTrue(), audit => audit.Events.ShouldBe(1));
        var purposes = (await _ben.ListTransfersAsync(Stop).ToListAsync(Stop)).Select(transfer => transfer.Purpose).ToList();
        purposes.ShouldContain("inferenceHold");
        purposes.ShouldContain("inferenceCapture");
        (await _ann.GetWalletAsync(Stop)).Available.ShouldBe("0.002028600");
    }

    [Fact]
    public async Task Node_ThatStopsInOrder_HoldsNothing()
    {
        var allowances = _node.Host.Services.GetRequiredService<Allowances>();
        var ben = Id<User>.Parse((await _ben.GetMeAsync(Stop)).Id);
        var model = new PricedModel(ListingName.Parse("ann/tiny@1.0.0"), null, null, new(Money.FromDollars(0.05m), Money.FromDollars(0.1m)));
        (await allowances.ReserveAsync(new AllowanceHolder(ben, null), model, new TokenUsage(1_000, 0), Stop)).Value.Settle(new TokenUsage(1_000, 0), model);

        await _node.Host.Services.GetRequiredService<AllowanceKeeper>().StopAsync(Stop);

        (await _ben.GetWalletAsync(Stop)).ShouldSatisfyAllConditions(wallet => wallet.Available.ShouldBe("0.999950000"), wallet => wallet.Held.ShouldBe("0.000000000"));
    }
}
