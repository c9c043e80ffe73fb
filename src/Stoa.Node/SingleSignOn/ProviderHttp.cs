using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.IdentityModel.Protocols;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Http;

namespace Stoa.Node.SingleSignOn;

/// <summary>An answer of a provider.</summary>
/// <param name="Status">Of HTTP.</param>
/// <param name="Json">The body; null when it is no JSON object.</param>
internal sealed record ProviderAnswer(int Status, JsonElement? Json);

/// <summary>Sends requests to identity providers, whose addresses strangers have given: connections are guarded, answers have a greatest size, and there is a time for each.</summary>
public sealed class ProviderHttp : IDocumentRetriever, IDisposable
{
    /// <summary>Most bytes of an answer.</summary>
    public const int AnswerBytesMax = 256 << 10;

    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 32 };

    private readonly HttpClient _client;
    private readonly SingleSignOnOptions _options;

    [SuppressMessage("Reliability", "CA2000", Justification = "The client disposes of its handler.")]
    public ProviderHttp(SingleSignOnOptions options, ResolveName resolve)
    {
        _options = options;
        _client = new HttpClient(StrangerConnections.NewHandler(resolve, options.AllowPrivateAddresses)) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("stoa-single-sign-on");
        _client.DefaultRequestHeaders.Accept.ParseAdd("application/json");
    }

    /// <summary>A document that is there for everybody: discovery, keys.</summary>
    /// <exception cref="ProviderException">It cannot be had.</exception>
    public async Task<string> GetDocumentAsync(string address, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Check(address));
        var (status, text) = await SendAsync(request, cancel);
        return status == StatusCodes.Status200OK
            ? text
            : throw new ProviderException(
                SingleSignOnRefusal.IdentityProviderUnreachable,
                status is >= 300 and < 400
                    ? $"{Shown(request)} answers {status}; redirects are not followed. Give the issuer exactly as the provider writes it."
                    : $"{Shown(request)} answers {status}.");
    }

    /// <summary>What the bearer of an access token may see.</summary>
    /// <exception cref="ProviderException">The provider cannot be reached.</exception>
    internal async Task<ProviderAnswer> GetAsync(string address, string accessToken, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Check(address));
        if (!request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + accessToken))
            throw new ProviderException(SingleSignOnRefusal.IdentityProviderUnusable, "The provider's access token cannot be sent.");
        return await AskAsync(request, cancellationToken);
    }

    /// <summary>Sends a form.</summary>
    /// <exception cref="ProviderException">The provider cannot be reached.</exception>
    internal async Task<ProviderAnswer> PostAsync(
        string address, IEnumerable<KeyValuePair<string, string>> form, AuthenticationHeaderValue? client, CancellationToken cancellationToken)
    {
        using var content = new FormUrlEncodedContent(form);
        using var request = new HttpRequestMessage(HttpMethod.Post, Check(address)) { Content = content };
        request.Headers.Authorization = client;
        return await AskAsync(request, cancellationToken);
    }

    public void Dispose() => _client.Dispose();

    private async Task<ProviderAnswer> AskAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (status, text) = await SendAsync(request, cancellationToken);
        try
        {
            using var document = JsonDocument.Parse(text, s_json);
            return new ProviderAnswer(status, document.RootElement.ValueKind is JsonValueKind.Object ? document.RootElement.Clone() : null);
        }
        catch (JsonException)
        {
            return new ProviderAnswer(status, null);
        }
    }

    private async Task<(int Status, string Text)> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TimeoutMs);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            await response.Content.LoadIntoBufferAsync(AnswerBytesMax, patience.Token);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(patience.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unreachable(request, $"It did not answer within {_options.TimeoutMs} ms.");
        }
        catch (HttpRequestException failure)
        {
            throw Unreachable(request, StrangerConnections.Explain(failure) ?? $"It broke the connection, did not answer as HTTP has it, or answered more than {AnswerBytesMax} bytes.", failure);
        }
        catch (Exception broken) when (broken is IOException or InvalidOperationException)
        {
            throw Unreachable(request, "It did not answer as HTTP has it.", broken);
        }
    }

    private Uri Check(string address) => Uri.TryCreate(address, UriKind.Absolute, out var url) && _options.Rules.Allows(url)
        ? url
        : throw new ProviderException(
            SingleSignOnRefusal.IdentityProviderUnusable,
            "An address of the provider may not be used from here: it has to be https://, on the public internet, and without user and password.");

    private static ProviderException Unreachable(HttpRequestMessage request, string why, Exception? inner = null) =>
        new(SingleSignOnRefusal.IdentityProviderUnreachable, $"{Shown(request)} cannot be used. {why}", inner);

    private static string Shown(HttpRequestMessage request) => request.RequestUri!.GetLeftPart(UriPartial.Path);
}
