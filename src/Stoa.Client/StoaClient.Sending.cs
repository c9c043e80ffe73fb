using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    private const string IdempotencyKeyHeader = "Idempotency-Key";
    private const string OrganisationHeader = "Stoa-Organisation";

    /// <summary>One call, which may take several attempts.</summary>
    /// <param name="Method">Of HTTP.</param>
    /// <param name="Path">Below <c>/api/v1/</c>, with its query.</param>
    /// <param name="Body">Makes the body anew for each attempt; null for none.</param>
    /// <param name="IdempotencyKey">The same in each attempt; null for none.</param>
    private sealed record Call(HttpMethod Method, string Path, Func<HttpContent>? Body = null, string? IdempotencyKey = null)
    {
        /// <summary>Added to each attempt.</summary>
        public Action<HttpRequestMessage>? Prepare { get; init; }

        /// <summary>False for a body that can be sent only once.</summary>
        public bool IsBodyRepeatable { get; init; } = true;

        /// <summary>SHA-256 of the body where it is known, so that a signed one need not be held to be hashed.</summary>
        public ContentHash? BodyHash { get; init; }

        /// <summary>How long to wait for the head of the answer instead of <see cref="StoaClientOptions.ResponseTimeout"/>.</summary>
        public TimeSpan? ResponseTimeout { get; init; }

        public bool IsRepeatable => IsBodyRepeatable && (Method != HttpMethod.Post || IdempotencyKey is not null);

        public static Call Making(string path, Func<HttpContent> body, string? idempotencyKey = null) =>
            new(HttpMethod.Post, path, body, idempotencyKey ?? NewIdempotencyKey());
    }

    private const long LongBodyBytes = 4 << 20;

    private static string NewIdempotencyKey() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static ByteArrayContent JsonBody<T>(T body, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> SendAsync<T>(Call call, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(call, cancellationToken);
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonSerializer.DeserializeAsync(body, type, cancellationToken)
                ?? throw new JsonException("The answer is null.");
        }
        catch (JsonException notJson)
        {
            throw new StoaException(Unreadable(response, notJson.Message));
        }
        catch (IOException broken)
        {
            // In the middle of an answer: the request was done, and what came of it is not known here.
            throw new NodeUnreachableException(Options.Address, broken);
        }
    }

    /// <summary>Sends until an answer comes that is worth having; its body has not been read yet.</summary>
    /// <exception cref="StoaException">The node refused.</exception>
    /// <exception cref="NodeUnreachableException">No attempt reached it.</exception>
    private async Task<HttpResponseMessage> SendAsync(Call call, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var isLast = attempt >= Options.MaxAttempts || !call.IsRepeatable;
            HttpResponseMessage response;
            try
            {
                response = await SendOnceAsync(call, cancellationToken);
            }
            catch (Exception failure) when (IsNetworkFailure(failure, cancellationToken))
            {
                if (isLast)
                    throw new NodeUnreachableException(Options.Address, failure);
                await PauseAsync(attempt, asked: null, cancellationToken);
                continue;
            }

            if (response.IsSuccessStatusCode)
                return response;
            using (response)
            {
                var asked = RetryAfter(response);
                if (isLast || !IsPassing(response.StatusCode, asked) || asked > Options.MaxRetryDelay)
                    throw new StoaException(await ReadProblemAsync(response, cancellationToken));
                await PauseAsync(attempt, asked, cancellationToken);
            }
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Call call, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(call.Method, new Uri(_api, call.Path));
        request.Content = call.Body?.Invoke();
        if (call.IdempotencyKey is not null)
            request.Headers.Add(IdempotencyKeyHeader, call.IdempotencyKey);
        if (Options.TokenSource is { } source)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await source(cancellationToken));
        call.Prepare?.Invoke(request);
        // A node that refuses a long body for its length says so before it is sent, not by hanging up in the middle.
        if (request.Content is ByteArrayContent { Headers.ContentLength: > LongBodyBytes })
            request.Headers.ExpectContinue = true;
        if (Options.SigningKey is { } key)
            await SignAsync(request, key, call.BodyHash, cancellationToken);
        // A large body takes its time before the head of the answer can come: only silence after it is a failure, and the
        // connection notices that by itself.
        var isLarge = request.Content is not null and not ByteArrayContent;
        using var patience = new CancellationTokenSource(
            isLarge ? Timeout.InfiniteTimeSpan : call.ResponseTimeout ?? Options.ResponseTimeout, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
    }

    private static bool IsNetworkFailure(Exception failure, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested
        && failure is HttpRequestException or IOException or OperationCanceledException or TimeoutException;

    // A conflict that passes is that of an earlier attempt which the node still works on.
    private static bool IsPassing(HttpStatusCode status, TimeSpan? asked) => status
        is HttpStatusCode.RequestTimeout
        or HttpStatusCode.TooManyRequests
        or HttpStatusCode.BadGateway
        or HttpStatusCode.ServiceUnavailable
        or HttpStatusCode.GatewayTimeout
        || (status is HttpStatusCode.Conflict && asked is not null);

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - Options.TimeProvider.GetUtcNow(),
        _ => null,
    };

    /// <summary>Waits before the next attempt: doubling, half of it by chance, so that many clients do not come back at once.</summary>
    private Task PauseAsync(int attempt, TimeSpan? asked, CancellationToken cancellationToken)
    {
        var longest = Math.Min(
            Options.RetryDelay.TotalMilliseconds * Math.Pow(2, attempt - 1), Options.MaxRetryDelay.TotalMilliseconds);
        var delayMs = longest / 2 + Random.Shared.NextDouble() * longest / 2;
        var delay = TimeSpan.FromMilliseconds(Math.Max(delayMs, asked?.TotalMilliseconds ?? 0));
        return Task.Delay(delay, Options.TimeProvider, cancellationToken);
    }

    private static async Task<Problem> ReadProblemAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        const int maxProblemBytes = 1 << 20;
        if (response.RequestMessage?.Method == HttpMethod.Head)
            return Wordless(response);
        try
        {
            await response.Content.LoadIntoBufferAsync(maxProblemBytes, cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: cancellationToken);
            var problem = json.RootElement.Deserialize(StoaJson.Default.Problem);
            if (problem is { Code: not null, Detail: not null })
                return problem with { Status = (int)response.StatusCode };
            if (ReadOpenAiError(json.RootElement, response) is { } refusal)
                return refusal;
        }
        catch (Exception unreadable) when (unreadable is JsonException or HttpRequestException or IOException)
        {
            // Something between here and the node answered in its own words: the status is all that is to be had.
        }

        return Unreadable(response, "the answer is not problem details");
    }

    /// <summary>What an answer to HEAD comes to, which has no body that could say it.</summary>
    private static Problem Wordless(HttpResponseMessage response) => new(
        "about:blank",
        response.ReasonPhrase ?? response.StatusCode.ToString(),
        (int)response.StatusCode,
        $"{response.RequestMessage?.Method} {response.RequestMessage?.RequestUri} answered {(int)response.StatusCode} {response.ReasonPhrase}, and an answer to HEAD says no more.",
        response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => "unauthenticated",
            HttpStatusCode.Forbidden => "forbidden",
            HttpStatusCode.TooManyRequests => "rateLimited",
            _ => "unexplained",
        });

    private static Problem Unreadable(HttpResponseMessage response, string why) => new(
        "about:blank",
        response.ReasonPhrase ?? response.StatusCode.ToString(),
        (int)response.StatusCode,
        $"{response.RequestMessage?.Method} {response.RequestMessage?.RequestUri} answered {(int)response.StatusCode} {response.ReasonPhrase}, "
        + $"but not as a Stoa node does ({why}). Is there a Stoa node of this version at that address?",
        "notANode");
}
