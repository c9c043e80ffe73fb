namespace Stoa.Market.Membership;

/// <summary>Who holds leases: one start of one node.</summary>
/// <param name="Node">The node's peer id.</param>
/// <param name="Boot">Made anew at every start, without a slash.</param>
public sealed record LeaseHolder(string Node, string Boot)
{
    /// <summary><c>node/boot</c>.</summary>
    public override string ToString() => $"{Node}/{Boot}";

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static LeaseHolder Parse(string text) => text.Split('/') is [var node, var boot]
        ? new LeaseHolder(node, boot)
        : throw new FormatException($"\"{text}\" is not a node and one of its starts.");
}
