using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>What a consumer thinks of an agent, in all of its versions. The next one takes its place.</summary>
/// <param name="Of">The agent, by its publisher's key; the version that did the task, where there is a verdict.</param>
/// <param name="Verdict">Null takes an earlier one back.</param>
public sealed record ReviewStatement(KeyedListing Of, ReviewVerdict? Verdict) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Review;

    /// <inheritdoc/>
    public override string Subject => $"{Of.Publisher}/{Of.Name}";
}

/// <summary>A verdict, and what it stands on.</summary>
/// <param name="Stars">1 to 5.</param>
/// <param name="Text">For people, at most <see cref="StatementLimits.MaxReviewLength"/> characters; null for none.</param>
/// <param name="Proof">That there is a receipt.</param>
public sealed record ReviewVerdict(int Stars, string? Text, ReceiptProof Proof)
{
    /// <summary>Whether a review may say so in words: it is shown on terminals, and there is something in it.</summary>
    public static bool IsText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= StatementLimits.MaxReviewLength && !string.IsNullOrWhiteSpace(text) && JsonFields.IsReadable(text);
    }
}

/// <summary>A node's word that a reviewer has the receipt of a task that an agent did.</summary>
/// <remarks>
/// The receipt itself is nobody's business: it names the consumer, digests of input and output, and parameters. Its own digest says nothing to whoever does not have it. What the word of
/// a node is worth everybody has to decide: keys of nodes are free.
/// </remarks>
/// <param name="Node">The node's key.</param>
/// <param name="Receipt">SHA-256 of the receipt's payload.</param>
/// <param name="Signature">Over reviewer, agent and receipt, in DER.</param>
public sealed record ReceiptProof(PublicKey Node, ContentHash Receipt, byte[] Signature)
{
    /// <summary>The type under which it is signed: nothing else that a node signs can be taken for it.</summary>
    public const string PayloadType = "application/vnd.stoa.review-proof.v1";

    /// <summary>The longest signature, in bytes.</summary>
    public const int MaxSignatureBytes = 80;

    /// <summary>Gives a node's word.</summary>
    /// <param name="node">The node's key.</param>
    /// <param name="reviewer">The key that the review is going to be signed with.</param>
    /// <param name="agent">With the version.</param>
    /// <param name="receipt">SHA-256 of the receipt's payload.</param>
    public static ReceiptProof Sign(PrivateKey node, PeerId reviewer, KeyedListing agent, ContentHash receipt)
    {
        ArgumentNullException.ThrowIfNull(node);
        return new ReceiptProof(node.PublicKey, receipt, node.Sign(Signed(reviewer, agent, receipt)));
    }

    /// <summary>Whether the node has given its word for this review.</summary>
    public bool Holds(PeerId reviewer, KeyedListing agent) => Node.Verify(Signed(reviewer, agent, Receipt), Signature);

    private static byte[] Signed(PeerId reviewer, KeyedListing agent, ContentHash receipt) =>
        Dsse.PreAuthenticationEncoding(PayloadType, Encoding.ASCII.GetBytes($"{reviewer}\n{agent}\n{receipt}"));
}
