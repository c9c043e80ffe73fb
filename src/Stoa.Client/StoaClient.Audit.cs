using System.Globalization;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/audit</c>, newest first, all pages: everybody's entries for administrators, one's own otherwise.</summary>
    /// <param name="actor">Only what the user with this id did; null for all that may be seen.</param>
    /// <param name="act">Only this act, such as <c>createApiKey</c>; null for all.</param>
    /// <param name="from">The earliest time; null for the beginning.</param>
    /// <param name="to">The time before which it was; null for now.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public IAsyncEnumerable<AuditEntryResponse> ListAuditAsync(
        string? actor = null, string? act = null, DateTimeOffset? from = null, DateTimeOffset? to = null, CancellationToken cancellationToken = default) =>
        ListAsync($"audit{AuditQuery(actor, act, from, to)}", StoaJson.Default.ListResponseAuditEntryResponse, cancellationToken);

    /// <summary><c>GET /api/v1/audit.csv</c>: the same entries as CSV, newest first.</summary>
    public Task ExportAuditCsvAsync(
        Stream destination, string? actor = null, string? act = null, DateTimeOffset? from = null, DateTimeOffset? to = null, CancellationToken cancellationToken = default) =>
        CopyAsync($"audit.csv{AuditQuery(actor, act, from, to)}", destination, cancellationToken);

    /// <summary><c>GET /api/v1/audit.jsonl</c>: for administrators the whole log as it is chained by hash; for others their own entries.</summary>
    public Task ExportAuditAsync(Stream destination, CancellationToken cancellationToken = default) =>
        CopyAsync("audit.jsonl", destination, cancellationToken);

    /// <summary><c>GET /api/v1/audit/checkpoint</c>: where the audit log ends, signed by the node.</summary>
    public Task<DsseEnvelope> GetAuditCheckpointAsync(CancellationToken cancellationToken = default) =>
        GetAsync("audit/checkpoint", StoaJson.Default.DsseEnvelope, cancellationToken);

    private static string AuditQuery(string? actor, string? act, DateTimeOffset? from, DateTimeOffset? to) =>
        Query(("actor", actor), ("act", act), ("from", TimeText(from)), ("to", TimeText(to)));

    private static string? TimeText(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
