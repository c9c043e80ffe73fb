using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Channels;

/// <summary>What the payer gives the payee: the promise of an amount of the deposit in all, as it travels. Unchecked until <see cref="VoucherCheck"/> has seen it.</summary>
/// <remarks>
/// Amounts are cumulative: each voucher stands for all payments so far, so only the highest matters, a lost one is made good by the next, and the same one
/// twice is worth no more than once. The amount is also the only order among vouchers: a number beside it could contradict it.
/// </remarks>
public abstract record Voucher
{
    private Voucher()
    {
    }

    /// <summary>The signed bytes: the voucher itself, or the commitment to its chain.</summary>
    public abstract DsseEnvelope Envelope { get; init; }

    /// <summary>An amount that is signed.</summary>
    /// <param name="Envelope">Payload <see cref="VoucherPayload"/>.</param>
    public sealed record Signed(DsseEnvelope Envelope) : Voucher
    {
        /// <inheritdoc/>
        public override DsseEnvelope Envelope { get; init; } = Envelope;
    }

    /// <summary>A word of a hash chain whose anchor is signed.</summary>
    /// <param name="Envelope">Payload <see cref="ChainCommitment"/>.</param>
    /// <param name="Index">How many steps the word is from the anchor: as many units are paid beyond the chain's base.</param>
    /// <param name="Word">32 bytes.</param>
    public sealed record Chain(DsseEnvelope Envelope, int Index, ChainWord Word) : Voucher
    {
        /// <inheritdoc/>
        public override DsseEnvelope Envelope { get; init; } = Envelope;
    }
}

/// <summary>What a signed voucher says.</summary>
/// <param name="Channel">Out of which channel.</param>
/// <param name="Node">The node that opened it.</param>
/// <param name="Cumulative">What the payee is owed in all since the channel was opened.</param>
public sealed record VoucherPayload(Id<Channel> Channel, PeerId Node, Money Cumulative)
{
    public const string PayloadType = "application/vnd.stoa.voucher.v1+json";

    /// <summary>The bytes that are signed: <c>{"channel":"chan_…","node":"Qm…","cumulative":"0.001250000"}</c>.</summary>
    public byte[] Write() => FixedOrderJson.Write(json =>
    {
        json.WriteString("channel", Channel.ToString());
        json.WriteString("node", Node.ToString());
        json.WriteString("cumulative", Cumulative.ToString());
    });

    /// <exception cref="FormatException">It is anything else, or not canonical.</exception>
    public static VoucherPayload Read(ReadOnlyMemory<byte> utf8Json) => FixedOrderJson.Read(
        utf8Json,
        "a voucher",
        root => new VoucherPayload(Id<Channel>.Parse(Text(root, "channel")), PeerId.Parse(Text(root, "node")), Amount(root, "cumulative")),
        voucher => voucher.Write());

    /// <summary>Signs it.</summary>
    public Voucher.Signed Sign(PrivateKey payer) => new(DsseEnvelope.Sign(PayloadType, Write(), payer));
}

/// <summary>What the payer commits to once, to pay many small amounts with one hash each afterwards.</summary>
/// <remarks>PayWord: R. Rivest, A. Shamir, "PayWord and MicroMint", 1996. Word 0 is the anchor; word i is owed i units beyond the base.</remarks>
/// <param name="Channel">Out of which channel.</param>
/// <param name="Node">The node that opened it.</param>
/// <param name="Base">What the payee is owed in all before the first word.</param>
/// <param name="UnitPrice">What each word adds; above zero.</param>
/// <param name="Length">How many words there are, 1 to <see cref="MaxLength"/>.</param>
/// <param name="Anchor">Word 0.</param>
public sealed record ChainCommitment(Id<Channel> Channel, PeerId Node, Money Base, Money UnitPrice, int Length, ChainWord Anchor)
{
    public const string PayloadType = "application/vnd.stoa.voucher-chain.v1+json";

    /// <summary>Longest chain. It bounds what a market must hash to check one voucher; the next chain costs the payer one signature.</summary>
    public const int MaxLength = 65_536;

    /// <summary>What the payee is owed in all with a word.</summary>
    /// <param name="index">0 to <see cref="Length"/>.</param>
    public Money CumulativeAt(int index) => Base + UnitPrice * index;

    /// <summary>The bytes that are signed: <c>{"channel":"chan_…","node":"Qm…","base":"…","unitPrice":"…","length":1000,"anchor":"64 hex digits"}</c>.</summary>
    public byte[] Write() => FixedOrderJson.Write(json =>
    {
        json.WriteString("channel", Channel.ToString());
        json.WriteString("node", Node.ToString());
        json.WriteString("base", Base.ToString());
        json.WriteString("unitPrice", UnitPrice.ToString());
        json.WriteNumber("length", Length);
        json.WriteString("anchor", Anchor.ToString());
    });

    /// <exception cref="FormatException">It is anything else, not canonical, or its last word would be worth more than there is money.</exception>
    public static ChainCommitment Read(ReadOnlyMemory<byte> utf8Json) => FixedOrderJson.Read(
        utf8Json,
        "a chain commitment",
        root =>
        {
            var chain = new ChainCommitment(
                Id<Channel>.Parse(Text(root, "channel")),
                PeerId.Parse(Text(root, "node")),
                Amount(root, "base"),
                Amount(root, "unitPrice"),
                root.GetProperty("length").GetInt32(),
                ChainWord.Parse(Text(root, "anchor")));
            if (chain.Length is < 1 or > MaxLength)
                throw new FormatException($"A length from 1 to {MaxLength} is expected.");
            if (chain.UnitPrice == Money.Zero)
                throw new FormatException("A unit price above zero is expected.");
            _ = chain.CumulativeAt(chain.Length);
            return chain;
        },
        chain => chain.Write());

    /// <summary>Signs it.</summary>
    public DsseEnvelope Sign(PrivateKey payer) => DsseEnvelope.Sign(PayloadType, Write(), payer);
}
