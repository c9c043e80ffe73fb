namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/batches</c>.</summary>
/// <param name="Tasks">1 to 10,000 tasks; all are made, or none.</param>
public sealed record SubmitBatchRequest(IReadOnlyList<SubmitTaskRequest> Tasks);

/// <summary>A batch. <c>GET /api/v1/batches/{id}</c>.</summary>
/// <param name="Id">TypeID with prefix <c>batch</c>.</param>
/// <param name="Size">Tasks in all.</param>
/// <param name="Queued">That wait.</param>
/// <param name="Running">That a node works on.</param>
/// <param name="Succeeded">That have a result.</param>
/// <param name="Failed">That ended without one.</param>
/// <param name="Cancelled">That were stopped.</param>
/// <param name="Cost">Charged so far; decimal string in US dollars.</param>
/// <param name="CreatedAt">Submitted.</param>
/// <param name="CancelRequestedAt">When its consumer asked to stop it.</param>
/// <param name="FinishedAt">When its last task ended.</param>
public sealed record BatchResponse(
    string Id,
    long Size,
    long Queued,
    long Running,
    long Succeeded,
    long Failed,
    long Cancelled,
    string Cost,
    DateTimeOffset CreatedAt,
    DateTimeOffset? CancelRequestedAt = null,
    DateTimeOffset? FinishedAt = null);

/// <summary>The data of <c>stoa.batch.progress</c>, told about a hundred times a batch, and <c>stoa.batch.ended</c>.</summary>
/// <param name="BatchId">Which.</param>
/// <param name="Size">Tasks in all.</param>
/// <param name="Succeeded">So far.</param>
/// <param name="Failed">So far.</param>
/// <param name="Cancelled">So far.</param>
/// <param name="Cost">Charged so far.</param>
public sealed record BatchEventData(string BatchId, long Size, long Succeeded, long Failed, long Cancelled, string Cost);
