namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/tasks/replays</c>: one page of your failed tasks, newest first; of those in it that meet all that is given, each is replayed.</summary>
/// <param name="Agent"><c>publisher/name</c> for all versions, or <c>publisher/name@version</c>.</param>
/// <param name="Code">The failure's code, such as <c>timedOut</c>.</param>
/// <param name="FailedAfter">Not before this time.</param>
/// <param name="FailedBefore">Not after this time.</param>
/// <param name="Limit">How many failed tasks are looked at, 1 to 200; null for 50.</param>
/// <param name="Cursor">The <c>nextCursor</c> of the answer before.</param>
public sealed record ReplayTasksRequest(
    string? Agent = null,
    string? Code = null,
    DateTimeOffset? FailedAfter = null,
    DateTimeOffset? FailedBefore = null,
    int? Limit = null,
    string? Cursor = null);

/// <summary>What was replayed.</summary>
/// <param name="Items">Each task that met the filter.</param>
/// <param name="NextCursor">To look at the next page of failed tasks; null when this was the last.</param>
public sealed record ReplaysResponse(IReadOnlyList<ReplayBody> Items, string? NextCursor = null);

/// <summary>What came of replaying one task.</summary>
/// <param name="TaskId">The task that failed.</param>
/// <param name="ReplayId">The new task; null when it was refused.</param>
/// <param name="IsNew">False when it had been replayed before.</param>
/// <param name="Code">Of a refusal.</param>
/// <param name="Detail">Of a refusal.</param>
public sealed record ReplayBody(string TaskId, string? ReplayId = null, bool? IsNew = null, string? Code = null, string? Detail = null);
