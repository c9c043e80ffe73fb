using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Channels;

/// <summary>How both sides want their channel to end, signed by both.</summary>
/// <remarks>
/// It has no date: who has signed one is held to it for as long as the channel lives. So a payer who has signed makes no more vouchers, and a payee who
/// has signed takes none.
/// </remarks>
public sealed record Agreement
{
    public const string PayloadType = "application/vnd.stoa.channel-agreement.v1+json";

    private Agreement(Id<Channel> channel, Money paid, DsseEnvelope envelope) => (Channel, Paid, Envelope) = (channel, paid, envelope);

    /// <summary>Which channel ends.</summary>
    public Id<Channel> Channel { get; }

    /// <summary>What the payee gets in all; the rest goes back.</summary>
    public Money Paid { get; }

    /// <summary>Payload and signatures.</summary>
    public DsseEnvelope Envelope { get; }

    /// <summary>The bytes that are signed: <c>{"channel":"chan_…","node":"Qm…","paid":"0.001250000"}</c>.</summary>
    public static byte[] Write(ChannelTerms terms, Money paid)
    {
        ArgumentNullException.ThrowIfNull(terms);
        return Write(terms.Channel, terms.Node, paid);
    }

    /// <summary>The first signature, of either side.</summary>
    public static DsseEnvelope Propose(ChannelTerms terms, Money paid, PrivateKey side) => DsseEnvelope.Sign(PayloadType, Write(terms, paid), side);

    /// <summary>The second signature. What is agreed is to be looked at first: <see cref="PaidOf"/>.</summary>
    public static DsseEnvelope Accept(DsseEnvelope proposal, PrivateKey side)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        var own = DsseEnvelope.Sign(proposal.PayloadType, proposal.Payload, side);
        return proposal with { Signatures = [.. proposal.Signatures, .. own.Signatures] };
    }

    /// <summary>What a proposal for a channel says, whoever has signed it.</summary>
    public static Outcome<Money, ChannelRefusal> PaidOf(DsseEnvelope envelope, ChannelTerms terms)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(terms);
        if (envelope.PayloadType != PayloadType)
            return Refuse($"The envelope holds {envelope.PayloadType}, not {PayloadType}.");
        try
        {
            var (channel, node, paid) = FixedOrderJson.Read(
                envelope.Payload,
                "an agreement",
                root => (Id<Channel>.Parse(Text(root, "channel")), PeerId.Parse(Text(root, "node")), Amount(root, "paid")),
                read => Write(read.Item1, read.Item2, read.Item3));
            return channel == terms.Channel && node == terms.Node
                ? paid
                : Refuse($"The agreement is about {channel} of node {node}, not about {terms.Channel} of node {terms.Node}.");
        }
        catch (FormatException refusal)
        {
            return Refuse(refusal.Message);
        }
    }

    /// <summary>Checks form, channel, market and both signatures.</summary>
    public static Outcome<Agreement, ChannelRefusal> Check(DsseEnvelope envelope, ChannelTerms terms)
    {
        if (!PaidOf(envelope, terms).TryGet(out var paid, out var refusal))
            return refusal;
        if (!envelope.Verify(terms.PayerKey))
            return Refuse($"The payer's key {terms.PayerKey} has not signed the agreement.");
        return envelope.Verify(terms.PayeeKey)
            ? new Agreement(terms.Channel, paid, envelope)
            : Refuse($"The payee's key {terms.PayeeKey} has not signed the agreement.");
    }

    private static byte[] Write(Id<Channel> channel, PeerId node, Money paid) => FixedOrderJson.Write(json =>
    {
        json.WriteString("channel", channel.ToString());
        json.WriteString("node", node.ToString());
        json.WriteString("paid", paid.ToString());
    });

    private static Refusal<ChannelRefusal> Refuse(string detail) => new(ChannelRefusal.AgreementInvalid, detail);
}
