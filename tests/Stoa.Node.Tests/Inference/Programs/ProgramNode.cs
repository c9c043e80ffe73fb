using System.Text;
using System.Text.Json.Nodes;
using Stoa.Node.Tests.Observability;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Programs;

/// <summary>A node that serves a program as a model, and its log.</summary>
internal sealed class ProgramNode : IAsyncDisposable
{
    /// <summary>The version that the node serves.</summary>
    public const string Model = "stoa/program@1.0.0";

    private readonly NodeLog _log = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("stoa-program-");
    private InferenceNode? _all;

    /// <summary>The node.</summary>
    public InferenceNode All => _all!;

    /// <summary>The file of the program.</summary>
    public string File => Path.Combine(_folder.FullName, "model.wasm");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts one, and waits until it serves the program.</summary>
    public static Task<ProgramNode> StartAsync(byte[] program, params string[] options) => StartAsync(program, isFree: false, options);

    /// <summary>Starts one whose model costs nothing, or 1 and 2 dollars for a million tokens read and written.</summary>
    public static async Task<ProgramNode> StartAsync(byte[] program, bool isFree, params string[] options)
    {
        var node = await StartUnlistedAsync(program, options);
        try
        {
            await node.PublishAsync(program, isFree);
            await Eventually.IsSoAsync(async () => (await node.LocalAsync())?["state"]?.GetValue<string>() == "running", "The program is not served.");
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one with a program that nobody has listed yet.</summary>
    public static async Task<ProgramNode> StartUnlistedAsync(byte[] program, params string[] options)
    {
        var node = new ProgramNode();
        await System.IO.File.WriteAllBytesAsync(node.File, program, Stop);
        node._all = await InferenceNode.StartAsync(
            ["--Inference:Local:0:Model", Model, "--Inference:Local:0:File", node.File, "--Inference:HealthSeconds", "1", "--Ledger:OpeningCredit", "1", .. node._log.Options, .. options]);
        return node;
    }

    /// <summary>Lists the version with such weights.</summary>
    public async Task PublishAsync(byte[] weights, bool isFree = false)
    {
        var price = isFree ? "" : """, "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" }""";
        await All.Node.Client.UploadAsync(new MemoryStream(weights), cancellationToken: Stop);
        await All.Node.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "program", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "wasm", "contextLength": 4096,
              "weights": { "digest": "{{ContentHash.Of(weights)}}", "bytes": {{weights.Length}} }, "capabilities": ["chat", "embeddings"]{{price}} }
            """),
            Stop);
    }

    /// <summary>Asks for what a letter stands for in a <see cref="ScriptedModel"/>.</summary>
    public Task<HttpResponseMessage> AskAsync(char letter, bool stream = false, HttpClient? http = null, CancellationToken? cancellationToken = null) =>
        All.AskAsync(All.Chat(Model, stream, content: $"#{letter}"), http: http, cancellationToken: cancellationToken);

    /// <summary>What the node says of the model that it runs; null before it says anything.</summary>
    public async Task<JsonNode?> LocalAsync() => (await ReplicaAsync())?["local"];

    /// <summary>The same as a replica.</summary>
    public async Task<JsonNode?> ReplicaAsync() =>
        JsonNode.Parse(await All.Http.GetStringAsync("/api/v1/replicas", Stop))!["items"]!.AsArray().SingleOrDefault(one => one!["local"] is not null);

    /// <summary>Lines of the node's log in which the program speaks.</summary>
    public IReadOnlyList<string> Said => [.. _log.Text.Split('\n').Where(line => line.Contains(" says: ", StringComparison.Ordinal))];

    public async ValueTask DisposeAsync()
    {
        if (_all is not null)
            await _all.DisposeAsync();
        _log.Close();
        _folder.Delete(recursive: true);
    }
}
