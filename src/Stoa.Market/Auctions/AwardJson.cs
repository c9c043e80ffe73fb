using System.Text.Json;
using Stoa.Market.Registry;
using Stoa.Primitives;
using static Stoa.Market.Registry.SignedTerms;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Auctions;

/// <summary>Announcements and awards as JSON, with their members in one fixed order.</summary>
/// <remarks>
/// <code>
/// { "rule": "second-score",
///   "announcement": { "auctionId", "taskId", "capabilities", "inputBytes", "reserve", "openedAt", "closesAt",
///     "bidders": [{ "agent", "quality", "expectedPrice", "load", "rates", "limits", "key" }] },
///   "bids": [{ "agent", "receivedAt", "envelope" }],
///   "ranking": [{ "agent", "factor" or "price", "expectedPrice", "score",
///     "award": { "factor" or "price", "rates", "expectedPrice", "priceAtLimits" } }],
///   "losses": [{ "agent", "factor" or "price", "reason" }],
///   "node", "nodeKey", "decidedAt" }
/// </code>
/// <c>rates</c> are those of a receipt's <c>pricing</c>, with its factors where there are any. Money is decimal strings in US dollars, keys are base64 of SubjectPublicKeyInfo, <c>quality</c> is in units of 10⁻⁹. A reader ignores
/// members that it does not know.
/// </remarks>
public static class AwardJson
{
    /// <summary>The bytes that are signed.</summary>
    public static byte[] Write(AwardRecord record) => Written(json =>
    {
        json.WriteStartObject();
        json.WriteString("rule", AwardRule.Name);
        json.WritePropertyName("announcement");
        Write(json, record.Announcement);
        json.WriteStartArray("bids");
        foreach (var bid in record.Bids)
        {
            json.WriteStartObject();
            json.WriteString("agent", bid.Agent);
            json.WriteString("receivedAt", Text(bid.ReceivedAt));
            json.WritePropertyName("envelope");
            json.WriteRawValue(bid.Envelope.ToJson());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("ranking");
        foreach (var bid in record.Decision.Ranking)
            Write(json, bid);
        json.WriteEndArray();
        json.WriteStartArray("losses");
        foreach (var loss in record.Decision.Losses)
        {
            json.WriteStartObject();
            json.WriteString("agent", loss.Agent);
            if (loss.Ask is { } ask)
                Write(json, ask);
            json.WriteString("reason", EnumWord.Of(loss.Reason));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteSigner(record.NodeKey);
        json.WriteString("decidedAt", Text(record.DecidedAt));
        json.WriteEndObject();
    });

    /// <summary>An announcement as it is kept, and as a bidder is told it.</summary>
    /// <param name="announcement">All of it.</param>
    /// <param name="onlyFor">Only this bidder, <c>publisher/name</c>: what others are is not told before they have bid. Null for all.</param>
    public static byte[] Write(Announcement announcement, string? onlyFor = null) => Written(json => Write(
        json,
        onlyFor is null ? announcement : announcement with { Bidders = [.. announcement.Bidders.Where(bidder => bidder.Name == onlyFor)] }));

    /// <summary>Reads the payload of an award.</summary>
    /// <param name="utf8Json">The payload of the envelope.</param>
    /// <param name="node">The peer id that it states beside the key.</param>
    /// <exception cref="FormatException">It is anything else; the message says what is missing.</exception>
    public static AwardRecord Read(ReadOnlyMemory<byte> utf8Json, out PeerId node) => NodeRecord.Read(
        utf8Json,
        "an award",
        (root, key) => Text(root, "rule") is var rule && rule != AwardRule.Name
            ? throw new FormatException($"The award was made by the rule {rule}, which this version does not know.")
            : new AwardRecord(
                ReadAnnouncement(root.GetProperty("announcement")),
                [.. root.GetProperty("bids").EnumerateArray().Select(bid => new SealedBid(
                    Text(bid, "agent"),
                    Instant(bid, "receivedAt"),
                    DsseEnvelope.FromJson(System.Text.Encoding.UTF8.GetBytes(bid.GetProperty("envelope").GetRawText()))))],
                new AwardDecision(
                    [.. root.GetProperty("ranking").EnumerateArray().Select(ReadRanked)],
                    [.. root.GetProperty("losses").EnumerateArray().Select(loss => new LostBid(
                        Text(loss, "agent"), ReadAsk(loss), ReadReason(Text(loss, "reason"))))]),
                key,
                Instant(root, "decidedAt")),
        out node);

    /// <summary>Reads what <see cref="Write(Announcement, string?)"/> wrote.</summary>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static Announcement ReadAnnouncement(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return ReadAnnouncement(document.RootElement);
        }
        catch (Exception refusal) when (refusal is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new FormatException($"It is not an announcement: {refusal.Message}", refusal);
        }
    }

    private static void Write(Utf8JsonWriter json, Announcement announcement)
    {
        json.WriteStartObject();
        json.WriteString("auctionId", announcement.Id.ToString());
        json.WriteString("taskId", announcement.TaskId);
        json.WriteStartArray("capabilities");
        foreach (var capability in announcement.Capabilities)
            json.WriteStringValue(capability);
        json.WriteEndArray();
        json.WriteNumber("inputBytes", announcement.InputBytes);
        if (announcement.Reserve is { } reserve)
            json.WriteString("reserve", reserve.ToString());
        json.WriteString("openedAt", Text(announcement.OpenedAt));
        json.WriteString("closesAt", Text(announcement.ClosesAt));
        json.WriteStartArray("bidders");
        foreach (var bidder in announcement.Bidders)
        {
            json.WriteStartObject();
            json.WriteString("agent", bidder.Agent.ToString());
            json.WriteNumber("quality", bidder.Quality);
            json.WriteString("expectedPrice", bidder.Expected.ToString());
            json.WriteNumber("load", bidder.Load);
            WriteRates(json, bidder.Rates, bidder.Factor);
            WriteLimits(json, bidder.Limits);
            if (bidder.Key is { } key)
                json.WriteBase64String("key", key.ToSpki());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, RankedBid bid)
    {
        json.WriteStartObject();
        json.WriteString("agent", bid.Agent);
        Write(json, bid.Ask);
        json.WriteString("expectedPrice", bid.Expected.ToString());
        json.WriteString("score", bid.Score.ToString());
        if (bid.Award is { } award)
        {
            json.WriteStartObject("award");
            Write(json, award.Ask);
            WriteRates(json, award.Rates, award.Factor);
            json.WriteString("expectedPrice", award.Expected.ToString());
            json.WriteString("priceAtLimits", award.AtLimits.ToString());
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Ask ask) => json.WriteString(ask is Ask.Factor ? "factor" : "price", ask.ToString());

    private static void WriteRates(Utf8JsonWriter json, AgentPrice rates, PriceFactor factor)
    {
        json.WriteStartObject("rates");
        SignedTerms.WriteRates(json, rates);
        WriteFactor(json, factor);
        json.WriteEndObject();
    }

    private static Announcement ReadAnnouncement(JsonElement announcement) => new(
        Id<Auction>.Parse(Text(announcement, "auctionId")),
        Text(announcement, "taskId"),
        [.. announcement.GetProperty("capabilities").EnumerateArray().Select(capability => capability.GetString()!)],
        Number(announcement, "inputBytes"),
        announcement.TryGetProperty("reserve", out var reserve) ? Money.Parse(reserve.GetString()) : null,
        Instant(announcement, "openedAt"),
        Instant(announcement, "closesAt"),
        [.. announcement.GetProperty("bidders").EnumerateArray().Select(ReadBidder)]);

    private static Bidder ReadBidder(JsonElement bidder)
    {
        var quality = Number(bidder, "quality");
        if (quality is < 1 or > BidQuality.Full)
            throw new FormatException($"A quality from 1 to {BidQuality.Full} is expected, not {quality}.");
        var rates = bidder.GetProperty("rates");
        return new Bidder(
            ListingName.Parse(Text(bidder, "agent")),
            quality,
            Amount(bidder, "expectedPrice"),
            ReadLimits(bidder),
            ReadRates(rates),
            bidder.GetProperty("load").GetInt32(),
            bidder.TryGetProperty("key", out var key) ? PublicKey.FromSpki(key.GetBytesFromBase64()) : null)
        {
            Factor = ReadFactorInRange(rates),
        };
    }

    private static RankedBid ReadRanked(JsonElement bid) => new(
        Text(bid, "agent"),
        ReadAsk(bid) ?? throw new FormatException("A bid that could win has a price."),
        Amount(bid, "expectedPrice"),
        Amount(bid, "score"),
        bid.TryGetProperty("award", out var award)
            ? new Award(
                ReadAsk(award) ?? throw new FormatException("An award has a price."),
                ReadRates(award.GetProperty("rates")),
                ReadFactorInRange(award.GetProperty("rates")),
                Amount(award, "expectedPrice"),
                Amount(award, "priceAtLimits"))
            : null);

    private static PriceFactor ReadFactorInRange(JsonElement rates) => ReadFactor(rates) is { IsInRange: true, Volume: PriceFactors.One } factor
        ? factor
        : throw new FormatException("\"tierPermille\" or \"demandPermille\" is out of range, or there is a \"volumePermille\", which no auction has.");

    private static Ask? ReadAsk(JsonElement parent) => Bid.ReadAsk(
        parent.TryGetProperty("factor", out var factor) ? factor.GetString() : null,
        parent.TryGetProperty("price", out var price) ? price.GetString() : null).Match(
            ask => ask, refusal => throw new FormatException(refusal.Detail));

    private static LossReason ReadReason(string word) => EnumWord.TryParse<LossReason>(word, out var reason)
        ? reason
        : throw new FormatException($"\"{word}\" is not a reason for which a bid loses.");
}
