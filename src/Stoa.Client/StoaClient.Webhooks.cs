using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/webhooks</c>. The secret is in this answer and never again.</summary>
    public Task<WebhookResponse> CreateWebhookAsync(CreateWebhookRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("webhooks", request, StoaJson.Default.CreateWebhookRequest, StoaJson.Default.WebhookResponse, cancellationToken);

    /// <summary><c>GET /api/v1/webhooks</c>, all pages.</summary>
    public IAsyncEnumerable<WebhookResponse> ListWebhooksAsync(CancellationToken cancellationToken = default) =>
        ListAsync("webhooks", StoaJson.Default.ListResponseWebhookResponse, cancellationToken);

    /// <summary><c>GET /api/v1/webhooks/{id}</c>.</summary>
    public Task<WebhookResponse> GetWebhookAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(WebhookPath(id), StoaJson.Default.WebhookResponse, cancellationToken);

    /// <summary><c>PATCH /api/v1/webhooks/{id}</c>.</summary>
    public Task<WebhookResponse> UpdateWebhookAsync(string id, UpdateWebhookRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Patch, WebhookPath(id), () => JsonBody(request, StoaJson.Default.UpdateWebhookRequest)),
        StoaJson.Default.WebhookResponse,
        cancellationToken);

    /// <summary><c>DELETE /api/v1/webhooks/{id}</c>.</summary>
    public async Task DeleteWebhookAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, WebhookPath(id)), cancellationToken);
    }

    /// <summary><c>POST /api/v1/webhooks/{id}/test</c>: sends a test event.</summary>
    public Task<WebhookDeliveryResponse> TestWebhookAsync(string id, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Post, WebhookPath(id) + "/test"), StoaJson.Default.WebhookDeliveryResponse, cancellationToken);

    /// <summary><c>GET /api/v1/webhooks/{id}/deliveries</c>, all pages, newest first.</summary>
    public IAsyncEnumerable<WebhookDeliveryResponse> ListWebhookDeliveriesAsync(
        string id, string? state = null, CancellationToken cancellationToken = default) =>
        ListAsync(WebhookPath(id) + "/deliveries" + Query(("state", state)), StoaJson.Default.ListResponseWebhookDeliveryResponse, cancellationToken);

    /// <summary><c>POST /api/v1/webhooks/{id}/deliveries/{deliveryId}/redelivery</c>: sends a delivery again.</summary>
    public Task<WebhookDeliveryResponse> RedeliverWebhookAsync(string id, string deliveryId, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Post, $"{WebhookPath(id)}/deliveries/{Uri.EscapeDataString(deliveryId)}/redelivery"),
        StoaJson.Default.WebhookDeliveryResponse,
        cancellationToken);

    private static string WebhookPath(string id) => $"webhooks/{Uri.EscapeDataString(id)}";
}
