using System.Text;
using Stoa.Market.Channels;
using Stoa.Primitives;
using static Stoa.Market.Tests.Channels.ChannelSamples;

namespace Stoa.Market.Tests.Channels;

public sealed class VoucherTests
{
    private static readonly Channel s_channel = Open(1_000_000);
    private static readonly HashChain s_chain = new(new ChainWord([.. Enumerable.Range(0, 32).Select(value => (byte)value)]), 100);

    [Fact]
    public void Payloads_AreTheDocumentedBytes()
    {
        var (id, node) = (s_channel.Id.ToString(), s_channel.Node.ToString());

        Encoding.UTF8.GetString(new VoucherPayload(s_channel.Id, s_channel.Node, new Money(1_250_000)).Write())
            .ShouldBe($$"""{"channel":"{{id}}","node":"{{node}}","cumulative":"0.001250000"}""");
        Encoding.UTF8.GetString(s_chain.Commit(s_channel.Terms, new Money(5), new Money(2)).Write())
            .ShouldBe($$"""{"channel":"{{id}}","node":"{{node}}","base":"0.000000005","unitPrice":"0.000000002","length":100,"anchor":"{{s_chain.Anchor}}"}""");
        Encoding.UTF8.GetString(Agreement.Write(s_channel.Terms, new Money(7)))
            .ShouldBe($$"""{"channel":"{{id}}","node":"{{node}}","paid":"0.000000007"}""");
    }

    [Fact]
    public void Anchor_OfASeed_IsItsHashHashedAgain()
    {
        var word = Enumerable.Range(0, 32).Select(value => (byte)value).ToArray();
        for (var step = 0; step < 100; step++)
            word = System.Security.Cryptography.SHA256.HashData(word);

        s_chain.Anchor.ToBytes().ShouldBe(word);
        ChainWord.Parse(s_chain.Anchor.ToString()).ShouldBe(s_chain.Anchor);
    }

    [Fact]
    public void Word_OfACommittedChain_IsWorthItsUnitsBeyondTheBase()
    {
        var claim = VoucherCheck.Check(Word(42), s_channel.Terms).Value;

        claim.Cumulative.ShouldBe(new Money(5 + (2 * 42)));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(41, true)]
    [InlineData(42, true)]
    [InlineData(43, true)]
    [InlineData(100, true)]
    [InlineData(41, false)]
    [InlineData(42, false)]
    [InlineData(43, false)]
    public void Word_CheckedAgainstAKnownOne_IsTheSameAsAgainstTheAnchor(int index, bool isReal)
    {
        var known = Word(42);
        ChannelRefusal? expected = isReal ? null : ChannelRefusal.ChainWordInvalid;
        var voucher = new Voucher.Chain(known.Envelope, index, isReal ? s_chain[index] : s_chain[index - 1]);

        Code(VoucherCheck.Check(voucher, s_channel.Terms, known)).ShouldBe(expected);
        Code(VoucherCheck.Check(voucher, s_channel.Terms)).ShouldBe(expected);

        static ChannelRefusal? Code(Outcome<Claim, ChannelRefusal> outcome) => outcome.Refusal?.Code;
    }

    [Fact]
    public void Word_OfAnotherChainThanTheKnownOne_IsCheckedWhole()
    {
        var forged = new Voucher.Chain(s_chain.Commit(s_channel.Terms, new Money(5), new Money(900)).Sign(PayeeKey), 43, s_chain[43]);
        var changed = Word(43) with { Envelope = Word(42).Envelope with { Payload = forged.Envelope.Payload } };

        VoucherCheck.Check(forged, s_channel.Terms, Word(42)).Refusal!.Code.ShouldBe(ChannelRefusal.VoucherSignatureInvalid);
        VoucherCheck.Check(changed, s_channel.Terms, Word(42)).Refusal!.Code.ShouldBe(ChannelRefusal.VoucherSignatureInvalid);
    }

    [Theory]
    [InlineData("""{"channel":"$id","node":"$node","cumulative":"1.000000000","cumulative":"0.000000001"}""")]
    [InlineData("""{"channel":"$id","node":"$node","cumulative":"1"}""")]
    [InlineData("""{"channel":"$id","node":"$node","cumulative":"-1.000000000"}""")]
    [InlineData("""{"node":"$node","channel":"$id","cumulative":"1.000000000"}""")]
    [InlineData("""{"channel":"$id","node":"$node","cumulative":"1.000000000"} """)]
    [InlineData("""{"channel":"$id","node":"$node","cumulative":"1.000000000","note":""}""")]
    [InlineData("""{"channel":"$id","cumulative":"1.000000000"}""")]
    [InlineData("""["$id","$node","1.000000000"]""")]
    [InlineData("")]
    public void Payload_ThatIsNotCanonical_IsRefusedThoughItIsSigned(string payload)
    {
        payload = payload.Replace("$id", s_channel.Id.ToString(), StringComparison.Ordinal).Replace("$node", s_channel.Node.ToString(), StringComparison.Ordinal);
        var voucher = new Voucher.Signed(DsseEnvelope.Sign(VoucherPayload.PayloadType, Encoding.UTF8.GetBytes(payload), PayerKey));

        VoucherCheck.Check(voucher, s_channel.Terms).Refusal.ShouldNotBeNull().Code.ShouldBe(ChannelRefusal.VoucherInvalid);
    }

    [Theory]
    [InlineData(0, "0.000000001")]
    [InlineData(65_537, "0.000000001")]
    [InlineData(100, "0.000000000")]
    [InlineData(100, "9000000000.000000000")]
    public void Commitment_OutOfRange_IsRefused(int length, string unitPrice)
    {
        var commitment = new ChainCommitment(s_channel.Id, s_channel.Node, Money.Zero, Money.Parse(unitPrice), length, s_chain.Anchor);

        VoucherCheck.OpenChain(commitment.Sign(PayerKey), s_channel.Terms).Refusal.ShouldNotBeNull().Code.ShouldBe(ChannelRefusal.VoucherInvalid);
    }

    [Fact]
    public void Voucher_WrittenAndReadAgain_IsTheSame()
    {
        Voucher[] vouchers = [Sign(s_channel, 5), Word(7)];

        vouchers.Select(voucher => VoucherJson.Read(VoucherJson.Write(voucher))).ShouldBe(vouchers);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("{\"envelope\":null}")]
    [InlineData("{\"envelope\":{\"payload\":\"e30=\",\"payloadType\":\"a\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"AA==\"}]},\"index\":1}")]
    [InlineData("{\"envelope\":{\"payload\":\"e30=\",\"payloadType\":\"a\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"AA==\"}]},\"index\":1,\"word\":\"00\"}")]
    [InlineData("{\"envelope\":{\"payload\":\"e30=\",\"payloadType\":\"a\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"AA==\"}]},\"index\":\"1\",\"word\":null}")]
    public void Voucher_OfAnythingElse_IsAFormatException(string json) =>
        Should.Throw<FormatException>(() => VoucherJson.Read(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [MemberData(nameof(States))]
    public void Statement_OfANode_IsReadAgainAndBelievedOnlyUnchanged(ChannelState state)
    {
        var channel = s_channel with { State = state, Settled = new Money(77) };

        var envelope = ChannelStatement.Sign(channel, NodeKey, Start);
        var statement = ChannelStatement.Open(envelope, NodeKey.PublicKey.PeerId).Value;

        statement.ShouldBe(new ChannelStatement(channel.Terms, channel.Deposit, channel.Settled, state, NodeKey.PublicKey, Start));
        var forged = DsseEnvelope.Sign(ChannelStatement.PayloadType, envelope.Payload, OtherNodeKey);
        ChannelStatement.Open(forged).Refusal!.Code.ShouldBe(NodeRecordFault.SignatureInvalid);
    }

    public static TheoryData<ChannelState> States =>
    [
        new ChannelState.Open(), new ChannelState.Closing(null, Start, Start.AddHours(1)),
        new ChannelState.Closing(ChannelSide.Payee, Start, Start.AddHours(1)), new ChannelState.Closed(Start, true),
    ];

    private static Voucher.Chain Word(int index) => new(s_chain.Commit(s_channel.Terms, new Money(5), new Money(2)).Sign(PayerKey), index, s_chain[index]);
}
