using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Stoa.Node.Payments;

/// <summary>Sends requests to Stripe's HTTP API, by its own rules of versions, idempotency and retries.</summary>
/// <remarks>
/// A request is tried again when Stripe says so by <c>Stripe-Should-Retry</c>, and where it says nothing after a broken connection, 409 (another attempt with the
/// same key is under way), 429 and 5xx; that is safe since whoever changes something gives an idempotency key. Answers are bounded, redirects are not
/// followed, and the key goes to no other address. Keys, bodies and answers are never logged.
/// </remarks>
public sealed class StripeHttp : IDisposable
{
    /// <summary>The version of the API that the shapes here are of.</summary>
    public const string ApiVersion = "2025-03-31.basil";

    private const int MaxAnswerBytes = 1 << 20;
    private const string RetryHeader = "Stripe-Should-Retry";

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);
    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 32 };

    private readonly HttpClient _client;
    private readonly PaymentsOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;

    [SuppressMessage("Reliability", "CA2000", Justification = "The client disposes of its handler.")]
    public StripeHttp(PaymentsOptions options, TimeProvider time, Random random)
        : this(options, time, random, NewHandler())
    {
    }

    /// <param name="options">Where Stripe is, and the key.</param>
    /// <param name="time">Pauses between attempts.</param>
    /// <param name="random">Their length.</param>
    /// <param name="handler">Sends; disposed of with this.</param>
    public StripeHttp(PaymentsOptions options, TimeProvider time, Random random, HttpMessageHandler handler)
    {
        (_options, _time, _random) = (options, time, random);
        _client = new HttpClient(handler) { BaseAddress = new Uri(options.StripeUrl), Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("stoa-payments");
        _client.DefaultRequestHeaders.Add("Stripe-Version", ApiVersion);
        if (options.IsOn)
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.StripeKey);
    }

    /// <summary>Asks for something.</summary>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    internal Task<JsonElement> GetAsync(string path, StripeForm query, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path + query, null, null, cancellationToken);

    /// <summary>Has something made or changed.</summary>
    /// <param name="path">Below the address of the API.</param>
    /// <param name="form">The parameters.</param>
    /// <param name="idempotencyKey">The same for the same act, however often it is asked for.</param>
    /// <param name="cancellationToken">Gives up: it may have been done.</param>
    /// <exception cref="StripeException">Stripe refused, or cannot be reached.</exception>
    internal Task<JsonElement> PostAsync(string path, StripeForm form, string idempotencyKey, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, form, idempotencyKey, cancellationToken);

    public void Dispose() => _client.Dispose();

    internal static SocketsHttpHandler NewHandler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = 32,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectTimeout = TimeSpan.FromSeconds(10),
    };

    private async Task<JsonElement> SendAsync(HttpMethod method, string path, StripeForm? form, string? idempotencyKey, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (answer, failure, pause) = await TryAsync(method, path, form, idempotencyKey, cancellationToken);
            if (failure is null)
                return answer;
            if (pause is not { } asked || attempt >= _options.MaxAttempts)
                throw failure;
            var longest = Math.Min(s_longestPause.TotalMilliseconds, s_firstPause.TotalMilliseconds * Math.Pow(2, attempt - 1));
            double chance;
            lock (_random)
                chance = _random.NextDouble();
            var wait = TimeSpan.FromMilliseconds(longest / 2 * (1 + chance));
            await Task.Delay(wait > asked ? wait : asked, _time, cancellationToken);
        }
    }

    /// <summary>One attempt: the answer, or what went wrong and, where trying again helps, how long to wait at least.</summary>
    private async Task<(JsonElement Answer, StripeException? Failure, TimeSpan? Pause)> TryAsync(
        HttpMethod method, string path, StripeForm? form, string? idempotencyKey, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TimeoutMs);
        using var request = new HttpRequestMessage(method, path) { Content = form?.ToContent() };
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            await response.Content.LoadIntoBufferAsync(MaxAnswerBytes, patience.Token);
            await using var body = await response.Content.ReadAsStreamAsync(patience.Token);
            var status = (int)response.StatusCode;
            using var document = await ParseAsync(body, patience.Token);
            if (status is >= 200 and < 300)
            {
                return document?.RootElement is { ValueKind: JsonValueKind.Object } root
                    ? (root.Clone(), null, null)
                    : (default, new StripeException("Stripe's answer cannot be read.", isFinal: false), TimeSpan.Zero);
            }

            return (default, Explain(status, document?.RootElement), IsWorthAnother(response, status) ? RetryAfter(response) : null);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, new StripeException($"Stripe did not answer within {_options.TimeoutMs} ms.", isFinal: false, inner: late), TimeSpan.Zero);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return (default, new StripeException("Stripe cannot be reached, or has broken the connection.", isFinal: false, inner: broken), TimeSpan.Zero);
        }
    }

    private static async Task<JsonDocument?> ParseAsync(Stream body, CancellationToken cancellationToken)
    {
        try
        {
            return await JsonDocument.ParseAsync(body, s_json, cancellationToken);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsWorthAnother(HttpResponseMessage response, int status) =>
        response.Headers.TryGetValues(RetryHeader, out var said) && said.FirstOrDefault() is { } word && word is "true" or "false"
            ? word == "true"
            : status is 409 or 429 or >= 500;

    private TimeSpan RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - _time.GetUtcNow(),
            _ => TimeSpan.Zero,
        };
        return asked > TimeSpan.Zero && asked <= TimeSpan.FromMinutes(1) ? asked : TimeSpan.Zero;
    }

    /// <summary>A refusal is final unless another attempt under the same key may be under way, or it was one too many.</summary>
    private static StripeException Explain(int status, JsonElement? answer)
    {
        var error = answer is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("error", out var found) && found.ValueKind is JsonValueKind.Object ? found : default;
        var code = error.ValueKind is JsonValueKind.Object ? error.Text("code") ?? error.Text("type") : null;
        var isFinal = status is >= 400 and < 500 and not (401 or 403 or 408 or 409 or 429);
        // Stripe's own words may repeat what it was sent; of a wrong key it shows the end.
        var said = status is 401 or 403 || error.ValueKind is not JsonValueKind.Object ? null : error.Text("message");
        return new StripeException(
            status is 401 or 403
                ? "Stripe does not take this node's key: the operator has to look at Payments:StripeKey."
                : said is null ? $"Stripe answered {status}." : $"Stripe says: {(said.Length > 300 ? said[..300] : said)}",
            isFinal,
            code);
    }
}
