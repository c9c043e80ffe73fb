using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Supply;

/// <summary>What a node swears to of an answer of a model that it has sold.</summary>
/// <param name="NodeKey">Of the node that sells; signs.</param>
/// <param name="Channel">Out of which the answer was paid.</param>
/// <param name="Model">The version that has answered, as the seller names it.</param>
/// <param name="Request">SHA-256 of the body of the request.</param>
/// <param name="Answer">SHA-256 of the answer: of the whole body, or of all bytes of a stream that came before the receipt.</param>
/// <param name="Tokens">As they are billed.</param>
/// <param name="Price">What was charged.</param>
/// <param name="Ask">SHA-256 of the payload of the <see cref="ModelAsk"/> that the request came with; null when it came with none.</param>
/// <param name="At">When the answer was whole, UTC, to the millisecond.</param>
public sealed record ModelAnswerContent(
    PublicKey NodeKey, Id<Channel> Channel, ListingName Model, ContentHash Request, ContentHash Answer, TokenUsage Tokens, Money Price, ContentHash? Ask, DateTimeOffset At)
{
    /// <summary>The node that sells.</summary>
    public PeerId Node => NodeKey.PeerId;
}

/// <summary>The signed record of <see cref="ModelAnswerContent"/>: a DSSE envelope whose payload has one form, as those of channels have.</summary>
/// <remarks>
/// <code>{"node":"Qm…","nodeKey":"base64 of SubjectPublicKeyInfo","channel":"chan_…","model":"publisher/name@version","request":"sha256:…","answer":"sha256:…","inputTokens":12,"outputTokens":34,"price":"0.000000012","ask":"sha256:…" or null,"at":"2026-01-31T12:00:00.000Z"}</code>
/// It travels as base64 of the envelope's JSON: in the header <see cref="Header"/>, and of a stream in a comment right before its last event.
/// </remarks>
public static class ModelAnswerReceipt
{
    public const string PayloadType = "application/vnd.stoa.model-answer.v1+json";

    /// <summary>The header of an answer that is not streamed.</summary>
    public const string Header = "Stoa-Answer-Receipt";

    /// <summary>The header of a request that says what it may cost at most by the prices that were agreed on, in US dollars: a seller whose prices have risen since says so before anything is spent.</summary>
    public const string MostHeader = "Stoa-Max-Price";

    /// <summary>What the line of a stream begins with that has the receipt. It is a comment of server-sent events, which clients of OpenAI's API pass over; a blank line follows it, and then <c>data: [DONE]</c>.</summary>
    public const string CommentPrefix = ": stoa-receipt ";

    /// <summary>The most characters in base64 that are read: nobody's receipt is nearly as long.</summary>
    public const int MaxLength = 8_192;

    /// <summary>Signs one.</summary>
    /// <param name="content">What is sworn to.</param>
    /// <param name="node">The private half of <see cref="ModelAnswerContent.NodeKey"/>.</param>
    /// <exception cref="ArgumentException">It is another node's key.</exception>
    public static DsseEnvelope Sign(ModelAnswerContent content, PrivateKey node)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(node);
        if (content.NodeKey.PeerId != node.PublicKey.PeerId)
            throw new ArgumentException("A node signs its own receipts.", nameof(node));
        return DsseEnvelope.Sign(PayloadType, Write(content), node);
    }

    /// <summary>Reads a receipt and checks form, key and signature. Whether what it says is what was ordered is the reader's to know.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever it names.</param>
    public static Outcome<ModelAnswerContent, NodeRecordFault> Open(DsseEnvelope envelope, PeerId? expectedNode = null) =>
        NodeRecord.Open(envelope, PayloadType, "receipt", Read, content => content.NodeKey, expectedNode);

    private static byte[] Write(ModelAnswerContent content) => FixedOrderJson.Write(json =>
    {
        json.WriteSigner(content.NodeKey);
        json.WriteString("channel", content.Channel.ToString());
        json.WriteString("model", content.Model.ToString());
        json.WriteString("request", content.Request.ToString());
        json.WriteString("answer", content.Answer.ToString());
        json.WriteNumber("inputTokens", content.Tokens.InputTokens);
        json.WriteNumber("outputTokens", content.Tokens.OutputTokens);
        json.WriteString("price", content.Price.ToString());
        if (content.Ask is { } ask)
            json.WriteString("ask", ask.ToString());
        else
            json.WriteNull("ask");
        json.WriteString("at", Text(content.At));
    });

    private static ModelAnswerContent Read(ReadOnlyMemory<byte> payload, out PeerId node)
    {
        var content = FixedOrderJson.Read(
            payload,
            "the receipt of an answer",
            root => new ModelAnswerContent(
                PublicKey.FromSpki(root.GetProperty("nodeKey").GetBytesFromBase64()),
                Id<Channel>.Parse(Text(root, "channel")),
                ListingName.Parse(Text(root, "model")),
                ContentHash.Parse(Text(root, "request")),
                ContentHash.Parse(Text(root, "answer")),
                new TokenUsage(Number(root, "inputTokens"), Number(root, "outputTokens")),
                Amount(root, "price"),
                root.GetProperty("ask").GetString() is { } ask ? ContentHash.Parse(ask) : null,
                Instant(root, "at")),
            Write);
        // The canonical form has the peer id of the key.
        node = content.Node;
        return content;
    }
}
