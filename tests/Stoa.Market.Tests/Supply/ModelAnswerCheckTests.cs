using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Supply;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class ModelAnswerCheckTests
{
    private static readonly PrivateKey s_seller = PrivateKey.Generate();
    private static readonly ModelPrice s_price = new(Money.Parse("1.5"), Money.Parse("2.5"));

    private static readonly OrderedAnswer s_ordered = new(
        s_seller.PublicKey.PeerId, TaskSamples.Ids.Next<Channel>(), ListingName.Parse("stoa/tiny@1.0.0"), ContentHash.Of("asked"u8), null,
        new PricedModel(ListingName.Parse("ada/tiny@1.0.0"), null, null, null) { Supplied = new SuppliedPrice(s_seller.PublicKey.PeerId, s_price) }, Money.Parse("0.001"));

    private static readonly CountedAnswer s_came = new(ContentHash.Of("answered"u8), new TokenUsage(6, 3), 7, 2, 50);

    // 7 × 1.5 and 2 × 2.5 for a million.
    private static readonly ModelAnswerContent s_true = new(
        s_seller.PublicKey, s_ordered.Channel, s_ordered.Model, s_ordered.Request, s_came.Digest, new TokenUsage(7, 2), Money.Parse("0.0000155"), null, TaskSamples.Now);

    [Fact]
    public void Receipt_OfWhatWasOrderedAndCame_Holds()
    {
        Check(s_true).ShouldBeNull();
        // Its parts are each rounded up there.
        Check(s_true with { Price = Money.Parse("0.000015501") }).ShouldBeNull();
        Check(s_true with { Price = Money.Zero }).ShouldBeNull();
        ModelAnswerCheck.Check(Text(s_true), s_ordered, s_came).Value.Price.ShouldBe(s_true.Price);
    }

    [Fact]
    public void Receipt_OfWhatWasGivenUp_BillsNothingButTheRequest()
    {
        var given = s_true with { Answer = ContentHash.Of([]), Tokens = new TokenUsage(6, 0), Price = Money.Parse("0.000009") };

        CheckGivenUp(given).ShouldBeNull();
        CheckGivenUp(given with { Tokens = default, Price = Money.Zero }).ShouldBeNull();
        CheckGivenUp(given with { Price = Money.Parse("0.00001") }).ShouldBe(AnswerFault.TooDear);
        CheckGivenUp(given with { Tokens = new TokenUsage(6, 1) }).ShouldBe(AnswerFault.TooManyTokens);
        CheckGivenUp(given with { Tokens = new TokenUsage(100, 0), Price = Money.Parse("0.00015") }).ShouldBe(AnswerFault.TooManyTokens);
        CheckGivenUp(given with { Request = ContentHash.Of("another"u8) }).ShouldBe(AnswerFault.OtherRequest);
        CheckGivenUp(s_true).ShouldBe(AnswerFault.OtherAnswer);
    }

    private static AnswerFault? CheckGivenUp(ModelAnswerContent receipt) => ModelAnswerCheck.CheckGivenUp(Text(receipt), s_ordered, 6).Refusal?.Code;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("e30=")]
    public void Receipt_ThatIsMissingOrNone_IsALie(string? text) => FaultOf(text).ShouldBe(AnswerFault.ReceiptMissing);

    [Fact]
    public void Receipt_BeyondTheLongest_IsNotRead() => FaultOf(new string('A', ModelAnswerReceipt.MaxLength + 4)).ShouldBe(AnswerFault.ReceiptMissing);

    [Fact]
    public void Receipt_OfAnotherNode_IsALie()
    {
        using var other = PrivateKey.Generate();

        FaultOf(Convert.ToBase64String(ModelAnswerReceipt.Sign(s_true with { NodeKey = other.PublicKey }, other).ToJson())).ShouldBe(AnswerFault.ReceiptInvalid);
    }

    [Fact]
    public void Receipt_OfAnotherOrder_IsALie()
    {
        Check(s_true with { Channel = TaskSamples.Ids.Next<Channel>() }).ShouldBe(AnswerFault.OtherRequest);
        Check(s_true with { Model = ListingName.Parse("stoa/tiny@1.0.1") }).ShouldBe(AnswerFault.OtherRequest);
        Check(s_true with { Request = ContentHash.Of("another"u8) }).ShouldBe(AnswerFault.OtherRequest);
        Check(s_true with { Ask = ContentHash.Of("an ask"u8) }).ShouldBe(AnswerFault.OtherRequest);
        Check(s_true with { Answer = ContentHash.Of("another"u8) }).ShouldBe(AnswerFault.OtherAnswer);
    }

    [Theory]
    // As many as the answer says that there were, or fewer; more only as far as the least that is billed.
    [InlineData(7, 2, true)]
    [InlineData(1, 0, true)]
    [InlineData(8, 2, false)]
    [InlineData(7, 3, false)]
    public void Tokens_AreThoseThatTheAnswerClaims(long input, long output, bool holds) =>
        Check(s_true with { Tokens = new TokenUsage(input, output), Price = Money.Zero }).ShouldBe(holds ? null : AnswerFault.TooManyTokens);

    [Fact]
    public void Tokens_OfAnAnswerThatClaimsNothing_AreWithinTheBoundsOfWhatWasCounted()
    {
        var silent = s_came with { ClaimedInput = null, ClaimedOutput = null };
        var most = TokenCount.MostOf(6);

        Fault(s_true with { Tokens = new TokenUsage(most, 3), Price = Money.Zero }, silent).ShouldBeNull();
        Fault(s_true with { Tokens = new TokenUsage(most + 1, 3), Price = Money.Zero }, silent).ShouldBe(AnswerFault.TooManyTokens);
        Fault(s_true with { Tokens = new TokenUsage(7, 3), Price = Money.Zero }, silent with { MostOutput = 2 }).ShouldBe(AnswerFault.TooManyTokens);
        // A claim of next to nothing is billed as the quarter of what was counted, there as here.
        Fault(s_true with { Tokens = new TokenUsage(10, 0), Price = Money.Zero }, s_came with { Counted = new TokenUsage(40, 3), ClaimedInput = 1 }).ShouldBeNull();
        Fault(s_true with { Tokens = new TokenUsage(11, 0), Price = Money.Zero }, s_came with { Counted = new TokenUsage(40, 3), ClaimedInput = 1 }).ShouldBe(AnswerFault.TooManyTokens);
    }

    [Fact]
    public void Price_AboveTheAgreedOnes_IsALie()
    {
        Check(s_true with { Price = Money.Parse("0.000015502") }).ShouldBe(AnswerFault.TooDear);
        // Less than nothing cannot be read.
        Check(s_true with { Price = new Money(-1) }).ShouldBe(AnswerFault.ReceiptInvalid);
        ModelAnswerCheck.Check(Text(s_true), s_ordered with { Most = Money.Parse("0.000015499") }, s_came).TryGet(out _, out var fault).ShouldBeFalse();
        fault!.Code.ShouldBe(AnswerFault.TooDear);
    }

    private static AnswerFault? Check(ModelAnswerContent content) => Fault(content, s_came);

    private static AnswerFault? Fault(ModelAnswerContent content, CountedAnswer came) =>
        ModelAnswerCheck.Check(Text(content), s_ordered, came).TryGet(out _, out var fault) ? null : fault!.Code;

    private static AnswerFault? FaultOf(string? text) => ModelAnswerCheck.Check(text, s_ordered, s_came).TryGet(out _, out var fault) ? null : fault!.Code;

    private static string Text(ModelAnswerContent content) => Convert.ToBase64String(ModelAnswerReceipt.Sign(content, s_seller).ToJson());
}
