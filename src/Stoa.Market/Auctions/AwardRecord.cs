using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>All of an auction, as the node that decided it swears to it; signed as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <remarks>Anyone can decide it again from what is in it: <see cref="AwardVerifier"/>. The JSON form is in <see cref="AwardJson"/>.</remarks>
/// <param name="Announcement">As it was announced.</param>
/// <param name="Bids">All that were made in time, opened.</param>
/// <param name="Decision">What the rule gives.</param>
/// <param name="NodeKey">Of the node that decided, which also signed the bids of the policies that it keeps.</param>
/// <param name="DecidedAt">UTC, to the millisecond.</param>
public sealed record AwardRecord(
    Announcement Announcement, IReadOnlyList<SealedBid> Bids, AwardDecision Decision, PublicKey NodeKey, DateTimeOffset DecidedAt)
{
    public const string PayloadType = "application/vnd.stoa.award.v1+json";

    /// <summary>Opens the bids, decides, and signs.</summary>
    /// <param name="announcement">The auction.</param>
    /// <param name="bids">Checked when they came: each is a readable bid of its bidder for this auction, and no two are of one.</param>
    /// <param name="node">The deciding node's.</param>
    /// <param name="now">UTC.</param>
    public static SignedAward Decide(Announcement announcement, IReadOnlyList<SealedBid> bids, PrivateKey node, DateTimeOffset now)
    {
        var record = new AwardRecord(
            announcement, bids, AwardRule.Decide(announcement, [.. bids.Select(bid => Bid.Read(bid.Envelope).Value)]), node.PublicKey, now);
        var payload = AwardJson.Write(record);
        return new SignedAward(record, ContentHash.Of(payload), DsseEnvelope.Sign(PayloadType, payload, node));
    }
}

/// <summary>An award with its signature.</summary>
/// <param name="Record">What is sworn.</param>
/// <param name="Digest">SHA-256 of the payload: what receipts name it by.</param>
/// <param name="Envelope">Payload and signature.</param>
public sealed record SignedAward(AwardRecord Record, ContentHash Digest, DsseEnvelope Envelope);
