namespace Stoa.Node.Builds;

/// <summary>How content came to its owner, as it is written in <c>content_owners.came_by</c>.</summary>
public static class ContentOrigins
{
    /// <summary>He has brought it: only he gives it up.</summary>
    public const string Owner = "owner";

    /// <summary>A task of his has made it, and he has not brought it.</summary>
    public const string Task = "task";

    /// <summary>Only callers have sent it, as input of calls that he sells.</summary>
    public const string Caller = "caller";
}
