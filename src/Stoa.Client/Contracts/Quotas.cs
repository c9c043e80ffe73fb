namespace Stoa.Client.Contracts;

/// <summary>What a user takes up, and may.</summary>
/// <param name="Handle">The user.</param>
/// <param name="OpenTasks">Tasks that wait or run.</param>
/// <param name="MaxOpenTasks">At most so many.</param>
/// <param name="ContentBytes">Bytes in the content store: uploads, outputs above 64 KiB, programs of published agents.</param>
/// <param name="MaxContentBytes">At most so many. Outputs are stored beyond it, too.</param>
/// <param name="StorageHour">US dollars that an hour of what is in the content store costs; left out when it costs nothing.</param>
/// <param name="FreeTransferBytes">Content that was sent to the user for nothing in this month of UTC, with what is on its way.</param>
/// <param name="PaidTransferBytes">Content that was sent to the user for money in this month of UTC.</param>
/// <param name="UnpaidSince">Since when hours of storage could not be paid: nothing is taken in until one is. Left out when they are.</param>
public sealed record QuotaResponse(
    string Handle,
    long OpenTasks,
    long MaxOpenTasks,
    long ContentBytes,
    long MaxContentBytes,
    string? StorageHour = null,
    long FreeTransferBytes = 0,
    long PaidTransferBytes = 0,
    DateTimeOffset? UnpaidSince = null);

/// <summary>One of <c>GET /api/v1/storage/unpaid</c>: a user whose storage is not paid.</summary>
/// <param name="Handle">The user.</param>
/// <param name="ContentBytes">Bytes in the content store.</param>
/// <param name="StorageHour">US dollars that an hour of it costs.</param>
/// <param name="UnpaidSince">Since when hours could not be paid.</param>
public sealed record UnpaidStorageResponse(string Handle, long ContentBytes, string StorageHour, DateTimeOffset UnpaidSince);

/// <summary><c>PUT /api/v1/users/{handle}/quota</c>. A limit that is left out is that of everybody.</summary>
/// <param name="MaxOpenTasks">Tasks that wait or run; 0 lets none in.</param>
/// <param name="MaxContentBytes">Bytes in the content store; 0 lets nothing be uploaded.</param>
public sealed record SetQuotaRequest(long? MaxOpenTasks = null, long? MaxContentBytes = null);
