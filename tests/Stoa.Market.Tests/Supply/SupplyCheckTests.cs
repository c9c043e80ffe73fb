using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SupplyCheckTests : IDisposable
{
    private static readonly Money s_price = new(1_000);
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly Receipt _receipt;

    public SupplyCheckTests() => _receipt = TaskSamples.Receipt(_key, s_price);

    public void Dispose() => _key.Dispose();

    private ExpectedReceipt Expected => new(
        _key.PublicKey.PeerId, _receipt.ProgramDigest, _receipt.InputDigest, _receipt.Pricing?.InputBytes ?? _receipt.Usage.InputBytes, _receipt.Parameters, _receipt.Limits, _receipt.Price);

    private SupplyAnswer Answer => new(_receipt.TaskId.ToString(), _receipt.OutputDigest, _receipt.Usage.OutputBytes, _receipt.Price);

    [Fact]
    public void Check_OfWhatWasOrdered_GivesTheReceipt() => SupplyCheck.Check(Envelope, Expected, Answer).Value.Id.ShouldBe(_receipt.Id);

    [Fact]
    public void Check_OfAnotherNodesReceipt_Refuses()
    {
        using var other = PrivateKey.Generate();

        Fault(Expected with { Node = other.PublicKey.PeerId }, Answer).ShouldBe(SupplyFault.ReceiptInvalid);
    }

    [Fact]
    public void Check_OfWhatWasNotOrdered_Refuses()
    {
        var other = ContentHash.Of("other"u8);

        Fault(Expected with { Program = other }, Answer).ShouldBe(SupplyFault.OtherProgram);
        Fault(Expected with { Input = other }, Answer).ShouldBe(SupplyFault.OtherInput);
        Fault(Expected with { Limits = _receipt.Limits with { Fuel = _receipt.Limits.Fuel - 1 } }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Expected with { Limits = _receipt.Limits with { LogBytes = _receipt.Limits.LogBytes + 1 } }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Expected with { Parameters = [.. _receipt.Parameters, new TaskParameter("more", "1")] }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Expected with { World = new TaskWorld(_receipt.Seed + 1, _receipt.ClockMs) }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Expected with { World = new TaskWorld(_receipt.Seed, _receipt.ClockMs + 1) }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Expected with { World = new TaskWorld(_receipt.Seed, _receipt.ClockMs) }, Answer).ShouldBeNull();
        Fault(Expected, Answer with { Task = "task_01h2xcejqtf2nbrexx3vqjhp41" }).ShouldBe(SupplyFault.OtherTask);
        Fault(Expected, Answer with { Output = other }).ShouldBe(SupplyFault.OtherOutput);
        Fault(Expected, Answer with { OutputBytes = Answer.OutputBytes + 1 }).ShouldBe(SupplyFault.OtherOutput);
        Fault(Expected, Answer with { Charged = _receipt.Price + new Money(1) }).ShouldBe(SupplyFault.OtherPrice);
    }

    [Fact]
    public void Check_OfARunThatAskedModels_Refuses()
    {
        var priced = _receipt with { Pricing = new ReceiptPricing(new AgentPrice(s_price, Money.Zero, Money.Zero), _receipt.Usage.InputBytes) };
        var asked = priced with
        {
            ModelRequests =
            [
                new ReceiptModelRequest(1, null, "auto", "chat", ContentHash.Of("request"u8), ContentHash.Of("error"u8), "replicas_failed", Used: null, Money.Zero, SplitPolicy.Default.Split(Money.Zero), []),
            ],
        };

        SupplyCheck.Check(priced.Sign(_key).Envelope, Expected, Answer).Refusal.ShouldBeNull();
        SupplyCheck.Check(asked.Sign(_key).Envelope, Expected, Answer).Refusal!.Code.ShouldBe(SupplyFault.OtherProgram);
    }

    [Fact]
    public void Check_OfAnotherAgentThanTheQuotes_Refuses()
    {
        Fault(Expected with { Agent = "no-" + _receipt.Agent.Name }, Answer).ShouldBe(SupplyFault.OtherAgent);
        Fault(Expected with { Agent = _receipt.Agent.Name }, Answer).ShouldBeNull();
    }

    [Theory]
    [InlineData(long.MaxValue, 0)]
    [InlineData(6, 0)]
    [InlineData(5, long.MaxValue)]
    [InlineData(5, 61_001)]
    public void Check_OfMoreThanCanHaveBeenMeasured_Refuses(long inputBytes, long durationMs)
    {
        var expected = Expected with { InputBytes = 5, Patience = TimeSpan.FromSeconds(1) };
        var usage = _receipt.Usage with { InputBytes = inputBytes, DurationMs = durationMs };

        SupplyCheck.Check((_receipt with { Usage = usage }).Sign(_key).Envelope, expected, Answer).Refusal!.Code.ShouldBe(SupplyFault.OtherUsage);
    }

    [Fact]
    public void Check_OfARunAsLongAsItMayBe_GivesTheReceipt()
    {
        var expected = Expected with { InputBytes = 5, Patience = TimeSpan.FromSeconds(1) };
        var usage = _receipt.Usage with { InputBytes = expected.InputBytes, DurationMs = expected.Limits.TimeoutMs + 1_000 };

        SupplyCheck.Check((_receipt with { Usage = usage, Pricing = null }).Sign(_key).Envelope, expected, Answer).Refusal.ShouldBeNull();
    }

    [Fact]
    public void Check_OfAPriceAboveTheQuote_Refuses() => Fault(Expected with { Amount = _receipt.Price - new Money(1) }, Answer).ShouldBe(SupplyFault.OtherPrice);

    private DsseEnvelope Envelope => _receipt.Sign(_key).Envelope;

    private SupplyFault? Fault(ExpectedReceipt expected, SupplyAnswer answer) => SupplyCheck.Check(Envelope, expected, answer).Refusal?.Code;
}
