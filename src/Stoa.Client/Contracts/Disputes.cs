namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/tasks/{id}/dispute</c>: says that the receipt of a task does not tell the truth.</summary>
/// <param name="Reason">What is wrong, 1 to 1,000 characters.</param>
public sealed record OpenDisputeRequest(string Reason);

/// <summary>A dispute about the receipt of a task, which is decided by running the program again.</summary>
/// <param name="Id">TypeID with prefix <c>disp</c>.</param>
/// <param name="TaskId">The task.</param>
/// <param name="State"><c>open</c>, <c>upheld</c> (the price was given back), <c>rejected</c> (the receipt is true, and the deposit paid for the run) or <c>undecided</c> (it could not be run again; the deposit is free).</param>
/// <param name="Reason">As it was given.</param>
/// <param name="Price">What was paid for the task, and was held once more as deposit; decimal string in US dollars.</param>
/// <param name="OpenedAt">When it was opened.</param>
/// <param name="DecidedAt">When it was decided.</param>
/// <param name="Detail">What the run found.</param>
/// <param name="IsRepeat">In the answer to a request to open it: true when it was open or decided already, so that nothing more was held.</param>
public sealed record DisputeResponse(
    string Id, string TaskId, string State, string Reason, string Price, DateTimeOffset OpenedAt, DateTimeOffset? DecidedAt = null, string? Detail = null, bool? IsRepeat = null);
