using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>A model behind an API as OpenAI's: <c>POST {url}/embeddings</c> with <c>{ "model", "input": [texts], "dimensions"? }</c>, answered with <c>{ "data": [{ "index", "embedding": [numbers] }] }</c>.</summary>
/// <remarks>Answers are bounded, redirects are not followed, and the key goes to no other address. Texts, key and answers are never logged.</remarks>
public sealed class EmbeddingModel : IDisposable
{
    /// <summary>The most texts of one request.</summary>
    public const int TextsMax = 64;

    private const int MaxAnswerBytes = 64 << 20;
    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 8 };

    private readonly HttpClient _client;
    private readonly EmbeddingsOptions _options;

    /// <param name="options">Where the model is, if there is one. The key is read here.</param>
    [SuppressMessage("Reliability", "CA2000", Justification = "The client disposes of its handler.")]
    public EmbeddingModel(EmbeddingsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = 32,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(10),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("stoa-discovery");
        if (options.KeyFile.Length > 0)
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(options.KeyFile).Trim());
    }

    /// <summary>Whether there is a model.</summary>
    public bool IsOn => _options.IsOn;

    /// <summary>What a text and its vector are told apart by from those of other models: another model, or another number of dimensions, is another.</summary>
    public ContentHash DigestOf(string text) => ContentHash.Of(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"{_options.Model.Length}:{_options.Model}{_options.Dimensions}:{text}")));

    /// <summary>Makes vectors of texts, in their order.</summary>
    /// <param name="texts">At most <see cref="TextsMax"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EmbeddingsException">There are none.</exception>
    /// <exception cref="InvalidOperationException">There is no model.</exception>
    public async Task<IReadOnlyList<sbyte[]>> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (!IsOn)
            throw new InvalidOperationException("There is no embedding model.");
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _options.Url.TrimEnd('/') + "/embeddings")
            {
                Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(
                    new EmbeddingsRequest(_options.Model, texts, _options.Dimensions == 0 ? null : _options.Dimensions), EmbeddingsJson.Default.EmbeddingsRequest))
                {
                    Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
                },
            };
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.StatusCode is not HttpStatusCode.OK)
                throw new EmbeddingsException($"The embedding model answered {(int)response.StatusCode}.") { IsAnswer = true };
            await response.Content.LoadIntoBufferAsync(MaxAnswerBytes, cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var answer = await JsonDocument.ParseAsync(body, s_json, cancellationToken);
            return Read(answer.RootElement, texts.Count);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new EmbeddingsException($"The embedding model cannot be asked: {broken.Message}", broken) { IsAnswer = broken is not (HttpRequestException or IOException) };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static sbyte[][] Read(JsonElement answer, int count)
    {
        var data = answer.GetProperty("data");
        if (data.GetArrayLength() != count)
            throw new EmbeddingsException($"The embedding model gave {data.GetArrayLength()} vectors for {count} texts.") { IsAnswer = true };
        var vectors = new sbyte[count][];
        var place = 0;
        foreach (var item in data.EnumerateArray())
        {
            var index = item.TryGetProperty("index", out var said) ? said.GetInt32() : place;
            var embedding = item.GetProperty("embedding");
            if (index < 0 || index >= count || vectors[index] is not null || embedding.GetArrayLength() > EmbeddingVector.MostDimensions)
                throw new EmbeddingsException("The embedding model gave vectors that cannot be told apart, or with too many numbers.") { IsAnswer = true };
            vectors[index] = EmbeddingVector.Pack([.. embedding.EnumerateArray().Select(number => number.GetSingle())])
                ?? throw new EmbeddingsException("The embedding model gave a vector that points nowhere, or has too few numbers.") { IsAnswer = true };
            place++;
        }

        return vectors;
    }
}
