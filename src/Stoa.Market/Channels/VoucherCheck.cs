using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>An amount that the payer has signed for: a voucher that was checked. Only <see cref="VoucherCheck"/> makes one.</summary>
public sealed record Claim
{
    internal Claim(Id<Channel> channel, Money cumulative, Voucher voucher) => (Channel, Cumulative, Voucher) = (channel, cumulative, voucher);

    /// <summary>Out of which channel.</summary>
    public Id<Channel> Channel { get; }

    /// <summary>What the payee is owed in all.</summary>
    public Money Cumulative { get; }

    /// <summary>What it stands on.</summary>
    public Voucher Voucher { get; }
}

/// <summary>Checks vouchers against the terms of a channel: the same at the market and at the payee, with no network.</summary>
public static class VoucherCheck
{
    /// <summary>Checks form, channel, market, signature and, for a chain, the word.</summary>
    /// <param name="voucher">As it came.</param>
    /// <param name="terms">Of the channel that it is to be for.</param>
    /// <param name="known">A word that was checked before against the same terms. For a later one of the same chain the signature is known to be good, and hashing goes only so far.
    /// Null to check all.</param>
    public static Outcome<Claim, ChannelRefusal> Check(Voucher voucher, ChannelTerms terms, Voucher.Chain? known = null)
    {
        ArgumentNullException.ThrowIfNull(voucher);
        ArgumentNullException.ThrowIfNull(terms);
        return voucher switch
        {
            Voucher.Signed signed => Open(signed.Envelope, VoucherPayload.PayloadType, VoucherPayload.Read, payload => (payload.Channel, payload.Node), terms)
                .Match<Outcome<Claim, ChannelRefusal>>(payload => new Claim(terms.Channel, payload.Cumulative, voucher), refusal => refusal),
            Voucher.Chain chain when known is not null && known.Index <= chain.Index && known.Envelope.Equals(chain.Envelope) =>
                CheckWord(chain, ChainCommitment.Read(chain.Envelope.Payload), terms, known.Index, known.Word),
            Voucher.Chain chain => OpenChain(chain.Envelope, terms).Match(commitment => CheckWord(chain, commitment, terms, 0, commitment.Anchor), refusal => refusal),
            _ => throw new InvalidOperationException("Every form of voucher is handled."),
        };
    }

    /// <summary>Checks the commitment to a chain: form, channel, market, signature.</summary>
    public static Outcome<ChainCommitment, ChannelRefusal> OpenChain(DsseEnvelope envelope, ChannelTerms terms)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(terms);
        return Open(envelope, ChainCommitment.PayloadType, ChainCommitment.Read, chain => (chain.Channel, chain.Node), terms);
    }

    private static Outcome<Claim, ChannelRefusal> CheckWord(Voucher.Chain chain, ChainCommitment commitment, ChannelTerms terms, int from, ChainWord word)
    {
        if (chain.Index < 1 || chain.Index > commitment.Length)
            return Refuse(ChannelRefusal.ChainWordInvalid, $"The chain has words 1 to {commitment.Length}, and none of index {chain.Index}.");
        return chain.Word.Towards(chain.Index - from) == word
            ? new Claim(terms.Channel, commitment.CumulativeAt(chain.Index), chain)
            : Refuse(
                ChannelRefusal.ChainWordInvalid,
                $"The word is not word {chain.Index} of its chain: hashed {chain.Index - from} times it does not give {(from == 0 ? "the anchor that the payer signed" : $"word {from}")}.");
    }

    private static Outcome<T, ChannelRefusal> Open<T>(
        DsseEnvelope envelope,
        string payloadType,
        Func<ReadOnlyMemory<byte>, T> read,
        Func<T, (Id<Channel> Channel, PeerId Node)> about,
        ChannelTerms terms)
    {
        if (envelope.PayloadType != payloadType)
            return Refuse(ChannelRefusal.VoucherInvalid, $"The envelope holds {envelope.PayloadType}, not {payloadType}.");
        T payload;
        try
        {
            payload = read(envelope.Payload);
        }
        catch (FormatException refusal)
        {
            return Refuse(ChannelRefusal.VoucherInvalid, refusal.Message);
        }

        var (channel, node) = about(payload);
        if (channel != terms.Channel)
            return Refuse(ChannelRefusal.VoucherForOtherChannel, $"The voucher is for {channel}, not for {terms.Channel}.");
        if (node != terms.Node)
            return Refuse(ChannelRefusal.VoucherForOtherChannel, $"The voucher is for a channel that node {node} opened; {terms.Node} opened this one.");
        return envelope.Verify(terms.PayerKey)
            ? payload
            : Refuse(ChannelRefusal.VoucherSignatureInvalid, $"The voucher was not signed by the payer's key {terms.PayerKey}, or was changed since.");
    }

    private static Refusal<ChannelRefusal> Refuse(ChannelRefusal code, string detail) => new(code, detail);
}
