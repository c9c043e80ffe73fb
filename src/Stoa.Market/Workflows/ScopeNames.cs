namespace Stoa.Market.Workflows;

/// <summary>What expressions of a workflow can read, by name.</summary>
internal static class ScopeNames
{
    /// <summary>What the run was given.</summary>
    public const string Input = "input";

    /// <summary>What nodes have come to, by their names.</summary>
    public const string Nodes = "nodes";

    /// <summary>In a map or reduce, unless it says another name: the item.</summary>
    public const string Item = "item";

    /// <summary>In a map or reduce: the item's index.</summary>
    public const string Index = "index";

    /// <summary>In a reduce: what the item before came to.</summary>
    public const string Accumulator = "accumulator";

    /// <summary>In a loop: what the turn before came to.</summary>
    public const string State = "state";

    /// <summary>In a loop: how many turns there were before.</summary>
    public const string Turn = "turn";

    /// <summary>Those that nothing else may be called.</summary>
    public const string All = $"{Input}, {Nodes}, {Index}, {Accumulator}, {State} and {Turn}";

    public static bool IsReserved(string name) => name is Input or Nodes or Index or Accumulator or State or Turn;
}
