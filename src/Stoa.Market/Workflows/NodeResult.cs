namespace Stoa.Market.Workflows;

/// <summary>What expressions can read of a node that has ended.</summary>
internal static class NodeResult
{
    /// <summary>What it came to; null when it failed or was skipped.</summary>
    public const string Output = "output";

    /// <summary>Of a task: <c>digest</c>, <c>size</c> and <c>mediaType</c> of the bytes.</summary>
    public const string Content = "content";

    /// <summary><c>succeeded</c>, <c>failed</c> or <c>skipped</c>. Who reads it runs whatever it is.</summary>
    public const string State = "state";

    /// <summary>Of one that failed: <c>code</c> and <c>detail</c>.</summary>
    public const string Error = "error";

    public static IReadOnlyList<string> Members { get; } = [Output, Content, State, Error];
}
