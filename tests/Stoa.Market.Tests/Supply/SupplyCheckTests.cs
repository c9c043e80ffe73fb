using Stoa.Market.Supply;
using Stoa.Market.Tasks;
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

    private SupplyOrder Order => new(
        _key.PublicKey.PeerId, _receipt.ProgramDigest, _receipt.InputDigest, _receipt.Pricing?.InputBytes ?? _receipt.Usage.InputBytes, _receipt.Parameters, _receipt.Limits, _receipt.Price);

    private SupplyAnswer Answer => new(_receipt.TaskId.ToString(), _receipt.OutputDigest, _receipt.Usage.OutputBytes, _receipt.Price);

    [Fact]
    public void Check_OfWhatWasOrdered_GivesTheReceipt() => SupplyCheck.Check(Envelope, Order, Answer).Value.Id.ShouldBe(_receipt.Id);

    [Fact]
    public void Check_OfAnotherNodesReceipt_Refuses()
    {
        using var other = PrivateKey.Generate();

        Fault(Order with { Node = other.PublicKey.PeerId }, Answer).ShouldBe(SupplyFault.ReceiptInvalid);
    }

    [Fact]
    public void Check_OfWhatWasNotOrdered_Refuses()
    {
        var other = ContentHash.Of("other"u8);

        Fault(Order with { Program = other }, Answer).ShouldBe(SupplyFault.OtherProgram);
        Fault(Order with { Input = other }, Answer).ShouldBe(SupplyFault.OtherInput);
        Fault(Order with { Limits = _receipt.Limits with { Fuel = _receipt.Limits.Fuel - 1 } }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Order with { Limits = _receipt.Limits with { LogBytes = _receipt.Limits.LogBytes + 1 } }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Order with { Parameters = [.. _receipt.Parameters, new TaskParameter("more", "1")] }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Order with { World = new TaskWorld(_receipt.Seed + 1, _receipt.ClockMs) }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Order with { World = new TaskWorld(_receipt.Seed, _receipt.ClockMs + 1) }, Answer).ShouldBe(SupplyFault.OtherTerms);
        Fault(Order with { World = new TaskWorld(_receipt.Seed, _receipt.ClockMs) }, Answer).ShouldBeNull();
        Fault(Order, Answer with { Task = "task_01h2xcejqtf2nbrexx3vqjhp41" }).ShouldBe(SupplyFault.OtherTask);
        Fault(Order, Answer with { Output = other }).ShouldBe(SupplyFault.OtherOutput);
        Fault(Order, Answer with { OutputBytes = Answer.OutputBytes + 1 }).ShouldBe(SupplyFault.OtherOutput);
        Fault(Order, Answer with { Charged = _receipt.Price + new Money(1) }).ShouldBe(SupplyFault.OtherPrice);
    }

    [Fact]
    public void Check_OfAnotherAgentThanTheQuotes_Refuses()
    {
        Fault(Order with { Agent = "no-" + _receipt.Agent.Name }, Answer).ShouldBe(SupplyFault.OtherAgent);
        Fault(Order with { Agent = _receipt.Agent.Name }, Answer).ShouldBeNull();
    }

    [Theory]
    [InlineData(long.MaxValue, 0)]
    [InlineData(6, 0)]
    [InlineData(5, long.MaxValue)]
    [InlineData(5, 61_001)]
    public void Check_OfMoreThanCanHaveBeenMeasured_Refuses(long inputBytes, long durationMs)
    {
        var order = Order with { InputBytes = 5, Patience = TimeSpan.FromSeconds(1) };
        var usage = _receipt.Usage with { InputBytes = inputBytes, DurationMs = durationMs };

        SupplyCheck.Check((_receipt with { Usage = usage }).Sign(_key).Envelope, order, Answer).Refusal!.Code.ShouldBe(SupplyFault.OtherUsage);
    }

    [Fact]
    public void Check_OfARunAsLongAsItMayBe_GivesTheReceipt()
    {
        var order = Order with { InputBytes = 5, Patience = TimeSpan.FromSeconds(1) };
        var usage = _receipt.Usage with { InputBytes = order.InputBytes, DurationMs = order.Limits.TimeoutMs + 1_000 };

        SupplyCheck.Check((_receipt with { Usage = usage, Pricing = null }).Sign(_key).Envelope, order, Answer).Refusal.ShouldBeNull();
    }

    [Fact]
    public void Check_OfAPriceAboveTheQuote_Refuses() => Fault(Order with { Amount = _receipt.Price - new Money(1) }, Answer).ShouldBe(SupplyFault.OtherPrice);

    private DsseEnvelope Envelope => _receipt.Sign(_key).Envelope;

    private SupplyFault? Fault(SupplyOrder order, SupplyAnswer answer) => SupplyCheck.Check(Envelope, order, answer).Refusal?.Code;
}
