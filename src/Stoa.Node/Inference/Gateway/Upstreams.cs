using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Stoa.Llama.Serving;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;
using Stoa.Node.Inference.Programs;
using Stoa.Node.Inference.Replicas;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Asks replicas over HTTP, and those that are programs in this node in the same way. Their operator has named them, so they may be anywhere, on this machine too.</summary>
/// <remarks>No redirect is followed, no proxy used, and no cookie kept. When an answer is given up, its connection is closed at once: that is how a server learns that nobody wants the rest.</remarks>
public sealed class Upstreams : IDisposable
{
    private const int MostRefusalBytes = 64 << 10;
    private const int MostListBytes = 1 << 20;

    private readonly HttpMessageInvoker _client;

    /// <param name="options">How long it may take to reach one.</param>
    /// <param name="programs">Models that are programs in this node.</param>
    [SuppressMessage("Reliability", "CA2000", Justification = "The invoker disposes of its handler.")]
    public Upstreams(InferenceOptions options, ModelPrograms programs)
    {
        ArgumentNullException.ThrowIfNull(options);
        _client = new HttpMessageInvoker(new ProgramHandler(programs, new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = 32,
            MaxResponseDrainSize = 0,
            ResponseDrainTimeout = TimeSpan.Zero,
            ConnectTimeout = TimeSpan.FromMilliseconds(options.ConnectMs),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        }));
    }

    /// <summary>Sends a request, and answers when the head of the answer is there.</summary>
    /// <param name="replica">Which.</param>
    /// <param name="kind">Which endpoint.</param>
    /// <param name="body">JSON.</param>
    /// <param name="isStream">Whether a stream of events is asked for.</param>
    /// <param name="scope">Whose it is, in a word for the replica; null to say nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>One of status 200.</returns>
    /// <exception cref="UpstreamException">It refused; a client's fault, as it sees it, is in <see cref="UpstreamException.ClientFault"/>.</exception>
    internal async Task<HttpResponseMessage> SendAsync(Replica replica, InferenceKind kind, byte[] body, bool isStream, string? scope, CancellationToken cancellationToken)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, replica.AddressOf(kind)) { Content = new ByteArrayContent(body) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        message.Options.Set(ProgramHandler.IsStream, isStream);
        if (isStream)
            message.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
        if (scope is not null)
            message.Headers.TryAddWithoutValidation(ServingOptions.ScopeHeader, scope);
        if (Activity.Current?.Id is { } trace)
            message.Headers.TryAddWithoutValidation("traceparent", trace);
        return await SendAsync(replica.Key?.Authorization, message, cancellationToken);
    }

    /// <summary>Sends what somebody else has made, and answers when the head of the answer is there, of whatever status.</summary>
    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancellationToken) => _client.SendAsync(message, cancellationToken);

    /// <summary>Asks a replica which models it has: whoever answers is well.</summary>
    internal async Task CheckAsync(Replica replica, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(replica.Key?.Authorization, new HttpRequestMessage(HttpMethod.Get, replica.ModelsAddress), cancellationToken);
        await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
        using var buffer = new GrowingBuffer(MostRefusalBytes);
        // Read to its end, so that the connection is good for more; a longer list is not read.
        await buffer.FillAsync(stream, MostRefusalBytes, cancellationToken);
    }

    /// <summary>Asks a server that is not registered yet what its models are called.</summary>
    /// <param name="address">Of its API.</param>
    /// <param name="key">That it is asked with; null for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UpstreamException">It refused, or what it answered is no list of models.</exception>
    internal async Task<IReadOnlyList<string>> ListModelsAsync(Uri address, string? key, CancellationToken cancellationToken)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, address.AbsoluteUri.TrimEnd('/') + "/models");
        using var answer = await SendAsync(key is null ? null : $"Bearer {key}", message, cancellationToken);
        await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
        using var buffer = new GrowingBuffer(MostListBytes);
        await buffer.FillAsync(stream, int.MaxValue, cancellationToken);

        return ModelList.TryRead(buffer.Memory) ?? throw new UpstreamException(UpstreamFailureKind.Malformed, "What it answered is no list of models.");
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendAsync(string? authorization, HttpRequestMessage message, CancellationToken cancellationToken)
    {
        using (message)
        {
            if (authorization is not null)
                message.Headers.TryAddWithoutValidation("Authorization", authorization);
            var answer = await _client.SendAsync(message, cancellationToken);
            if (answer.StatusCode is HttpStatusCode.OK)
                return answer;
            using (answer)
                throw await ReadRefusalAsync(answer, cancellationToken);
        }
    }

    private static async Task<UpstreamException> ReadRefusalAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var status = (int)answer.StatusCode;
        var said = "";
        using var buffer = new GrowingBuffer(MostRefusalBytes);
        await using (var stream = await answer.Content.ReadAsStreamAsync(cancellationToken))
        {
            await buffer.FillAsync(stream, MostRefusalBytes, cancellationToken);
        }

        if (AnswerReading.TryRead(buffer.Span, out var reading))
            said = ReplicaCheck.Cut(reading.ErrorMessage ?? "");
        // Servers repeat what they were sent, prompts and keys: that goes to nobody but whoever has sent it, and into no log.
        return new UpstreamException(UpstreamFailureKind.Refused, $"It answered {status}.")
        {
            Said = said,
            IsBusy = answer.StatusCode is HttpStatusCode.TooManyRequests,
            // What other servers of the same model would say as well. That there is no such model, or who asks, is between operator and server.
            ClientFault = answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity
                ? new OpenAiError(status, "invalid_request_error", "refused_by_model", said.Length > 0 ? said : $"The model's server answered {status} and said nothing of why.")
                : null,
        };
    }
}
