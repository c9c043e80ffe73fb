using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;
using static Stoa.Market.Tests.Auctions.AuctionSamples;

namespace Stoa.Market.Tests.Auctions;

public sealed class AwardVerifierTests : IDisposable
{
    private readonly PrivateKey _node = PrivateKey.Generate();
    private readonly PrivateKey _outside = PrivateKey.Generate();
    private readonly Announcement _announcement;

    public AwardVerifierTests() => _announcement = Announce(
        "1", Bidder("a") with { Factor = new PriceFactor(500, 2_000) }, Bidder("b", quality: 0.5), Bidder("c", key: _outside.PublicKey), Bidder("d"));

    public void Dispose()
    {
        _node.Dispose();
        _outside.Dispose();
    }

    [Fact]
    public void Award_SignedAndRead_IsTheSame()
    {
        var signed = Decide();

        var read = AwardVerifier.Verify(signed.Envelope, _node.PublicKey.PeerId).Value;

        read.Decision.ShouldBe(signed.Record.Decision);
        AwardJson.Write(read).ShouldBe(signed.Envelope.Payload);
        signed.Digest.ShouldBe(ContentHash.Of(signed.Envelope.Payload));
        read.Decision.Winner!.Agent.ShouldBe("pub-c/agent");
        read.Decision.Losses.ShouldBe([new LostBid("pub-d/agent", null, LossReason.NoBid)]);
        AwardJson.Write(AwardJson.ReadAnnouncement(Encoding.UTF8.GetString(AwardJson.Write(_announcement)))).ShouldBe(AwardJson.Write(_announcement));
    }

    [Fact]
    public void Announcement_ForOneBidder_TellsOfNoOther()
    {
        var told = Encoding.UTF8.GetString(AwardJson.Write(_announcement, "pub-b/agent"));

        AwardJson.ReadAnnouncement(told).Bidders.ShouldHaveSingleItem().Name.ShouldBe("pub-b/agent");
        told.ShouldNotContain("pub-a");
    }

    [Fact]
    public void Verify_AfterAnyByteOfThePayloadChanged_Refuses()
    {
        var envelope = Decide().Envelope;
        for (var i = 0; i < envelope.Payload.Length; i++)
        {
            var changed = envelope.Payload.ToArray();
            changed[i] ^= 1;
            AwardVerifier.Verify(envelope with { Payload = changed }, null).Refusal.ShouldNotBeNull();
        }
    }

    /// <summary>What a node might state falsely and sign all the same.</summary>
    public static TheoryData<string, AwardFault> Lies => new()
    {
        { "$.ranking[0].award.rates.base = 0.9", AwardFault.DecisionUnexplained },
        { "$.ranking[0].award.factor = 0.900000", AwardFault.DecisionUnexplained },
        { "$.ranking[0].award.priceAtLimits = 0.9", AwardFault.DecisionUnexplained },
        { "$.ranking[0].agent = pub-a/agent", AwardFault.DecisionUnexplained },
        { "$.ranking[0].score = 0.1", AwardFault.DecisionUnexplained },
        { "$.ranking.remove 0", AwardFault.DecisionUnexplained },
        { "$.losses.remove 0", AwardFault.DecisionUnexplained },
        { "$.losses[0].reason = aboveReserve", AwardFault.DecisionUnexplained },
        { "$.announcement.bidders[0].quality = 1", AwardFault.DecisionUnexplained },
        { "$.announcement.bidders[0].quality = 0", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].quality = 1000000001", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].quality = NaN", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].rates.tierPermille = 499", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].rates.demandPermille = 3000", AwardFault.DecisionUnexplained },
        { "$.announcement.bidders[0].rates.volumePermille = 900", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].expectedPrice = -1", AwardFault.NotAnAward },
        { "$.announcement.bidders[0].expectedPrice = 99999999999", AwardFault.NotAnAward },
        { "$.announcement.reserve = 0.2", AwardFault.DecisionUnexplained },
        { "$.announcement.auctionId = auction_01h2xcejqtf2nbrexx3vqjhp41", AwardFault.BidInvalid },
        { "$.announcement.closesAt = 2026-05-28T20:26:39.999Z", AwardFault.BidInvalid },
        { "$.decidedAt = 2026-05-28T20:26:40.149Z", AwardFault.DecidedEarly },
        { "$.announcement.bidders.remove 0", AwardFault.BidInvalid },
        { "$.announcement.bidders.double 0", AwardFault.BidInvalid },
        { "$.bids[0].agent = pub-d/agent", AwardFault.BidInvalid },
        { "$.bids.remove 0", AwardFault.DecisionUnexplained },
        { "$.bids.double 0", AwardFault.BidInvalid },
        { "$.rule = first-price", AwardFault.NotAnAward },
        { "$.node = QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", AwardFault.KeyMismatch },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Verify_OfALieThatTheNodeSigned_SaysWhatIsWrong(string lie, AwardFault fault)
    {
        var payload = JsonNode.Parse(Decide().Envelope.Payload)!;

        Tell(payload, lie);

        AwardVerifier.Verify(DsseEnvelope.Sign(AwardRecord.PayloadType, Encoding.UTF8.GetBytes(payload.ToJsonString()), _node), null)
            .Refusal!.Code.ShouldBe(fault);
    }

    [Fact]
    public void Verify_OfABidThatSomebodyElseSigned_Refuses()
    {
        using var other = PrivateKey.Generate();
        var forged = new[] { Made("a", "0.5", other), Made("c", "0.1", _node) };

        forged.ShouldAllBe(bid => Fault(AwardRecord.Decide(_announcement, new[] { bid }, _node, _announcement.ClosesAt).Envelope) == AwardFault.BidInvalid);
    }

    [Fact]
    public void Verify_OfABidThatCameLate_Refuses()
    {
        var late = new SealedBid("pub-c/agent", _announcement.ClosesAt.AddMilliseconds(1), Bid(_announcement, "c", "0.5").Sign(_outside));
        var early = late with { ReceivedAt = _announcement.OpenedAt.AddMilliseconds(-1) };
        var atTheEnd = late with { ReceivedAt = _announcement.ClosesAt };

        Fault(AwardRecord.Decide(_announcement, [late], _node, _announcement.ClosesAt).Envelope).ShouldBe(AwardFault.BidInvalid);
        Fault(AwardRecord.Decide(_announcement, [early], _node, _announcement.ClosesAt).Envelope).ShouldBe(AwardFault.BidInvalid);
        AwardVerifier.Verify(AwardRecord.Decide(_announcement, [atTheEnd], _node, _announcement.ClosesAt).Envelope, null).Refusal.ShouldBeNull();
    }

    [Fact]
    public void Verify_OfSomethingElse_Refuses()
    {
        using var other = PrivateKey.Generate();
        var signed = Decide();

        Fault(signed.Envelope, other.PublicKey.PeerId).ShouldBe(AwardFault.OtherNode);
        Fault(DsseEnvelope.Sign(AwardRecord.PayloadType, signed.Envelope.Payload, other)).ShouldBe(AwardFault.SignatureInvalid);
        Fault(DsseEnvelope.Sign("text/plain", signed.Envelope.Payload, _node)).ShouldBe(AwardFault.NotAnAward);
        foreach (var payload in new[] { "", "null", "[]", "{}", "{\"rule\":\"second-score\"}" })
            Fault(DsseEnvelope.Sign(AwardRecord.PayloadType, Encoding.UTF8.GetBytes(payload), _node)).ShouldBe(AwardFault.NotAnAward, payload);
    }

    [Fact]
    public void VerifyAward_OfAReceipt_ComparesTaskAgentAndRates()
    {
        var task = TaskSamples.Ids.Next<AgentTask>();
        var signed = AwardRecord.Decide(_announcement with { TaskId = task.ToString() }, [Made("a", "0.4", _node), Made("b", "0.3", _node)], _node, _announcement.ClosesAt);
        var won = signed.Record.Decision.Ranking[0].Award!;
        var receipt = TaskSamples.Receipt(_node) with
        {
            TaskId = task,
            Agent = _announcement.Find("pub-a/agent")!.Agent,
            Pricing = new ReceiptPricing(won.Rates, InputBytes) { Factor = won.Factor },
            Auction = new ReceiptAuction(_announcement.Id, signed.Digest),
        };

        ReceiptVerifier.VerifyAward(receipt, signed.Envelope).Value.Decision.ShouldBe(signed.Record.Decision);
        Receipt[] others =
        [
            receipt with { Pricing = new ReceiptPricing(won.Rates with { Base = won.Rates.Base + new Money(1) }, InputBytes) },
            receipt with { Pricing = receipt.Pricing with { Factor = PriceFactor.One } },
            receipt with { Pricing = null },
            receipt with { Agent = _announcement.Find("pub-b/agent")!.Agent },
            receipt with { Agent = _announcement.Find("pub-d/agent")!.Agent },
            receipt with { TaskId = TaskSamples.Ids.Next<AgentTask>() },
            receipt with { Auction = receipt.Auction! with { Id = TaskSamples.Ids.Next<Auction>() } },
            receipt with { Auction = receipt.Auction! with { AwardDigest = ContentHash.Of("x"u8) } },
            receipt with { Auction = null },
        ];
        others.ShouldAllBe(other => ReceiptVerifier.VerifyAward(other, signed.Envelope).Refusal!.Code == ReceiptFault.AwardMismatch);
    }

    [Fact]
    public void Receipt_ThatNamesAnAuction_MustStateItsRates()
    {
        var receipt = TaskSamples.Receipt(_node) with { Auction = new ReceiptAuction(_announcement.Id, ContentHash.Of("x"u8)) };

        ReceiptVerifier.Verify(receipt.Sign(_node).Envelope, null).Refusal!.Code.ShouldBe(ReceiptFault.PriceUnexplained);
        ReceiptJson.Read(ReceiptJson.Write(receipt), out _).Auction.ShouldBe(receipt.Auction);
    }

    private SignedAward Decide() => AwardRecord.Decide(_announcement, [Made("a", "0.5", _node), Made("b", "$0.2", _node), Made("c", "0.3", _outside)], _node, _announcement.ClosesAt);

    private SealedBid Made(string name, string ask, PrivateKey key) => new($"pub-{name}/agent", Now, Bid(_announcement, name, ask).Sign(key));

    private static AwardFault Fault(DsseEnvelope envelope, PeerId? expected = null) => AwardVerifier.Verify(envelope, expected).Refusal!.Code;

    /// <summary>Changes one thing: <c>PATH = VALUE</c>, <c>PATH.remove INDEX</c> or <c>PATH.double INDEX</c>.</summary>
    private static void Tell(JsonNode root, string lie)
    {
        var (path, value) = lie.Split(" = ") is [var before, var after] ? (before, after) : (lie, null);
        var steps = path[2..].Replace("[", ".[", StringComparison.Ordinal).Split('.');
        var parent = root;
        foreach (var step in steps[..^1])
            parent = step[0] == '[' ? parent[int.Parse(step.AsSpan(1, step.Length - 2), null)]! : parent[step]!;
        if (value is not null)
        {
            parent[steps[^1]] = long.TryParse(value, out var number) && !value.StartsWith('-') && (steps[^1] == "quality" || steps[^1].EndsWith("Permille", StringComparison.Ordinal)) ? JsonValue.Create(number) : JsonValue.Create(value);
            return;
        }

        var array = (JsonArray)parent;
        if (steps[^1].StartsWith("remove", StringComparison.Ordinal))
            array.RemoveAt(0);
        else
            array.Add(array[0]!.DeepClone());
    }
}
