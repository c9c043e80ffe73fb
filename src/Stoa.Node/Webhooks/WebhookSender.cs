using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Stoa.Market.Webhooks;

namespace Stoa.Node.Webhooks;

/// <summary>Finds the addresses of a name, as the resolver of the operating system does.</summary>
public delegate Task<IPAddress[]> ResolveName(string name, CancellationToken cancellationToken);

/// <summary>Sends one delivery to an address that a stranger has chosen.</summary>
/// <remarks>
/// The addresses are checked where the connection is made, after the name was resolved, so that a name cannot mean one address when it is
/// checked and another one when it is used. No redirect is followed, no proxy of the node is used, no cookie kept, and of the answer only the
/// status is looked at.
/// </remarks>
public sealed class WebhookSender : IDisposable
{
    private const int MaxAnswerBytes = 64 << 10;

    private readonly HttpClient _client;
    private readonly WebhooksOptions _options;
    private readonly ResolveName _resolve;
    private readonly TimeProvider _time;

    public WebhookSender(WebhooksOptions options, ResolveName resolve, TimeProvider time)
    {
        (_options, _resolve, _time) = (options, resolve, time);
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = MaxAnswerBytes,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            MaxConnectionsPerServer = 16,
            // A name is resolved and checked again at least so often.
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
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
            return (null, Explain(failure));
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

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, cancellationToken);
        var allowed = _options.AllowPrivateAddresses ? addresses : [.. addresses.Where(PublicAddress.Is)];
        if (allowed.Length == 0)
            throw new AddressRefusedException();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What the owner of the webhook needs to know, and nothing of this node's network.</summary>
    private static string Explain(HttpRequestException failure) => failure switch
    {
        { InnerException: AddressRefusedException } => "The name has no address on the public internet.",
        { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } } => "The name cannot be resolved.",
        { HttpRequestError: HttpRequestError.SecureConnectionError } => "No secure connection could be made: check the certificate.",
        { HttpRequestError: HttpRequestError.NameResolutionError } => "The name cannot be resolved.",
        { HttpRequestError: HttpRequestError.ConnectionError } => "No connection could be made.",
        _ => "The receiver broke the connection, or did not answer as HTTP has it.",
    };

    private sealed class AddressRefusedException() : IOException("The name has no address that may be connected to.");
}
