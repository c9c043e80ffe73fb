using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Auctions;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

/// <summary>Bids from outside, programs that bid, and what publishers may say.</summary>
[Trait("speed", "slow")]
public sealed class BiddingEndpointsTests : AuctionTest
{
    private readonly PrivateKey _key = PrivateKey.Generate();

    // Programs have the time that a busy machine may need.
    protected override string[] Options => ["--Auctions:ProgramTimeoutMs", "5000"];

    private BiddingPolicyBody External => new("external", Key: Convert.ToBase64String(_key.PublicKey.ToSpki()));

    public override async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task ExternalBidder_IsToldBidsSealedAndWins()
    {
        await PublishAsync("posted", "0.01");
        await PublishAsync("rival", "0.01", Factor("0.7"));
        await PublishAsync("outside", "0.01", External);
        var publisher = await MemberAsync("outside");
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var told = publisher.WatchEventsAsync("0", listening.Token).FirstAsync(happened => happened.Type == "stoa.auction.announced", Stop);
        var task = await SubmitAsync(windowMs: 5_000);
        var announced = (await told).Data;
        var id = announced.GetProperty("auctionId").GetString()!;

        var taken = await publisher.PlaceBidAsync(id, "outside/agent", "0.25", null, _key, Stop);

        announced.GetProperty("bidders").EnumerateArray().ShouldHaveSingleItem().GetProperty("agent").GetString().ShouldBe("outside/agent@1.0.0");
        id.ShouldBe(task.Auction!.Id);
        // Nobody sees more than that somebody has bid.
        var open = await Consumer.GetTaskAuctionAsync(task.Id, Stop);
        (open.State, open.Award).ShouldBe(("open", null));
        open.SealedBids.ShouldBe([taken]);
        open.Bidders.ShouldAllBe(bidder => bidder.Standing == "invited" && bidder.Bid == null && bidder.Award == null);
        JsonSerializer.Serialize(open, StoaJson.Default.AuctionResponse).ShouldNotContain("0.25");
        (await publisher.GetAuctionAsync(id, Stop)).Bidders.Select(bidder => Publisher(bidder.Agent)).ShouldBe(["outside"]);
        var ended = await Consumer.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        (ended.State, Publisher(ended.Agent), ended.Result!.Price).ShouldBe(("succeeded", "outside", "0.007000000"));
        var record = AwardVerifier.Verify((await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Award!, null).Value;
        var bid = record.Bids.Single(made => made.Agent == "outside/agent");
        bid.Commitment.ToString().ShouldBe(taken.Commitment);
        bid.Envelope.Verify(_key.PublicKey).ShouldBeTrue();
    }

    [Fact]
    public async Task ExternalBidder_ThatSaysNothing_DoesNotStandInTheWay()
    {
        await PublishAsync("outside", "0.01", External);
        await PublishAsync("posted", "0.01");

        var task = await RunAsync();

        Publisher(task.Agent).ShouldBe("posted");
        (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Bidders.Select(bidder => bidder.Standing).ShouldBe(["won", "noBid"]);
    }

    [Fact]
    public async Task HostileBids_AreRefusedAndTheAuctionGoesOn()
    {
        await PublishAsync("outside", "0.01", External);
        await PublishAsync("rival", "0.01", Factor("0.5"));
        var (publisher, rival) = (await MemberAsync("outside"), await MemberAsync("rival"));
        var earlier = await SubmitAsync(windowMs: 10, wait: Wait);
        var task = await SubmitAsync(windowMs: 5_000);
        var (id, before) = (task.Auction!.Id, earlier.Auction!.Id);
        using var other = PrivateKey.Generate();

        (await RefusedAsync(publisher, before, Sign(before))).ShouldBe("auctionClosed");
        (await RefusedAsync(publisher, id, Sign(before))).ShouldBe("bidForAnotherAuction");
        (await RefusedAsync(publisher, id, Sign(id, "rival/agent"))).ShouldBe("notABidder");
        (await RefusedAsync(rival, id, Sign(id, "rival/agent"))).ShouldBe("notABidder", "the node bids for it");
        (await RefusedAsync(rival, id, Sign(id))).ShouldBe("notABidder", "it is somebody else's");
        (await RefusedAsync(Node.Client, id, Sign(id))).ShouldBe("auctionUnknown");
        (await RefusedAsync(publisher, "auction_01h2xcejqtf2nbrexx3vqjhp41", Sign("auction_01h2xcejqtf2nbrexx3vqjhp41"))).ShouldBe("auctionUnknown");
        (await RefusedAsync(publisher, id, Sign(id, key: other))).ShouldBe("bidSignatureInvalid");
        foreach (var price in new[] { "\"price\":\"-0.001\"", "\"price\":\"9223372036.854775808\"", "\"price\":\"NaN\"", "\"price\":0.001", "\"factor\":\"1.000001\"",
            "\"factor\":\"-0.1\"", "\"factor\":\"0.0000001\"", "\"factor\":\"1e-1\"", "\"factor\":\"0.5\",\"price\":\"0.5\"", "\"more\":1" })
        {
            (await RefusedAsync(publisher, id, SignText($"{{\"auctionId\":\"{id}\",\"agent\":\"outside/agent\",\"nonce\":\"0123456789abcdef\",{price}}}")))
                .ShouldBe("bidInvalid", price);
        }

        foreach (var text in new[] { "", "[]", "null", "{}", $"{{\"auctionId\":\"{id}\",\"agent\":\"outside/agent\",\"nonce\":\"short\",\"factor\":\"0.5\"}}", new string('[', 500), new string('x', 1_025) })
            (await RefusedAsync(publisher, id, SignText(text))).ShouldBe("bidInvalid", text);
        (await RefusedAsync(publisher, id, Sign(id) with { PayloadType = "text/plain" })).ShouldBe("bidInvalid");

        var bid = Sign(id);
        var taken = await publisher.PlaceBidAsync(id, bid, Stop);
        (await publisher.PlaceBidAsync(id, bid, Stop)).ShouldBe(taken, "the same bid again");
        (await RefusedAsync(publisher, id, Sign(id))).ShouldBe("bidMade");
        await Consumer.CancelTaskAsync(task.Id, Stop);
    }

    [Fact]
    public async Task WasmPolicy_ReadsTheAnnouncementAndBids()
    {
        await PublishAsync("posted", "0.01");
        await PublishAsync("clever", "0.01");
        var publisher = await MemberAsync("clever");
        await publisher.SetBiddingAsync(new AgentReference("clever", "agent"), await ProgramAsync(publisher, GuestPrograms.Print("""{ "factor": "0.3" }""")), Stop);

        var task = await SubmitAsync(windowMs: 1_000, wait: Wait);

        Publisher(task.Agent).ShouldBe("clever");
        (await Consumer.GetTaskAuctionAsync(task.Id, Stop)).Bidders[0].Bid!.Factor.ShouldBe("0.300000");
    }

    public static TheoryData<byte[], string> BadPrograms => new()
    {
        { GuestPrograms.Unreachable, "trapped" },
        { GuestPrograms.EndlessLoop, "Gfuel" },
        { GuestPrograms.EndlessOutput(1), "1,024 bytes" },
        { GuestPrograms.Exit(3, "no idea"), "no idea" },
        { GuestPrograms.Print("0.5"), "not a bid" },
        { GuestPrograms.Print("""{ "factor": 0.5 }"""), "not a bid" },
        { GuestPrograms.Print("""{ "factor": "1.5" }"""), "not a bid" },
        { GuestPrograms.Print("""{ "price": "-1" }"""), "not a bid" },
        { GuestPrograms.Print("""{ "factor": "0.5", "factor": "0.4" }"""), "not a bid" },
        { GuestPrograms.Echo, "not a bid" },
    };

    [Theory]
    [MemberData(nameof(BadPrograms))]
    public async Task WasmPolicy_ThatDoesWrong_DoesNotBidAndItsPublisherIsTold(byte[] program, string why)
    {
        await PublishAsync("posted", "0.01");
        await PublishAsync("clumsy", "0.01");
        var publisher = await MemberAsync("clumsy");
        var agent = new AgentReference("clumsy", "agent");
        await publisher.SetBiddingAsync(agent, await ProgramAsync(publisher, program), Stop);

        var tasks = await Task.WhenAll(SubmitAsync(windowMs: 1_000, wait: Wait), SubmitAsync(windowMs: 1_000, wait: Wait));

        tasks.ShouldAllBe(task => Publisher(task.Agent) == "posted");
        var bidding = await publisher.GetBiddingAsync(agent, Stop);
        bidding.Faults.ShouldBe(2);
        bidding.LastFault!.ShouldContain(why);
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var told = await publisher.WatchEventsAsync("0", listening.Token).FirstAsync(happened => happened.Type == "stoa.bidding.faulted", Stop);
        told.Data.GetProperty("agent").GetString().ShouldBe("clumsy/agent");
        told.Data.GetProperty("faults").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task WasmPolicy_ThatDoesNotWant_IsNoFault()
    {
        await PublishAsync("posted", "0.01");
        await PublishAsync("shy", "0.01");
        var publisher = await MemberAsync("shy");
        await publisher.SetBiddingAsync(new AgentReference("shy", "agent"), await ProgramAsync(publisher, GuestPrograms.Print("{}")), Stop);

        var task = await SubmitAsync(windowMs: 1_000, wait: Wait);

        Publisher(task.Agent).ShouldBe("posted");
        (await publisher.GetBiddingAsync(new AgentReference("shy", "agent"), Stop)).Faults.ShouldBe(0);
    }

    [Theory]
    [InlineData("""{ "policy": "random" }""", "/policy")]
    [InlineData("""{ "policy": "fixed" }""", "/factor")]
    [InlineData("""{ "policy": "fixed", "factor": "0.5", "price": "1" }""", "/factor")]
    [InlineData("""{ "policy": "fixed", "factor": "1.01" }""", "/factor")]
    [InlineData("""{ "policy": "fixed", "price": "-1" }""", "/price")]
    [InlineData("""{ "policy": "posted", "price": "1" }""", "/price")]
    [InlineData("""{ "policy": "loadAware" }""", "/idleFactor")]
    [InlineData("""{ "policy": "loadAware", "idleFactor": "0.8", "busyFactor": "0.7" }""", "/busyFactor")]
    [InlineData("""{ "policy": "loadAware", "idleFactor": "0.8", "fullLoad": 0 }""", "/fullLoad")]
    [InlineData("""{ "policy": "wasm" }""", "/program")]
    [InlineData("""{ "policy": "wasm", "program": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" }""", "/program")]
    [InlineData("""{ "policy": "external" }""", "/key")]
    [InlineData("""{ "policy": "external", "key": "AAAA" }""", "/key")]
    public async Task Policy_ThatBreaksTheRules_IsRefusedWithThePlace(string body, string pointer)
    {
        await PublishAsync("posted", "0.01");
        var publisher = await MemberAsync("posted");
        using var http = new HttpClient { BaseAddress = Node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", publisher.Options.ApiKey);

        using var response = await http.PutAsync("/api/v1/agents/posted/agent/bidding", new StringContent(body, Encoding.UTF8, "application/json"), Stop);

        using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Stop));
        problem.RootElement.GetProperty("code").GetString().ShouldBe("policyInvalid");
        problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()).ShouldContain(pointer);
    }

    [Fact]
    public async Task Policy_IsItsPublishersToSetAndSee()
    {
        var agent = await PublishAsync("posted", "0.01");
        var publisher = await MemberAsync("posted");
        (await publisher.GetBiddingAsync(agent, Stop)).ShouldBe(new BiddingResponse("posted/agent", new BiddingPolicyBody("posted"), IsDefault: true, 0));
        var policies = new[]
        {
            new BiddingPolicyBody("posted"), new BiddingPolicyBody("none"), Factor("0.250000"), new BiddingPolicyBody("fixed", Price: "0.001000000"),
            new BiddingPolicyBody("loadAware", IdleFactor: "0.500000", BusyFactor: "0.900000", FullLoad: 3), External,
            await ProgramAsync(publisher, GuestPrograms.Echo),
        };
        foreach (var policy in policies)
        {
            await publisher.SetBiddingAsync(agent, policy, Stop);
            (await publisher.GetBiddingAsync(agent, Stop)).Policy.ShouldBe(policy);
        }

        (await Should.ThrowAsync<StoaException>(() => Consumer.GetBiddingAsync(agent, Stop))).Code.ShouldBe("agentNotYours");
        (await Should.ThrowAsync<StoaException>(() => Consumer.SetBiddingAsync(agent, Factor("0"), Stop))).Code.ShouldBe("agentNotYours");
        (await Should.ThrowAsync<StoaException>(() => Consumer.ResetBiddingAsync(agent, Stop))).Code.ShouldBe("agentNotYours");
        (await Should.ThrowAsync<StoaException>(() => publisher.GetBiddingAsync(new AgentReference("posted", "nothing"), Stop))).Code.ShouldBe("agentNotYours");
        // Somebody else's program is none of yours, though its digest is known.
        (await Should.ThrowAsync<StoaException>(async () => await publisher.SetBiddingAsync(
            agent, await ProgramAsync(Consumer, GuestPrograms.Print("{}")), Stop))).Code.ShouldBe("policyInvalid");
        (await publisher.ResetBiddingAsync(agent, Stop)).IsDefault.ShouldBeTrue();
    }

    private static async Task<BiddingPolicyBody> ProgramAsync(StoaClient owner, byte[] program) =>
        new("wasm", Program: (await owner.UploadAsync(new MemoryStream(program), cancellationToken: Stop)).Digest);

    private DsseEnvelope Sign(string auction, string agent = "outside/agent", PrivateKey? key = null) => SignText(
        $"{{\"auctionId\":\"{auction}\",\"agent\":\"{agent}\",\"nonce\":\"{Guid.NewGuid():n}\",\"factor\":\"0.5\"}}", key);

    private DsseEnvelope SignText(string payload, PrivateKey? key = null) => DsseEnvelope.Sign(Bid.PayloadType, Encoding.UTF8.GetBytes(payload), key ?? _key);

    private static async Task<string> RefusedAsync(StoaClient bidder, string auction, DsseEnvelope bid) =>
        (await Should.ThrowAsync<StoaException>(() => bidder.PlaceBidAsync(auction, bid, Stop))).Code;
}
