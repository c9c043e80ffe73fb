using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class ReceiptTests : IDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();

    public void Dispose() => _key.Dispose();

    [Fact]
    public void Receipt_SignedAndRead_IsTheSame()
    {
        var receipt = TaskSamples.Receipt(_key);

        var read = ReceiptVerifier.Verify(receipt.Sign(_key).Envelope, _key.PublicKey.PeerId).Value;

        read.Parameters.ShouldBe(receipt.Parameters);
        (read with { Parameters = receipt.Parameters }).ShouldBe(receipt);
    }

    [Fact]
    public void Payload_OfTheSameReceipt_IsTheSameBytes()
    {
        var receipt = TaskSamples.Receipt(_key);

        ReceiptJson.Write(receipt).ShouldBe(ReceiptJson.Write(ReceiptJson.Read(ReceiptJson.Write(receipt), out _)));
    }

    [Fact]
    public void Sign_WithAnotherKey_IsABug()
    {
        using var other = PrivateKey.Generate();

        Should.Throw<ArgumentException>(() => TaskSamples.Receipt(_key).Sign(other));
    }

    [Fact]
    public void Verify_AfterAnyByteOfThePayloadChanged_Refuses()
    {
        var envelope = TaskSamples.Receipt(_key).Sign(_key).Envelope;
        for (var i = 0; i < envelope.Payload.Length; i++)
        {
            var changed = envelope.Payload.ToArray();
            changed[i] ^= 1;
            ReceiptVerifier.Verify(envelope with { Payload = changed }, null).Refusal.ShouldNotBeNull();
        }
    }

    [Fact]
    public void Verify_OfAnotherNode_Refuses()
    {
        using var other = PrivateKey.Generate();

        Fault(TaskSamples.Receipt(_key).Sign(_key).Envelope, other.PublicKey.PeerId).ShouldBe(ReceiptFault.OtherNode);
    }

    [Fact]
    public void Verify_OfAForeignSignature_Refuses()
    {
        using var other = PrivateKey.Generate();

        Fault(DsseEnvelope.Sign(Receipt.PayloadType, ReceiptJson.Write(TaskSamples.Receipt(_key)), other)).ShouldBe(ReceiptFault.SignatureInvalid);
    }

    [Fact]
    public void Verify_OfSharesThatDoNotSum_Refuses()
    {
        var receipt = TaskSamples.Receipt(_key);

        Fault((receipt with { Price = receipt.Price + new Money(1) }).Sign(_key).Envelope).ShouldBe(ReceiptFault.SharesDoNotSum);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(-1, false)]
    public void Verify_OfRoyalties_AsksThatTheySumToTheCreatorsShare(long off, bool holds)
    {
        var receipt = TaskSamples.Receipt(_key);
        var half = new Money(receipt.Shares.Creator.Nanodollars / 2);
        var royal = receipt with { Royalties = [new("ada", receipt.Agent, half), new("ben", receipt.Agent, receipt.Shares.Creator - half + new Money(off))] };

        var verified = ReceiptVerifier.Verify(royal.Sign(_key).Envelope, null);

        (verified.Refusal?.Code).ShouldBe(holds ? null : ReceiptFault.SharesDoNotSum);
        if (holds)
            verified.Value.Royalties.ShouldBe(royal.Royalties);
    }

    [Fact]
    public void Verify_OfANegativeShare_Refuses()
    {
        var receipt = TaskSamples.Receipt(_key, Money.Zero) with { Shares = new Shares(new Money(5), new Money(-5), Money.Zero) };

        Fault(receipt.Sign(_key).Envelope).ShouldBe(ReceiptFault.SharesDoNotSum);
    }

    [Fact]
    public void Verify_OfUseAboveTheLimits_Refuses()
    {
        var receipt = TaskSamples.Receipt(_key) with { Usage = TaskSamples.Usage(TaskSamples.Limits.Fuel + 1) };

        Fault(receipt.Sign(_key).Envelope).ShouldBe(ReceiptFault.UsageAboveLimits);
    }

    [Fact]
    public void Verify_OfAPriceThatTheRatesGive_Accepts()
    {
        var receipt = Priced();

        ReceiptVerifier.Verify(receipt.Sign(_key).Envelope, null).Value.Pricing.ShouldBe(receipt.Pricing);
    }

    [Fact]
    public void Verify_OfAPriceWithFactors_RecomputesItExactly()
    {
        var factor = new PriceFactor(Tier: 1_501, Demand: 1_337);
        var receipt = Priced(factor);
        receipt.Price.ShouldBeGreaterThan(Priced().Price);

        ReceiptVerifier.Verify(receipt.Sign(_key).Envelope, null).Value.Pricing!.Factor.ShouldBe(factor);

        var cheaper = receipt.Price - new Money(1);
        Fault((receipt with { Price = cheaper, Shares = SplitPolicy.Default.Split(cheaper) }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
        Fault((receipt with { Pricing = receipt.Pricing! with { Factor = factor with { Demand = 1_338 } } }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
        Fault((receipt with { Pricing = receipt.Pricing! with { Factor = PriceFactor.One } }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
    }

    [Theory]
    [InlineData(499, 1_000)]
    [InlineData(10_001, 1_000)]
    [InlineData(1_000, 999)]
    [InlineData(1_000, 10_001)]
    [InlineData(-1_000, -1_000)]
    [InlineData(1_000, 1_000, 99)]
    [InlineData(1_000, 1_000, 1_001)]
    [InlineData(1_000, 1_000, 0)]
    [InlineData(1_000, 1_000, -900)]
    public void Verify_OfAFactorThatThereIsNot_Refuses(int tier, int demand, int volume = 1_000)
    {
        var receipt = TaskSamples.Receipt(_key, Money.Zero) with
        {
            Pricing = new ReceiptPricing(new AgentPrice(Money.Zero, Money.Zero, Money.Zero), InputBytes: 5) { Factor = new PriceFactor(tier, demand, volume) },
        };

        Fault(receipt.Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
    }

    [Theory]
    [InlineData(1_000, 1_000)]
    [InlineData(1_501, 1_337)]
    public void Verify_OfAPriceWithVolume_RecomputesItExactly(int tier, int demand)
    {
        var factor = new PriceFactor(tier, demand, Volume: 901);
        var receipt = Priced(factor);
        receipt.Price.ShouldBeLessThan(Priced(factor with { Volume = 1_000 }).Price);
        var envelope = receipt.Sign(_key).Envelope;

        ReceiptVerifier.Verify(envelope, null).Value.Pricing!.Factor.ShouldBe(factor);

        foreach (var other in (int[])[100, 900, 902, 1_000])
            Fault((receipt with { Pricing = receipt.Pricing! with { Factor = factor with { Volume = other } } }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
        var cheaper = receipt.Price - new Money(1);
        Fault((receipt with { Price = cheaper, Shares = SplitPolicy.Default.Split(cheaper) }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
        // With what a reader of before would make of it, and nobody who signed it did.
        var payload = Encoding.UTF8.GetString(envelope.Payload).Replace("\"volumePermille\":901", "\"volumePermille\":900", StringComparison.Ordinal);
        Fault(envelope with { Payload = Encoding.UTF8.GetBytes(payload) }).ShouldBe(ReceiptFault.SignatureInvalid);
    }

    [Fact]
    public void Verify_OfAVolumeWithoutTheOtherFactors_ReckonsWithItAllTheSame()
    {
        var receipt = Priced(new PriceFactor(1_000, 1_000, 500));
        var payload = JsonNode.Parse(ReceiptJson.Write(receipt))!.AsObject();
        payload["pricing"]!.AsObject().Remove("tierPermille").ShouldBeTrue();
        payload["pricing"]!.AsObject().Remove("demandPermille").ShouldBeTrue();

        ReceiptVerifier.Verify(Sign(), null).Value.Pricing!.Factor.ShouldBe(new PriceFactor(1_000, 1_000, 500));
        payload["pricing"]!["volumePermille"] = 501;
        Fault(Sign()).ShouldBe(ReceiptFault.PriceUnexplained);
        payload["pricing"]!["volumePermille"] = "500";
        Fault(Sign()).ShouldBe(ReceiptFault.NotAReceipt);

        DsseEnvelope Sign() => DsseEnvelope.Sign(Receipt.PayloadType, Encoding.UTF8.GetBytes(payload.ToJsonString()), _key);
    }

    [Fact]
    public void Write_WithoutFactors_IsAsItWasBeforeThereWereAny()
    {
        var payload = Encoding.UTF8.GetString(ReceiptJson.Write(Priced()));

        payload.ShouldContain("\"perGigabyteSecond\":\"0.500000000\",\"inputBytes\":5},");
        Encoding.UTF8.GetString(ReceiptJson.Write(Priced(new PriceFactor(1_000, 1_250)))).ShouldContain("\"inputBytes\":5,\"tierPermille\":1000,\"demandPermille\":1250},");
        Encoding.UTF8.GetString(ReceiptJson.Write(Priced(new PriceFactor(1_000, 1_000, 900)))).ShouldContain(
            "\"inputBytes\":5,\"tierPermille\":1000,\"demandPermille\":1000,\"volumePermille\":900},");
    }

    [Fact]
    public void Verify_OfAPriceThatTheRatesDoNotGive_Refuses()
    {
        var receipt = Priced();
        var dearer = receipt.Price + new Money(1);

        Fault((receipt with { Price = dearer, Shares = SplitPolicy.Default.Split(dearer) }).Sign(_key).Envelope).ShouldBe(ReceiptFault.PriceUnexplained);
        Fault((receipt with { Usage = receipt.Usage with { DurationMs = receipt.Usage.DurationMs + 100 } }).Sign(_key).Envelope)
            .ShouldBe(ReceiptFault.PriceUnexplained);
    }

    [Fact]
    public void Verify_OfAKeyOfAnotherNode_Refuses()
    {
        using var other = PrivateKey.Generate();
        var payload = JsonNode.Parse(ReceiptJson.Write(TaskSamples.Receipt(_key)))!.AsObject();
        payload["node"] = other.PublicKey.PeerId.ToString();

        Fault(DsseEnvelope.Sign(Receipt.PayloadType, Encoding.UTF8.GetBytes(payload.ToJsonString()), _key)).ShouldBe(ReceiptFault.KeyMismatch);
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData(Receipt.PayloadType, "{}")]
    [InlineData(Receipt.PayloadType, "[1]")]
    [InlineData(Receipt.PayloadType, "not JSON")]
    [InlineData(Receipt.PayloadType, "")]
    public void Verify_OfSomethingElse_Refuses(string payloadType, string payload) =>
        Fault(DsseEnvelope.Sign(payloadType, Encoding.UTF8.GetBytes(payload), _key)).ShouldBe(ReceiptFault.NotAReceipt);

    private Receipt Priced(PriceFactor? factor = null)
    {
        var pricing = new ReceiptPricing(TaskSamples.Price with { PerGigabyteSecond = Money.Parse("0.5") }, InputBytes: 5) { Factor = factor ?? PriceFactor.One };
        pricing.Rates.TryPrice(TaskPricing.WorkOf(pricing.InputBytes, TaskSamples.Limits, TaskSamples.Usage()), pricing.Factor, out var parts).ShouldBeTrue();
        parts.Memory.ShouldBeGreaterThan(Money.Zero);
        return TaskSamples.Receipt(_key, parts.Total) with { Pricing = pricing };
    }

    private static ReceiptFault? Fault(DsseEnvelope envelope, PeerId? expected = null) =>
        ReceiptVerifier.Verify(envelope, expected).Refusal?.Code;
}
