using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Stoa.Market.Webhooks;
using Stoa.Node.Http;

namespace Stoa.Node.Webhooks;

/// <summary>Sends one delivery to an address that a stranger has chosen.</summary>
/// <remarks>How it is connected to: see <see cref="StrangerConnections"/>. Of the answer only the status is looked at.</remarks>
public sealed class WebhookSender : IDisposable
{
    private readonly HttpClient _client;
    private readonly WebhooksOptions _options;
    private readonly TimeProvider _time;

    public WebhookSender(WebhooksOptions options, ResolveName resolve, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _client = new HttpClient(StrangerConnections.NewHandler(resolve, options.AllowPrivateAddresses)) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("stoa-webhooks");
    }

    /// <summary>One attempt. It answers what came of it, and throws only when the token stops it.</summary>
    public async Task<DeliveryAttempt> SendAsync(Webhook webhook, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var at = _time.GetUtcNow();
        var began = Stopwatch.GetTimestamp();
        var (status, error) = await TrySendAsync(webhook, delivery, at, cancellationToken);
        return new DeliveryAttempt(at, (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds, status, error);
    }

    public void Dispose() => _client.Dispose();

    private async Task<(int? Status, string? Error)> TrySendAsync(
        Webhook webhook, WebhookDelivery delivery, DateTimeOffset at, CancellationToken cancellationToken)
    {
        if (!_options.AllowHttp && !webhook.Url.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
            return (null, "This node sends nothing in the clear any more: give the webhook an https:// address.");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TimeoutMs);
        using var request = Sign(webhook, delivery, at);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            var status = (int)response.StatusCode;
            return (status, status switch
            {
                >= 200 and < 300 => null,
                >= 300 and < 400 => $"The receiver answered {status}; redirects are not followed. Give the webhook its final address.",
                _ => $"The receiver answered {status}.",
            });
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"The receiver did not answer within {_options.TimeoutMs} ms.");
        }
        catch (HttpRequestException failure)
        {
            return (null, StrangerConnections.Explain(failure) ?? "The receiver broke the connection, or did not answer as HTTP has it.");
        }
    }

    private static HttpRequestMessage Sign(Webhook webhook, WebhookDelivery delivery, DateTimeOffset at)
    {
        var body = Encoding.UTF8.GetBytes(delivery.Body);
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json") { CharSet = "utf-8" };
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = content };
        var id = delivery.Id.ToString();
        var seconds = at.ToUnixTimeSeconds();
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", seconds.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", webhook.Secret.Sign(id, seconds, body));
        return request;
    }
}
