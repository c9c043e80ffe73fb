using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Agents that call agents on a whole node: from agent.json to what everybody earns.</summary>
[Trait("speed", "slow")]
public sealed class CallsTests : IAsyncLifetime
{
    private static readonly AgentLimitsBody s_limits = new(100_000_000, 1 << 20, 60_000, 100_000, 4_096);
    private static readonly AgentLimitsBody s_callerLimits = s_limits with { MemoryBytes = 16 << 20 };
    private readonly Dictionary<string, StoaClient> _clients = [];
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Ledger:OpeningCredit", "1", "--Disputes:PollMs", "50", "--Tasks:Workers", "2");
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
    public async Task Task_ThatCallsOthers_PaysEachByWhatTheReceiptSays()
    {
        // cy made the deepest, ada the middle one with a royalty to eve, ben the one that is submitted.
        await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002");
        await PublishAsync("ada", "middle", CallPrograms.Caller("cy/deep@1.0.0"), "0.00003", [new RoyaltyBody(0.25m, To: "eve")], Use("cy/deep@1.0.0", 1, "0.00002"));
        var top = await PublishAsync("ben", "top", CallPrograms.Caller("ada/middle@1.0.0", times: 2), "0.00001", null, Use("ada/middle@1.0.0", 2, "0.0001") with { Limits = new TaskLimitsBody(MemoryBytes: 4 << 20) });
        (top.MaxPriceOfCalls, top.Uses!.Single().MaxPrice).ShouldBe(("0.000100000", "0.000100000"));
        (await _node.Client.GetAgentAsync(AgentReference.Parse("ben/top"), Stop)).Uses.ShouldBe(top.Uses);
        var quote = await _node.Client.QuoteAsync(new SubmitTaskRequest(top.Listing, new TaskInputBody(Text: "hello")), Stop);
        (quote.Hold, quote.Calls).ShouldBe(("0.000110000", "0.000100000"));
        var tooDear = await Should.ThrowAsync<StoaException>(() => _node.Client.SubmitAsync(new SubmitTaskRequest(top.Listing, new TaskInputBody(Text: "hello"), MaxPrice: "0.0001"), cancellationToken: Stop));
        tooDear.Code.ShouldBe("budgetTooSmall");

        var task = await _node.RunAsync(top.Listing);

        (task.State, task.Hold, task.Result?.Price).ShouldBe(("succeeded", "0.000110000", "0.000110000"), task.Failure?.Detail);
        (await _node.ResultAsync(task)).ShouldBe("00hello00hello");
        task.Result!.Calls!.Select(call => $"{call.Number} {call.Parent} {call.Agent} {call.Price}").ShouldBe(
            ["1  ada/middle@1.0.0 0.000030000", "2 1 cy/deep@1.0.0 0.000020000", "3  ada/middle@1.0.0 0.000030000", "4 3 cy/deep@1.0.0 0.000020000"]);
        // 70 % of each price: twice 21,000 less a quarter to ada, twice 14,000 to cy, 7,000 to ben.
        var expected = new Dictionary<string, string> { ["ada"] = "0.000031500", ["ben"] = "0.000007000", ["cy"] = "0.000028000", ["eve"] = "0.000010500" };
        foreach (var (handle, client) in _clients)
        {
            (await client.GetWalletAsync(Stop)).Posted.ShouldBe(expected[handle], handle);
            var agent = handle switch { "ben" => "ben/top", "cy" => "cy/deep", _ => "ada/middle" };
            var row = await client.ListUsageAsync(new UsageQuery { Role = "creator", GroupBy = "agent" }, Stop).SingleAsync(Stop);
            (row.Group, row.Earned).ShouldBe((agent, expected[handle]), handle);
            (await FirstRoyaltyAsync(client)).GetProperty("agent").GetString().ShouldStartWith(agent);
        }

        (await _node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();
        var verified = ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null);
        verified.Refusal.ShouldBeNull(verified.Refusal?.Detail);
        verified.Value.Shares.ShouldBe(new Shares(new Money(77_000), new Money(27_500), new Money(5_500)));
        verified.Value.Royalties.Select(part => $"{part.To} {part.Agent} {part.Amount}").ShouldBe(
            ["ben ben/top@1.0.0 0.000007000", "ada ada/middle@1.0.0 0.000031500", "eve ada/middle@1.0.0 0.000010500", "cy cy/deep@1.0.0 0.000028000"]);

        // A node of the cell runs it again, calls and all.
        await _node.Client.DisputeTaskAsync(task.Id, "Let us see.", Stop);
        (await DecidedAsync(task.Id)).State.ShouldBe("rejected");
    }

    [Fact]
    public async Task Dispute_OfAReceiptWithACallThatWasNotMade_IsUpheld()
    {
        await PublishAsync("cy", "deep", GuestPrograms.RandomAndClock, "0.00002");
        var top = await PublishAsync("ben", "top", CallPrograms.Caller("cy/deep@1.0.0"), "0.00001", null, Use("cy/deep@1.0.0", 1, "0.00002"));
        var task = await _node.RunAsync(top.Listing);
        // What nodes have earned pays for it.
        for (var other = 0; other < 4; other++)
            await _node.RunAsync(top.Listing);
        var receipt = ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value;
        var call = receipt.Calls.Single();
        var lie = (receipt with { Calls = [call with { Usage = call.Usage with { Fuel = call.Usage.Fuel + 1 } }] }).Sign(_node.Host.Services.GetRequiredService<PrivateKey>()).Envelope;
        ReceiptVerifier.Verify(lie, null).Refusal.ShouldBeNull("the price does not depend on fuel here");
        await _node.Host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync("UPDATE receipts SET envelope = @envelope WHERE task_id = @Id", new { envelope = lie.ToJson(), task.Id }), Stop);

        await _node.Client.DisputeTaskAsync(task.Id, "No such call was made.", Stop);

        (await DecidedAsync(task.Id)).Detail!.ShouldContain("other calls");
    }

    [Fact]
    public async Task Dispute_OfATrueReceipt_IsRejected_ThoughItsAgentsAreWithdrawn()
    {
        await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002");
        var top = await PublishAsync("ben", "top", CallPrograms.Caller("cy/deep@1.0.0"), "0.00001", null, Use("cy/deep@1.0.0", 1, "0.00002"));
        var task = await _node.RunAsync(top.Listing);
        await _node.Host.Services.GetRequiredService<Database>().WriteAsync(session => session.ExecuteAsync("UPDATE agent_versions SET withdrawn_at = 1"), Stop);

        await _node.Client.DisputeTaskAsync(task.Id, "Let us see.", Stop);

        (await DecidedAsync(task.Id)).State.ShouldBe("rejected");
    }

    [Fact]
    public async Task Task_ThatFailsAfterItsCalls_CostsNothing()
    {
        await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002");
        var top = await PublishAsync(
            "ben", "top", CallPrograms.Opening("cy/deep@1.0.0", "(drop (call $run (call $request (i32.const 256) (global.get $message)))) unreachable"), "0.00001", null, Use("cy/deep@1.0.0", 1, "0.00002"));
        var before = (await _node.Client.GetWalletAsync(Stop)).Posted;

        var task = await _node.RunAsync(top.Listing);

        (task.State, task.Failure!.Code).ShouldBe(("failed", "trap"));
        var wallet = await _node.Client.GetWalletAsync(Stop);
        (wallet.Posted, wallet.Held).ShouldBe((before, "0.000000000"));
        (await _clients["cy"].GetWalletAsync(Stop)).Posted.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Cancellation_ReachesWhatIsCalled()
    {
        await PublishAsync("cy", "endless", GuestPrograms.EndlessLoop, "0.00002", limits: s_limits with { Fuel = 1_000_000_000_000_000 });
        var top = await PublishAsync("ben", "top", CallPrograms.Caller("cy/endless@1.0.0"), "0.00001", null, Use("cy/endless@1.0.0", 1, "0.00002"));
        var task = await _node.Client.SubmitTextAsync(top.Listing, "hello", cancellationToken: Stop);
        while ((await _node.Client.GetTaskAsync(task.Id, Stop)).State == "queued")
            await Task.Yield();

        await _node.Client.CancelTaskAsync(task.Id, Stop);

        (await _node.Client.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop)).State.ShouldBe("cancelled");
        (await _node.Client.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Publish_WithUsesThatCannotBeCalled_IsRefusedWithEveryReason()
    {
        await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002");

        var refused = await Should.ThrowAsync<StoaException>(() => PublishAsync(
            "ben", "top", GuestPrograms.Echo, "0.00001", null,
            Use("cy/absent@1.0.0", 1, "1"), Use("cy/deep@1.0.0", 1, "0.00001") with { Limits = new TaskLimitsBody(Fuel: 200_000_000) }));

        refused.Code.ShouldBe("usesInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/uses/0/agent", "/uses/1/limits/fuel", "/uses/1/maxPrice"]);
        var cramped = await Should.ThrowAsync<StoaException>(() => PublishAsync("ben", "top", GuestPrograms.Echo, "0.00001", null, Use("cy/deep@1.0.0", 1, "1", 15 << 20)));
        (cramped.Code, cramped.Problem.Errors!.Single().Pointer).ShouldBe(("usesInvalid", "/limits/memoryBytes"));
        (await Should.ThrowAsync<StoaException>(() => PublishAsync("ben", "top", GuestPrograms.Echo, "0.00001", null, Use("cy/deep", 1, "1")))).Code.ShouldBe("manifestInvalid");
    }

    [Fact]
    public async Task Publish_WithARangeAlone_IsRefused_AndWithTheVersionThatItTookCallsIt()
    {
        var deep = await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002");
        var ranged = Use("cy/deep", 1, "0.00002") with { Range = "^1.0" };

        var refused = await Should.ThrowAsync<StoaException>(() => PublishAsync("ben", "top", GuestPrograms.Echo, "0.00001", null, ranged));
        (refused.Code, refused.Problem.Errors!.Single().Pointer).ShouldBe(("manifestInvalid", "/uses/0/agent"));
        refused.Problem.Errors!.Single().Reason.ShouldContain("stoa agent publish");
        var apart = await Should.ThrowAsync<StoaException>(() => PublishAsync("ben", "top", GuestPrograms.Echo, "0.00001", null, ranged with { Agent = "cy/deep@1.0.0", Range = "^2.0" }));
        (apart.Code, apart.Problem.Errors!.Single().Pointer).ShouldBe(("manifestInvalid", "/uses/0/range"));

        // The program was built before the version was taken, and calls it by its name.
        var top = await PublishAsync("ben", "top", CallPrograms.Caller("cy/deep"), "0.00001", null, ranged with { Agent = deep.Listing });
        top.Uses!.ShouldHaveSingleItem().ShouldBe(ranged with { Agent = "cy/deep@1.0.0", MaxPrice = "0.000020000" });

        var task = await _node.RunAsync(top.Listing);

        (task.State, task.Hold, task.Result?.Price).ShouldBe(("succeeded", "0.000030000", "0.000030000"), task.Failure?.Detail);
        ReceiptVerifier.Verify(await _node.Client.GetReceiptAsync(task.Id, Stop), null).Value.Calls.ShouldHaveSingleItem().Agent.ToString().ShouldBe("cy/deep@1.0.0");
        await _node.Client.DisputeTaskAsync(task.Id, "Let us see.", Stop);
        (await DecidedAsync(task.Id)).State.ShouldBe("rejected", "it runs again as it ran");
    }

    [Fact]
    public async Task Publish_OnAgentsThatCallEachOtherTooDeep_IsRefused()
    {
        await PublishAsync("ada", "level-1", GuestPrograms.Echo, "0");
        for (var level = 2; level <= 4; level++)
            await PublishAsync("ada", $"level-{level}", GuestPrograms.Echo, "0", null, UseAt(level - 1));

        (await Should.ThrowAsync<StoaException>(() => PublishAsync("ada", "level-5", GuestPrograms.Echo, "0", null, UseAt(4)))).Code.ShouldBe("usesInvalid");

        static AgentUseBody UseAt(int level) => Use($"ada/level-{level}@1.0.0", 1, "0", 1_000) with { Limits = new TaskLimitsBody(MemoryBytes: level << 20) };
    }

    [Fact]
    public async Task Selection_ReckonsWithTheMostThatCallsCost_AndAuctionsLeaveThemOut()
    {
        await PublishAsync("cy", "deep", GuestPrograms.Echo, "0.00002", capability: "deep");
        var caller = await PublishAsync("ben", "caller", CallPrograms.Caller("cy/deep@1.0.0"), "0.00001", null, [Use("cy/deep@1.0.0", 1, "0.00005")], "work");
        var request = new SubmitTaskRequest(Input: new TaskInputBody(Text: "hello"), Requirement: new RequirementBody(["work"], Explore: false));

        var refused = await Should.ThrowAsync<StoaException>(() => _node.Client.QuoteAsync(request with { MaxPrice = "0.00005" }, Stop));
        refused.Code.ShouldBe("noCandidate");
        (await _node.Client.QuoteAsync(request with { MaxPrice = "0.00006" }, Stop)).Hold.ShouldBe("0.000060000");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.SubmitAsync(request with { Auction = new AuctionTermsBody() }, cancellationToken: Stop)))
            .Problem.Errors!.Single().Pointer.ShouldBe("/auction");
        var dearer = await PublishAsync("ada", "plain", GuestPrograms.Echo, "0.00004", capability: "work");
        var task = await _node.Client.SubmitAsync(request with { Requirement = request.Requirement! with { Weights = new WeightsBody(Price: 1) } }, TimeSpan.FromSeconds(60), cancellationToken: Stop);

        (task.Agent, task.State, task.Hold).ShouldBe((dearer.Listing, "succeeded", "0.000060000"), "the caller is held for too, should the other one fail");
        (await _node.Client.GetSelectionAsync(task.Id, Stop)).Choices[0].Candidates.Single(candidate => candidate.Agent == caller.Listing).ExpectedPrice.ShouldBe("0.000060000");
    }

    private static AgentUseBody Use(string agent, int maxCalls, string maxPrice, long maxInputBytes = 100_000) => new(agent, maxCalls, maxPrice, maxInputBytes);

    private static async Task<JsonElement> FirstRoyaltyAsync(StoaClient client)
    {
        await foreach (var happened in client.WatchEventsAsync("0", Stop))
        {
            if (happened.Type == "stoa.ledger.royalty")
                return happened.Data;
        }

        throw new InvalidOperationException("The stream has ended.");
    }

    private Task<DisputeResponse> DecidedAsync(string task) =>
        Eventually.FoundAsync(async () => await _node.Client.GetTaskDisputeAsync(task, Stop) is { State: not "open" } decided ? decided : null);

    private Task<AgentResponse> PublishAsync(
        string publisher, string name, byte[] program, string price, IReadOnlyList<RoyaltyBody>? royalties, params AgentUseBody[] uses) =>
        PublishAsync(publisher, name, program, price, royalties, uses, "test.calls");

    private Task<AgentResponse> PublishAsync(
        string publisher, string name, byte[] program, string price, IReadOnlyList<RoyaltyBody>? royalties = null, AgentUseBody[]? uses = null, string capability = "test.calls", AgentLimitsBody? limits = null)
    {
        var manifest = new AgentManifestBody(
            name, "1.0.0", "A program of the tests.", [capability], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            limits ?? (uses is null ? s_limits : s_callerLimits), new AgentPriceBody(price, "0", "0"), Royalties: royalties, Uses: uses);
        return _clients[publisher].PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: Stop);
    }
}
