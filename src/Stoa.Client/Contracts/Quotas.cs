namespace Stoa.Client.Contracts;

/// <summary>What a user takes up, and may.</summary>
/// <param name="Handle">The user.</param>
/// <param name="OpenTasks">Tasks that wait or run.</param>
/// <param name="MaxOpenTasks">At most so many.</param>
/// <param name="ContentBytes">Bytes in the content store: uploads, outputs above 64 KiB, programs of published agents.</param>
/// <param name="MaxContentBytes">At most so many. Outputs are stored beyond it, too.</param>
public sealed record QuotaResponse(string Handle, long OpenTasks, long MaxOpenTasks, long ContentBytes, long MaxContentBytes);

/// <summary><c>PUT /api/v1/users/{handle}/quota</c>. A limit that is left out is that of everybody.</summary>
/// <param name="MaxOpenTasks">Tasks that wait or run; 0 lets none in.</param>
/// <param name="MaxContentBytes">Bytes in the content store; 0 lets nothing be uploaded.</param>
public sealed record SetQuotaRequest(long? MaxOpenTasks = null, long? MaxContentBytes = null);
