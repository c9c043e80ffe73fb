using System.Buffers;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    private const string LastEvent = "[DONE]";

    // A model that is asked for a long answer as a whole says nothing until it has it.
    private static readonly TimeSpan s_modelPatience = TimeSpan.FromMinutes(10);

    /// <summary><c>POST /api/v1/replicas</c>: registers a server that has a model. Administrators only.</summary>
    public Task<ReplicaResponse> AddReplicaAsync(AddReplicaRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("replicas", request, StoaJson.Default.AddReplicaRequest, StoaJson.Default.ReplicaResponse, cancellationToken);

    /// <summary><c>GET /api/v1/replicas</c>, all pages. Administrators only.</summary>
    public IAsyncEnumerable<ReplicaResponse> ListReplicasAsync(CancellationToken cancellationToken = default) =>
        ListAsync("replicas", StoaJson.Default.ListResponseReplicaResponse, cancellationToken);

    /// <summary><c>GET /api/v1/replicas/{id}</c>. Administrators only.</summary>
    public Task<ReplicaResponse> GetReplicaAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(ReplicaPath(id), StoaJson.Default.ReplicaResponse, cancellationToken);

    /// <summary><c>PATCH /api/v1/replicas/{id}</c>: what is null stays. Administrators only.</summary>
    public Task<ReplicaResponse> UpdateReplicaAsync(string id, UpdateReplicaRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Patch, ReplicaPath(id), () => JsonBody(request, StoaJson.Default.UpdateReplicaRequest)), StoaJson.Default.ReplicaResponse, cancellationToken);

    /// <summary><c>PUT</c> or <c>DELETE /api/v1/replicas/{id}/draining</c>: gives it no more requests, or some again. Administrators only.</summary>
    public Task<ReplicaResponse> DrainReplicaAsync(string id, bool isDraining, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(isDraining ? HttpMethod.Put : HttpMethod.Delete, ReplicaPath(id) + "/draining"), StoaJson.Default.ReplicaResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/replicas/{id}</c>. Administrators only.</summary>
    public Task RemoveReplicaAsync(string id, CancellationToken cancellationToken = default) => DeleteAsync(ReplicaPath(id), cancellationToken);

    /// <summary><c>PUT /api/v1/routes/{name}</c>, or <c>/{publisher}/{name}</c> for a listing of yours: has the name stand for models.</summary>
    public Task<RouteResponse> SetRouteAsync(string name, SetRouteRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, RoutePath(name), () => JsonBody(request, StoaJson.Default.SetRouteRequest)), StoaJson.Default.RouteResponse, cancellationToken);

    /// <summary><c>GET /api/v1/routes</c>: your routes, and those for everybody.</summary>
    public IAsyncEnumerable<RouteResponse> ListRoutesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("routes", StoaJson.Default.ListResponseRouteResponse, cancellationToken);

    /// <summary><c>GET /api/v1/routes/{name}</c>.</summary>
    public Task<RouteResponse> GetRouteAsync(string name, CancellationToken cancellationToken = default) =>
        GetAsync(RoutePath(name), StoaJson.Default.RouteResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/routes/{name}</c>.</summary>
    /// <param name="name">Of a route of yours, or of one for everybody.</param>
    /// <param name="forAll">Whether the one for everybody is meant; administrators only.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task RemoveRouteAsync(string name, bool forAll = false, CancellationToken cancellationToken = default) =>
        DeleteAsync(RoutePath(name) + Query(("forAll", forAll ? "true" : null)), cancellationToken);

    /// <summary><c>GET /v1/models</c> of OpenAI's API: what models the node serves, and your routes.</summary>
    public async Task<IReadOnlyList<ServedModel>> ListModelsAsync(CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Get, "/v1/models"), cancellationToken);
        using var list = await ReadJsonAsync(response, cancellationToken);
        return [.. list.RootElement.GetProperty("data").EnumerateArray().Select(ReadModel)];
    }

    /// <summary><c>POST /v1/chat/completions</c> of OpenAI's API: asks a model one thing. It is paid for, and never repeated by itself.</summary>
    /// <param name="question">What it is asked.</param>
    /// <param name="words">Told the answer as it comes; null to have it as a whole.</param>
    /// <param name="cancellationToken">Stops it; what was written until then may be charged.</param>
    /// <exception cref="StoaException">The node refused, or the answer broke off.</exception>
    public async Task<ModelAnswer> AskModelAsync(ModelQuestion question, IProgress<string>? words = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        var body = WriteQuestion(question, isStream: words is not null);
        var call = new Call(HttpMethod.Post, "/v1/chat/completions", () => new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } })
        {
            ResponseTimeout = s_modelPatience,
            Prepare = question.MaxPrice is { } most ? request => request.Headers.TryAddWithoutValidation("Stoa-Max-Price", most) : null,
        };
        using var response = await SendAsync(call, cancellationToken);
        var answer = new ModelAnswer("", HeaderOf(response, "Stoa-Model"), HeaderOf(response, "Stoa-Replica"), HeaderOf(response, "Stoa-Cost"), null, null);
        return words is null ? await ReadAnswerAsync(response, answer, cancellationToken) : await ReadWordsAsync(response, answer, words, cancellationToken);
    }

    private static async Task<ModelAnswer> ReadAnswerAsync(HttpResponseMessage response, ModelAnswer answer, CancellationToken cancellationToken)
    {
        using var json = await ReadJsonAsync(response, cancellationToken);
        return WithUsage(answer with { Text = TextOf(json.RootElement, "message") ?? "" }, json.RootElement);
    }

    private async Task<ModelAnswer> ReadWordsAsync(HttpResponseMessage response, ModelAnswer answer, IProgress<string> words, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var guarded = new IdleTimeoutStream(body, Options.EventIdleTimeout, Options.TimeProvider);
        await foreach (var happened in SseParser.Create(guarded, (_, data) => Encoding.UTF8.GetString(data)).EnumerateAsync(cancellationToken))
        {
            if (happened.Data == LastEvent)
                return answer with { Text = text.ToString() };
            using var json = ParseJson(response, happened.Data);
            if (ReadOpenAiError(json.RootElement, response) is { } broken)
                throw new StoaException(broken);
            answer = WithUsage(answer, json.RootElement);
            if (TextOf(json.RootElement, "delta") is not { Length: > 0 } piece)
                continue;
            text.Append(piece);
            words.Report(piece);
        }

        throw new StoaException(Unreadable(response, "the answer ended before it was whole"));
    }

    private static byte[] WriteQuestion(ModelQuestion question, bool isStream)
    {
        var buffer = new ArrayBufferWriter<byte>(question.Prompt.Length + 256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("model", question.Model);
            json.WriteStartArray("messages");
            if (question.Instructions is { } instructions)
                WriteMessage(json, "system", instructions);
            WriteMessage(json, "user", question.Prompt);
            json.WriteEndArray();
            if (question.MaxTokens is { } most)
                json.WriteNumber("max_tokens", most);
            if (isStream)
            {
                json.WriteBoolean("stream", true);
                json.WriteStartObject("stream_options");
                json.WriteBoolean("include_usage", true);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteMessage(Utf8JsonWriter json, string role, string content)
    {
        json.WriteStartObject();
        json.WriteString("role", role);
        json.WriteString("content", content);
        json.WriteEndObject();
    }

    private static string? TextOf(JsonElement answer, string member) =>
        Member(answer, "choices") is { ValueKind: JsonValueKind.Array } choices && choices.GetArrayLength() > 0 && Member(choices[0], member) is { } message ? StringOf(message, "content") : null;

    private static ModelAnswer WithUsage(ModelAnswer answer, JsonElement json) => Member(json, "usage") is not { ValueKind: JsonValueKind.Object } usage
        ? answer
        : answer with { Cost = StringOf(usage, "cost") ?? answer.Cost, InputTokens = NumberOf(usage, "prompt_tokens"), OutputTokens = NumberOf(usage, "completion_tokens") };

    private static ServedModel ReadModel(JsonElement model)
    {
        var price = Member(model, "price_per_million_tokens");
        return new ServedModel(
            StringOf(model, "id") ?? "",
            StringOf(model, "owned_by") ?? "",
            Member(model, "capabilities") is { ValueKind: JsonValueKind.Array } capabilities ? [.. capabilities.EnumerateArray().Select(capability => capability.ToString())] : [],
            (int?)NumberOf(model, "replicas"),
            NumberOf(model, "context_length"),
            price is { } input ? StringOf(input, "input") : null,
            price is { } output ? StringOf(output, "output") : null)
        {
            Suppliers = Member(model, "suppliers") is { ValueKind: JsonValueKind.Array } suppliers ? [.. suppliers.EnumerateArray().Select(supplier => supplier.ToString())] : null,
        };
    }

    private static async Task<JsonDocument> ReadJsonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonDocument.ParseAsync(body, cancellationToken: cancellationToken);
        }
        catch (JsonException notJson)
        {
            throw new StoaException(Unreadable(response, notJson.Message));
        }
    }

    private static JsonDocument ParseJson(HttpResponseMessage response, string text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException notJson)
        {
            throw new StoaException(Unreadable(response, notJson.Message));
        }
    }

    /// <summary>A refusal in the form of OpenAI's API, as the others are told; null when it is none.</summary>
    private static Problem? ReadOpenAiError(JsonElement answer, HttpResponseMessage response) =>
        Member(answer, "error") is { ValueKind: JsonValueKind.Object } error && StringOf(error, "message") is { } message
            ? new Problem("about:blank", StringOf(error, "type") ?? "error", (int)response.StatusCode, message, StringOf(error, "code") ?? "unexplained")
            : null;

    private static JsonElement? Member(JsonElement json, string name) => json.ValueKind is JsonValueKind.Object && json.TryGetProperty(name, out var member) ? member : null;

    private static string? StringOf(JsonElement json, string name) => Member(json, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static long? NumberOf(JsonElement json, string name) => Member(json, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var whole) ? whole : null;

    private static string? HeaderOf(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static string ReplicaPath(string id) => $"replicas/{Uri.EscapeDataString(id)}";

    // publisher/name is two segments.
    private static string RoutePath(string name) => $"routes/{string.Join('/', name.Split('/').Select(Uri.EscapeDataString))}";
}
