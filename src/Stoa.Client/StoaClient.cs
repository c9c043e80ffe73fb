using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Stoa.Client.Contracts;

namespace Stoa.Client;

/// <summary>A light client of a Stoa node: one object for a program, safe for use by many threads.</summary>
/// <remarks>
/// Refusals are <see cref="StoaException"/>, a node that cannot be reached is <see cref="NodeUnreachableException"/>. Calls that
/// may be repeated without harm are repeated by themselves, with growing waits: reads, deletions, uploads under a digest, and
/// every call that makes something, because the client sends an idempotency key of its own with it.
/// </remarks>
public sealed partial class StoaClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly Uri _api;

    /// <param name="options">Null for a node on this machine with default options.</param>
    public StoaClient(StoaClientOptions? options = null)
    {
        Options = options ?? new StoaClientOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.MaxAttempts, 1);
        if (!Options.Address.IsAbsoluteUri || Options.Address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"The address of a node starts with http:// or https://; '{Options.Address}' does not.", nameof(options));
        _api = new Uri(Options.Address, "/api/v1/");
        _http = Options.Handler is { } handler
            ? new HttpClient(handler, disposeHandler: false)
            : new HttpClient(new SocketsHttpHandler
            {
                AutomaticDecompression = DecompressionMethods.All,
                ConnectTimeout = TimeSpan.FromSeconds(10),
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                AllowAutoRedirect = false,
            });
        _http.Timeout = Timeout.InfiniteTimeSpan;
        _http.DefaultRequestHeaders.UserAgent.ParseAdd(Options.UserAgent);
        if (Options.SigningKey is null && Options.ApiKey is { Length: > 0 } key)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (Options.Organisation is { Length: > 0 } organisation)
            _http.DefaultRequestHeaders.Add(OrganisationHeader, organisation);
    }

    /// <summary>As given.</summary>
    public StoaClientOptions Options { get; }

    public void Dispose() => _http.Dispose();

    /// <summary><c>GET /api/v1/node</c>: who the node is, and the key by which its receipts are verified.</summary>
    public Task<NodeResponse> GetNodeAsync(CancellationToken cancellationToken = default) =>
        GetAsync("node", StoaJson.Default.NodeResponse, cancellationToken);

    /// <summary><c>GET /api/v1/nodes</c>: the nodes of the cell that are alive, with what they have and what of it is in use; all pages.</summary>
    public IAsyncEnumerable<ListedNodeResponse> ListNodesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("nodes", StoaJson.Default.ListResponseListedNodeResponse, cancellationToken);

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        SendAsync(new Call(HttpMethod.Get, path), type, cancellationToken);

    private Task<TAnswer> PostAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken) =>
        SendAsync(Call.Making(path, () => JsonBody(body, bodyType)), answerType, cancellationToken);

    private async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, path), cancellationToken);
    }

    /// <summary>Walks through all pages of a list.</summary>
    private async IAsyncEnumerable<T> ListAsync<T>(
        string path,
        JsonTypeInfo<ListResponse<T>> type,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
            var page = await GetAsync(
                cursor is null ? path : $"{path}{separator}cursor={Uri.EscapeDataString(cursor)}", type, cancellationToken);
            foreach (var item in page.Items)
                yield return item;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> members)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in members)
        {
            if (value is not null)
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        return query.ToString();
    }
}
