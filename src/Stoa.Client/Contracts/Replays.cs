namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/tasks/replays</c>: one page of your failed tasks, newest first; of those in it that meet all that is given, each is replayed.</summary>
/// <param name="Agent"><c>publisher/name</c> for all versions, or <c>publisher/name@version</c>.</param>
/// <param name="Code">The failure's code, such as <c>timedOut</c>.</param>
/// <param name="FailedAfter">Not before this time.</param>
/// <param name="FailedBefore">Not after this time.</param>
/// <param name="Limit">How many failed tasks are looked at, 1 to 200; null for 50.</param>
/// <param name="Cursor">The <c>nextCursor</c> of the answer before.</param>
/// <param name="Again">Whether replays that failed are replayed, too: of a task that failed again and again it is the last one. Null for not.</param>
public sealed record ReplayTasksRequest(
    string? Agent = null,
    string? Code = null,
    DateTimeOffset? FailedAfter = null,
    DateTimeOffset? FailedBefore = null,
    int? Limit = null,
    string? Cursor = null,
    bool? Again = null);

/// <summary>What was replayed.</summary>
/// <param name="Items">Each task that met the filter, but for replays that were left as they are.</param>
/// <param name="NextCursor">To look at the next page of failed tasks; null when this was the last.</param>
/// <param name="FailedReplays">How many met the filter and were left as they are, since they are replays themselves.</param>
public sealed record ReplaysResponse(IReadOnlyList<ReplayBody> Items, string? NextCursor = null, int FailedReplays = 0);

/// <summary>What came of replaying one task.</summary>
/// <param name="TaskId">The task that failed.</param>
/// <param name="ReplayId">The new task; null when it was refused.</param>
/// <param name="IsNew">False when it had been replayed before.</param>
/// <param name="Code">Of a refusal.</param>
/// <param name="Detail">Of a refusal.</param>
public sealed record ReplayBody(string TaskId, string? ReplayId = null, bool? IsNew = null, string? Code = null, string? Detail = null);
