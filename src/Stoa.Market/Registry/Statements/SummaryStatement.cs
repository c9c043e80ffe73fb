namespace Stoa.Market.Registry.Statements;

/// <summary>How many receipts the node that signs it has given in a while, by agents. Nobody can check it: what it is worth is what the node's word is.</summary>
/// <param name="From">The first instant that counts, UTC, to the millisecond.</param>
/// <param name="To">The first instant that does not.</param>
/// <param name="Agents">Those with the most, at most <see cref="StatementLimits.MaxSummedAgents"/>; each once, in the order of their names.</param>
public sealed record SummaryStatement(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<AgentReceipts> Agents) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Summary;
}

/// <summary>How many receipts of an agent there are.</summary>
/// <param name="Agent">By its publisher's key, without a version.</param>
/// <param name="Receipts">Above zero.</param>
public sealed record AgentReceipts(KeyedListing Agent, long Receipts);
