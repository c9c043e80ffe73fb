using System.Buffers;
using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>An offer to do the task of one auction; signed as a DSSE envelope of type <see cref="PayloadType"/>.</summary>
/// <param name="AuctionId">The auction: a bid for another one is none here, so that none is used twice.</param>
/// <param name="Agent">Who offers, <c>publisher/name</c>.</param>
/// <param name="Ask">The price.</param>
/// <param name="Nonce">Chance, 16 to 64 characters, so that nobody can guess a bid from its <see cref="SealedBid.Commitment"/>.</param>
public sealed record Bid(Id<Auction> AuctionId, string Agent, Ask Ask, string Nonce)
{
    public const string PayloadType = "application/vnd.stoa.bid.v1+json";

    /// <summary>The longest payload that is read, in bytes.</summary>
    public const int MaxPayloadBytes = 1_024;

    private const int MinNonceLength = 16;
    private const int MaxNonceLength = 64;

    /// <summary>The payload: JSON with the members <c>auctionId</c>, <c>agent</c>, <c>factor</c> or <c>price</c>, and <c>nonce</c>.</summary>
    public byte[] ToPayload()
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("auctionId", AuctionId.ToString());
            json.WriteString("agent", Agent);
            json.WriteString(Ask is Ask.Factor ? "factor" : "price", Ask.ToString());
            json.WriteString("nonce", Nonce);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Signs it.</summary>
    public DsseEnvelope Sign(PrivateKey key) => DsseEnvelope.Sign(PayloadType, ToPayload(), key);

    /// <summary>Reads the payload of an envelope, whose signature is checked elsewhere.</summary>
    /// <returns>The bid, or <see cref="AuctionRefusal.BidInvalid"/> with what is wrong.</returns>
    public static Outcome<Bid, AuctionRefusal> Read(DsseEnvelope envelope)
    {
        if (envelope.PayloadType != PayloadType)
            return Invalid($"The envelope holds {envelope.PayloadType}, not {PayloadType}.");
        if (envelope.Payload.Length > MaxPayloadBytes)
            return Invalid($"A bid has at most {MaxPayloadBytes} bytes, this one has {envelope.Payload.Length}.");
        try
        {
            using var document = JsonDocument.Parse(envelope.Payload, new JsonDocumentOptions { MaxDepth = 2 });
            return Read(document.RootElement);
        }
        catch (Exception refusal) when (refusal is JsonException or InvalidOperationException or FormatException)
        {
            return Invalid($"The payload is not a bid: {refusal.Message}");
        }
    }

    /// <summary>Reads the price of a bid: exactly one of the members <c>factor</c> and <c>price</c>, as strings.</summary>
    /// <returns>The price, null when neither is there, or <see cref="AuctionRefusal.BidInvalid"/>.</returns>
    public static Outcome<Ask?, AuctionRefusal> ReadAsk(string? factor, string? price)
    {
        if (factor is not null && price is not null)
            return Invalid("Either factor or price is expected, not both.");
        if (factor is not null)
        {
            return Ask.Factor.TryParse(factor, out var times)
                ? times
                : Invalid("A factor from \"0\" to \"1\" is expected, as a decimal string with at most six decimals.");
        }

        if (price is null)
            return (Ask?)null;
        return Money.TryParse(price, out var amount) && amount >= Money.Zero
            ? new Ask.Price(amount)
            : Invalid("A price in US dollars is expected, as a decimal string that is not negative, with at most nine decimals.");
    }

    private static Outcome<Bid, AuctionRefusal> Read(JsonElement payload)
    {
        string? auction = null, agent = null, factor = null, price = null, nonce = null;
        foreach (var member in payload.EnumerateObject())
        {
            // One that is unknown, or there twice, would be read in two ways by two readers.
            switch (member.Name)
            {
                case "auctionId" when auction is null:
                    auction = member.Value.GetString();
                    break;
                case "agent" when agent is null:
                    agent = member.Value.GetString();
                    break;
                case "factor" when factor is null:
                    factor = member.Value.GetString();
                    break;
                case "price" when price is null:
                    price = member.Value.GetString();
                    break;
                case "nonce" when nonce is null:
                    nonce = member.Value.GetString();
                    break;
                default:
                    return Invalid($"The member \"{member.Name}\" is not expected, or not twice.");
            }
        }

        if (!Id<Auction>.TryParse(auction, out var id))
            return Invalid("auctionId is expected: the id of the auction, auction_….");
        if (agent is null)
            return Invalid("agent is expected: publisher/name.");
        if (nonce is not { Length: >= MinNonceLength and <= MaxNonceLength })
            return Invalid($"nonce is expected: {MinNonceLength} to {MaxNonceLength} characters of chance.");
        if (!ReadAsk(factor, price).TryGet(out var ask, out var refusal))
            return refusal;
        return ask is null ? Invalid("Either factor or price is expected.") : new Bid(id, agent, ask, nonce);
    }

    private static Refusal<AuctionRefusal> Invalid(string detail) => new(AuctionRefusal.BidInvalid, detail);
}

/// <summary>A bid as it is kept until the window has closed, and recorded afterwards.</summary>
/// <param name="Agent">Who made it, <c>publisher/name</c>.</param>
/// <param name="ReceivedAt">By the clock of the node, UTC, to the millisecond.</param>
/// <param name="Envelope">The signed <see cref="Bid"/>.</param>
public sealed record SealedBid(string Agent, DateTimeOffset ReceivedAt, DsseEnvelope Envelope)
{
    /// <summary>SHA-256 of the payload: all that is shown before the window has closed.</summary>
    public ContentHash Commitment => ContentHash.Of(Envelope.Payload);
}
