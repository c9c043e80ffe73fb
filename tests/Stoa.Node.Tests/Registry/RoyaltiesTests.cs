using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Registry;

/// <summary>An agent that is built on another one, and everybody who is paid for it.</summary>
[Trait("speed", "slow")]
public sealed class RoyaltiesTests : IAsyncLifetime
{
    private static readonly AgentLimitsBody s_limits = new(100_000_000, 8 << 20, 60_000, 10_000_000, 4_096);
    private readonly Dictionary<string, StoaClient> _clients = [];
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Ledger:OpeningCredit", "1");
        foreach (var handle in (string[])["ada", "ben", "cy", "eve"])
            _clients[handle] = await _node.JoinAsync(handle);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Task_OfAnAgentBuiltOnAnother_PaysAlongTheTree()
    {
        var basis = await PublishAsync("ada", "base", new RoyaltyBody(0.5m, To: "cy"));
        var fast = await PublishAsync("ben", "fast", new RoyaltyBody(0.1m, To: "eve"), new RoyaltyBody(0.25m, Agent: basis.Listing));
        fast.Royalties.ShouldBe([new RoyaltyBody(0.1m, To: "eve"), new RoyaltyBody(0.25m, Agent: "ada/base@1.0.0")]);

        var task = await _node.RunAsync(fast.Listing);

        task.State.ShouldBe("succeeded");
        // 70 % of the price are the creator's share: 7,000 nanodollars.
        task.Result!.Price.ShouldBe("0.000010000");
        var earned = new Dictionary<string, string>();
        foreach (var (handle, client) in _clients)
        {
            earned[handle] = (await client.GetWalletAsync(Stop)).Posted;
            (await FirstRoyaltyAsync(client)).GetProperty("amount").GetString().ShouldBe(earned[handle]);
        }

        earned.ShouldBe(new Dictionary<string, string> { ["ada"] = "0.000000875", ["ben"] = "0.000004550", ["cy"] = "0.000000875", ["eve"] = "0.000000700" });
        var receipt = ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value;
        receipt.Royalties.Select(part => $"{part.To} {part.Agent} {part.Amount}").ShouldBe(
        [
            "ben ben/fast@1.0.0 0.000004550", "eve ben/fast@1.0.0 0.000000700", "ada ada/base@1.0.0 0.000000875", "cy ada/base@1.0.0 0.000000875",
        ]);
        (await _clients["cy"].ListTransfersAsync(Stop).FirstAsync(Stop)).Purpose.ShouldBe("royalty");
        foreach (var (handle, client) in _clients)
            (await client.ListUsageAsync(new UsageQuery { Role = "creator" }, Stop).SingleAsync(Stop)).Earned.ShouldBe(earned[handle], handle);
        (await _node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
    }

    [Fact]
    public async Task Publish_WithRoyaltiesThatCannotBePaid_IsRefusedWithEveryReason()
    {
        var refused = await Should.ThrowAsync<StoaException>(() => PublishAsync(
            "ada", "odd", new RoyaltyBody(0.1m, To: "nobody"), new RoyaltyBody(0.1m, To: "ben"), new RoyaltyBody(0.1m, Agent: "ada/absent@1.0.0")));

        refused.Code.ShouldBe("royaltiesInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/royalties/0/to", "/royalties/2/agent"]);
    }

    [Fact]
    public async Task Publish_OnAgentsThatBuildOnEachOtherTooDeep_IsRefused()
    {
        var before = await PublishAsync("ada", "level-1");
        for (var level = 2; level <= 8; level++)
            before = await PublishAsync("ada", $"level-{level}", new RoyaltyBody(1, Agent: before.Listing));

        (await Should.ThrowAsync<StoaException>(() => PublishAsync("ada", "level-9", new RoyaltyBody(0.001m, Agent: before.Listing)))).Code.ShouldBe("royaltiesInvalid");
    }

    private static async Task<JsonElement> FirstRoyaltyAsync(StoaClient client)
    {
        await foreach (var happened in client.WatchEventsAsync("0", Stop))
        {
            if (happened.Type == "stoa.ledger.royalty")
                return happened.Data;
        }

        throw new InvalidOperationException("The stream has ended.");
    }

    private Task<AgentResponse> PublishAsync(string publisher, string name, params RoyaltyBody[] royalties)
    {
        var manifest = new AgentManifestBody(
            name, "1.0.0", "Repeats what it reads.", ["text.echo"], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"), s_limits,
            new AgentPriceBody("0.00001", "0", "0"), Royalties: royalties.Length == 0 ? null : royalties);
        return _clients[publisher].PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(GuestPrograms.Echo), cancellationToken: Stop);
    }
}
