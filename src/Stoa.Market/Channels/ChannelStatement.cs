using System.Text.Json;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Channels;

/// <summary>How a channel stands, as a node swears to it: what either side keeps to prove, with no network, what was deposited, settled and agreed.</summary>
/// <param name="Terms">What never changes.</param>
/// <param name="Deposit">All that was paid in. It only grows, so a payee may rely on an old statement.</param>
/// <param name="Settled">What of it the payee has been paid.</param>
/// <param name="State">See <see cref="ChannelState"/>.</param>
/// <param name="NodeKey">Of the node that states it; in a cell not always the one that opened the channel.</param>
/// <param name="StatedAt">UTC, to the millisecond.</param>
public sealed record ChannelStatement(
    ChannelTerms Terms, Money Deposit, Money Settled, ChannelState State, PublicKey NodeKey, DateTimeOffset StatedAt)
{
    public const string PayloadType = "application/vnd.stoa.channel.v1+json";

    /// <summary>States how a channel stands.</summary>
    public static DsseEnvelope Sign(Channel channel, PrivateKey node, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(node);
        var statement = new ChannelStatement(channel.Terms, channel.Deposit, channel.Settled, channel.State, node.PublicKey, now);
        return DsseEnvelope.Sign(PayloadType, statement.Write(), node);
    }

    /// <summary>Reads a statement and checks that the node signed it whose key it carries. Whether that node is to be believed is the reader's to know.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever it names.</param>
    public static Outcome<ChannelStatement, NodeRecordFault> Open(DsseEnvelope envelope, PeerId? expectedNode = null) =>
        NodeRecord.Open(envelope, PayloadType, "statement", Read, statement => statement.NodeKey, expectedNode);

    private byte[] Write() => Written(json =>
    {
        json.WriteStartObject();
        json.WriteString("channel", Terms.Channel.ToString());
        json.WriteString("openedBy", Terms.Node.ToString());
        json.WriteBase64String("payerKey", Terms.PayerKey.ToSpki());
        json.WriteBase64String("payeeKey", Terms.PayeeKey.ToSpki());
        json.WriteNumber("challengeWindowMs", (long)Terms.ChallengeWindow.TotalMilliseconds);
        json.WriteString("openedAt", Text(Terms.OpenedAt));
        json.WriteString("expiresAt", Text(Terms.ExpiresAt));
        json.WriteString("deposit", Deposit.ToString());
        json.WriteString("settled", Settled.ToString());
        WriteState(json);
        json.WriteSigner(NodeKey);
        json.WriteString("statedAt", Text(StatedAt));
        json.WriteEndObject();
    });

    private void WriteState(Utf8JsonWriter json)
    {
        switch (State)
        {
            case ChannelState.Open:
                json.WriteString("state", "open");
                break;
            case ChannelState.Closing closing:
                json.WriteString("state", "closing");
                if (closing.By is { } side)
                    json.WriteString("closingBy", side is ChannelSide.Payer ? "payer" : "payee");
                json.WriteString("closingAt", Text(closing.StartedAt));
                json.WriteString("endsAt", Text(closing.EndsAt));
                break;
            case ChannelState.Closed closed:
                json.WriteString("state", "closed");
                json.WriteString("closedAt", Text(closed.At));
                json.WriteBoolean("agreed", closed.Agreed);
                break;
            default:
                throw new InvalidOperationException("Every state is written.");
        }
    }

    private static ChannelStatement Read(ReadOnlyMemory<byte> payload, out PeerId node) => NodeRecord.Read(
        payload,
        "the statement of a channel",
        (root, key) => new ChannelStatement(
            new ChannelTerms(
                Id<Channel>.Parse(Text(root, "channel")),
                PeerId.Parse(Text(root, "openedBy")),
                PublicKey.FromSpki(root.GetProperty("payerKey").GetBytesFromBase64()),
                PublicKey.FromSpki(root.GetProperty("payeeKey").GetBytesFromBase64()),
                TimeSpan.FromMilliseconds(Number(root, "challengeWindowMs")),
                Instant(root, "openedAt"),
                Instant(root, "expiresAt")),
            Amount(root, "deposit"),
            Amount(root, "settled"),
            ReadState(root),
            key,
            Instant(root, "statedAt")),
        out node);

    private static ChannelState ReadState(JsonElement root) => Text(root, "state") switch
    {
        "open" => new ChannelState.Open(),
        "closing" => new ChannelState.Closing(
            !root.TryGetProperty("closingBy", out var by) ? null : by.GetString() is "payer" ? ChannelSide.Payer : ChannelSide.Payee,
            Instant(root, "closingAt"),
            Instant(root, "endsAt")),
        "closed" => new ChannelState.Closed(Instant(root, "closedAt"), root.GetProperty("agreed").GetBoolean()),
        var other => throw new FormatException($"\"{other}\" is not a state of a channel."),
    };
}
