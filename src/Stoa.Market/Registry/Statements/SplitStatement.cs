namespace Stoa.Market.Registry.Statements;

/// <summary>How the node that signs it shares out prices. Whoever has a receipt of the node can hold it against that.</summary>
/// <param name="CreatorPercent">To the agent's creators. The three sum to 100.</param>
/// <param name="NodePercent">To the node.</param>
/// <param name="PlatformPercent">To the platform.</param>
public sealed record SplitStatement(int CreatorPercent, int NodePercent, int PlatformPercent) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Split;
}
