using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/quota</c>: what the caller takes up, and may.</summary>
    public Task<QuotaResponse> GetQuotaAsync(CancellationToken cancellationToken = default) =>
        GetAsync("quota", StoaJson.Default.QuotaResponse, cancellationToken);

    /// <summary><c>GET /api/v1/users/{handle}/quota</c>: what a user takes up, and may. For administrators.</summary>
    public Task<QuotaResponse> GetQuotaAsync(string handle, CancellationToken cancellationToken = default) =>
        GetAsync(QuotaPath(handle), StoaJson.Default.QuotaResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/users/{handle}/quota</c>: says what a user may take up. For administrators.</summary>
    public Task<QuotaResponse> SetQuotaAsync(string handle, SetQuotaRequest quota, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, QuotaPath(handle), () => JsonBody(quota, StoaJson.Default.SetQuotaRequest)), StoaJson.Default.QuotaResponse, cancellationToken);

    /// <summary><c>GET /api/v1/storage/unpaid</c>: users whose storage is not paid, all pages. For administrators.</summary>
    public IAsyncEnumerable<UnpaidStorageResponse> ListUnpaidStorageAsync(CancellationToken cancellationToken = default) =>
        ListAsync("storage/unpaid", StoaJson.Default.ListResponseUnpaidStorageResponse, cancellationToken);

    private static string QuotaPath(string handle) => $"users/{Uri.EscapeDataString(handle)}/quota";
}
