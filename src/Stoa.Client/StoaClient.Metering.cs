using System.Globalization;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/usage</c>: what was used and paid, newest period first, all pages.</summary>
    public IAsyncEnumerable<UsageResponse> ListUsageAsync(UsageQuery? query = null, CancellationToken cancellationToken = default) =>
        ListAsync("usage" + Write(query), StoaJson.Default.ListResponseUsageResponse, cancellationToken);

    /// <summary><c>GET /api/v1/usage.csv</c>: the same as CSV.</summary>
    public Task ExportUsageAsync(Stream destination, UsageQuery? query = null, CancellationToken cancellationToken = default) =>
        CopyAsync("usage.csv" + Write(query), destination, cancellationToken);

    /// <summary><c>GET /api/v1/usage/events</c>: the usage events themselves, newest first, all pages.</summary>
    /// <param name="role"><c>consumer</c>, <c>creator</c> or <c>operator</c>; null for consumer.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public IAsyncEnumerable<CloudEvent> ListUsageEventsAsync(string? role = null, CancellationToken cancellationToken = default) =>
        ListAsync("usage/events" + Write(new UsageQuery { Role = role }), StoaJson.Default.ListResponseCloudEvent, cancellationToken);

    /// <summary><c>GET /api/v1/usage/verification</c>: adds all usage up anew and compares. For administrators.</summary>
    public Task<UsageAuditResponse> VerifyUsageAsync(CancellationToken cancellationToken = default) => SendAsync(
        // As long as the journal is.
        new Call(HttpMethod.Get, "usage/verification") { ResponseTimeout = TimeSpan.FromMinutes(30) }, StoaJson.Default.UsageAuditResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/budgets</c>: makes a budget, or changes the amount of the one that there is for the same.</summary>
    public Task<BudgetResponse> SetBudgetAsync(SetBudgetRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, "budgets", () => JsonBody(request, StoaJson.Default.SetBudgetRequest)), StoaJson.Default.BudgetResponse, cancellationToken);

    /// <summary><c>GET /api/v1/budgets</c>.</summary>
    public IAsyncEnumerable<BudgetResponse> ListBudgetsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("budgets", StoaJson.Default.ListResponseBudgetResponse, cancellationToken);

    /// <summary><c>GET /api/v1/budgets/{id}</c>.</summary>
    public Task<BudgetResponse> GetBudgetAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(BudgetPath(id), StoaJson.Default.BudgetResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/budgets/{id}/alerts</c>.</summary>
    public Task<BudgetResponse> SetBudgetAlertsAsync(string id, SetBudgetAlertsRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, BudgetPath(id) + "/alerts", () => JsonBody(request, StoaJson.Default.SetBudgetAlertsRequest)), StoaJson.Default.BudgetResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/budgets/{id}</c>.</summary>
    public async Task DeleteBudgetAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, BudgetPath(id)), cancellationToken);
    }

    /// <summary><c>GET /api/v1/balance-alert</c>.</summary>
    public Task<BalanceAlertResponse> GetBalanceAlertAsync(CancellationToken cancellationToken = default) =>
        GetAsync("balance-alert", StoaJson.Default.BalanceAlertResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/balance-alert</c>.</summary>
    public Task<BalanceAlertResponse> SetBalanceAlertAsync(SetBalanceAlertRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, "balance-alert", () => JsonBody(request, StoaJson.Default.SetBalanceAlertRequest)), StoaJson.Default.BalanceAlertResponse, cancellationToken);

    private static string BudgetPath(string id) => $"budgets/{Uri.EscapeDataString(id)}";

    private static string Write(UsageQuery? query) => Query(
        ("role", query?.Role), ("by", query?.By), ("groupBy", query?.GroupBy), ("agent", query?.Agent), ("from", Time(query?.From)), ("to", Time(query?.To)));

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
