namespace Stoa.Client.Contracts;

/// <summary>An entry of <c>GET /api/v1/audit</c>: what somebody did, or was refused to do.</summary>
/// <param name="Entry">Its number in the log: from 1, without gaps.</param>
/// <param name="At">UTC.</param>
/// <param name="Act">The endpoint, by its operation id in the OpenAPI document; or what the node did by itself.</param>
/// <param name="Status">Status code of the answer: 2xx when it was done; 499 when the client had gone before, and it may have been done.</param>
/// <param name="Actor">Id of the user who did it; left out when nobody was recognised.</param>
/// <param name="Credential"><c>session</c>, <c>key</c> and the first characters of the API key, or <c>signature</c> and the id of the signing key.</param>
/// <param name="Address">Where it came from, as whole as the node is set to keep it.</param>
/// <param name="Subject">Id of what was made or changed.</param>
/// <param name="TraceId">Of the request.</param>
/// <param name="Account">Id of the organisation in whose name it was done; left out for one's own.</param>
/// <param name="ActorHandle">The handle of who did it, as it is now.</param>
public sealed record AuditEntryResponse(
    long Entry,
    DateTimeOffset At,
    string Act,
    int Status,
    string? Actor = null,
    string? Credential = null,
    string? Address = null,
    string? Subject = null,
    string? TraceId = null,
    string? Account = null,
    string? ActorHandle = null);
