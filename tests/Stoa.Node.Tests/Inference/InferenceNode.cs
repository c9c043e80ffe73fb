using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>A node with a model of its administrator's, and what tests need to ask it.</summary>
public sealed class InferenceNode : IAsyncDisposable
{
    private readonly TestNode _node;

    private InferenceNode(TestNode node, HttpClient http, string publisher) => (_node, Http, Publisher) = (node, http, publisher);

    /// <summary>As the administrator, who has published the model and pays with ten dollars.</summary>
    public HttpClient Http { get; }

    /// <summary>Handle of the administrator.</summary>
    public string Publisher { get; }

    /// <summary>The version that replicas serve unless they are told of another.</summary>
    public string Model => $"{Publisher}/tiny@1.0.0";

    public TestNode Node => _node;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<InferenceNode> StartAsync(params string[] options) => StartAsync(NodePhysics.Real, options);

    /// <summary>Starts one with a clock of the test's own.</summary>
    public static async Task<InferenceNode> StartAsync(NodePhysics physics, params string[] options)
    {
        var node = await TestNode.StartAsync(null, physics, options);
        var publisher = (await node.Client.GetMeAsync(Stop)).Handle;
        // Who gives up an answer closes its connection, and does not read on for a while in the hope of its end.
        var handler = new SocketsHttpHandler { MaxResponseDrainSize = 0, ResponseDrainTimeout = TimeSpan.Zero };
        var http = new HttpClient(handler) { BaseAddress = node.Client.Options.Address, Timeout = TimeSpan.FromMinutes(3) };
        http.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", node.Client.Options.ApiKey);
        var all = new InferenceNode(node, http, publisher);
        await all.PublishAsync("1.0.0");
        return all;
    }

    /// <summary>Lists a version of the model, at 1 and 2 dollars for a million tokens read and written, or for nothing.</summary>
    public async Task PublishAsync(string version, string name = "tiny", bool isFree = false, string capability = "chat")
    {
        await _node.Client.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: Stop);
        var price = isFree ? "" : """, "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" }""";
        await _node.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "{{name}}", "version": "{{version}}", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["{{capability}}"]{{price}} }
            """),
            Stop);
    }

    /// <summary>Registers a server, and answers the replica's id.</summary>
    public async Task<string> RegisterAsync(ModelServer server, string? model = null, int maxRequests = 64, string? region = null, string? key = null, int weight = 1)
    {
        using var answer = await RegisterAsync(server.Address, model, maxRequests, region, key, weight);
        var text = await answer.Content.ReadAsStringAsync(Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, text);
        return JsonNode.Parse(text)!["id"]!.GetValue<string>();
    }

    /// <summary>Registers an address without asking whether anybody is there.</summary>
    public Task<HttpResponseMessage> RegisterAsync(string address, string? model = null, int maxRequests = 64, string? region = null, string? key = null, int weight = 1) => Http.PostAsJsonAsync(
        "/api/v1/replicas", new { model = model ?? Model, address, upstreamModel = "tiny", maxRequests, region, apiKey = key, weight, skipCheck = true }, Stop);

    /// <summary>Asks a model.</summary>
    public async Task<HttpResponseMessage> AskAsync(object body, string path = "chat/completions", HttpClient? http = null, CancellationToken? cancellationToken = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/" + path) { Content = JsonContent.Create(body) };
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await (http ?? Http).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken ?? Stop);
    }

    /// <summary>The body of a chat request.</summary>
    public object Chat(string? model = null, bool stream = false, int? maxTokens = 50, string content = "Say hello", bool wantsUsage = false) => new
    {
        model = model ?? Model,
        messages = new[] { new { role = "user", content } },
        stream,
        max_tokens = maxTokens,
        stream_options = wantsUsage ? new { include_usage = true } : null,
    };

    /// <summary>What an answer says, which has to have the status.</summary>
    public static async Task<JsonNode> ReadAsync(HttpResponseMessage answer, HttpStatusCode status = HttpStatusCode.OK)
    {
        var text = await answer.Content.ReadAsStringAsync(Stop);
        answer.StatusCode.ShouldBe(status, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>The data of the events of a streamed answer.</summary>
    public static async Task<List<string>> ReadEventsAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync(Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(one => one.StartsWith("data: ", StringComparison.Ordinal) ? one[6..] : one)];
    }

    /// <summary>What events have of the answer's text.</summary>
    public static string TextOf(IEnumerable<string> events) => string.Concat(events
        .Where(data => data.StartsWith('{')).Select(data => JsonNode.Parse(data)!["choices"]?.AsArray() is [{ } choice, ..] ? choice["delta"]?["content"]?.GetValue<string>() : null));

    /// <summary>What usage says of requests to models: how many were paid for, tokens, and what they cost.</summary>
    public async Task<(long Requests, long Input, long Output, Money Paid)> UsedAsync()
    {
        await foreach (var row in _node.Client.ListUsageAsync(new UsageQuery { By = "month", GroupBy = "kind" }, Stop))
        {
            if (row.Group == "inference")
                return (row.Requests, row.InputTokens, row.OutputTokens, Money.Parse(row.Paid));
        }

        return default;
    }

    /// <summary>Waits until usage says this.</summary>
    public async Task HasUsedAsync(long requests, long input, long output, string paid)
    {
        var expected = (requests, input, output, Money.Parse(paid));
        (long, long, long, Money) last = default;
        try
        {
            await Eventually.IsSoAsync(async () => (last = await UsedAsync()) == expected);
        }
        catch (TimeoutException)
        {
            // Says what it is instead.
        }

        last.ShouldBe(expected);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _node.DisposeAsync();
    }
}
