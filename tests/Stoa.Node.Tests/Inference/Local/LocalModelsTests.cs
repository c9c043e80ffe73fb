using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Llama.Tests.Models;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Local;

/// <summary>Models that a node runs itself: a real engine in a real process, and a tiny model.</summary>
[Trait("needs", "node")]
public sealed class LocalModelsTests : IAsyncLifetime
{
    private const string Publisher = "stoa";
    private const string Listed = $"{Publisher}/local@1.0.0";

    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-local-").FullName;
    private InferenceNode? _node;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string ModelFile => Path.Combine(_folder, "tiny.gguf");

    public ValueTask InitializeAsync()
    {
        TinyModel.Save(ModelFile);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Model_OfTheOptions_IsServed_Billed_AndShown()
    {
        var node = await StartAsync(await LlamaLibraries.FindAsync(Stop));
        // What has no listing cannot run yet; it does as soon as there is one.
        await Eventually.IsSoAsync(async () => await LocalAsync() is { } local && (local["state"], local["reason"]) is ({ } state, { } reason) && state.GetValue<string>() == "refused" && reason.GetValue<string>().Contains("is offered", StringComparison.Ordinal));
        await PublishAsync();
        await Eventually.IsSoAsync(IsRunningAsync);

        var answer = await InferenceNode.ReadAsync(await node.AskAsync(node.Chat(Listed, maxTokens: 8)));

        answer["model"]!.GetValue<string>().ShouldBe(Listed);
        var used = answer["usage"]!;
        used["completion_tokens"]!.GetValue<long>().ShouldBeInRange(1, 8);
        var paid = Money.Parse("0.000001") * used["prompt_tokens"]!.GetValue<long>() + Money.Parse("0.000002") * used["completion_tokens"]!.GetValue<long>();
        await node.HasUsedAsync(1, used["prompt_tokens"]!.GetValue<long>(), used["completion_tokens"]!.GetValue<long>(), paid.ToString());
        var streamed = await InferenceNode.ReadEventsAsync(await node.AskAsync(node.Chat(Listed, stream: true, maxTokens: 8, wantsUsage: true)));
        streamed[^1].ShouldBe("[DONE]");

        var shown = await ReplicaAsync();
        shown["figures"]!["served"]!.GetValue<int>().ShouldBe(2);
        shown["local"]!["file"]!.GetValue<string>().ShouldBe(ModelFile);
        // It is the node's alone, and not a row that others of the cell would ask.
        using var drained = await node.Http.PutAsync($"/api/v1/replicas/{shown["id"]}/draining", null, Stop);
        (await InferenceNode.ReadAsync(drained, HttpStatusCode.Conflict))["code"]!.GetValue<string>().ShouldBe("replicaLocal");
        using var removed = await node.Http.DeleteAsync($"/api/v1/replicas/{shown["id"]}", Stop);
        removed.StatusCode.ShouldBe(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Process_ThatIsKilled_IsStartedAgain_AndRequestsGoElsewhereMeanwhile()
    {
        var node = await StartAsync(await LlamaLibraries.FindAsync(Stop));
        await PublishAsync();
        await Eventually.IsSoAsync(IsRunningAsync);
        var before = (await LocalAsync())!;
        await using var other = ModelServer.Start(call => call.AnswerAsync("from elsewhere"));
        await node.RegisterAsync(other, Listed);

        using (var process = Process.GetProcessById(before["processId"]!.GetValue<int>()))
        {
            process.Kill();
            await process.WaitForExitAsync(Stop);
        }

        // Whatever the node knows of it just then, the request is answered.
        using var answer = await node.AskAsync(node.Chat(Listed, maxTokens: 4));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        await Eventually.IsSoAsync(async () => await IsRunningAsync() && (await LocalAsync())!["starts"]!.GetValue<int>() == 2);
        (await LocalAsync())!["processId"]!.GetValue<int>().ShouldNotBe(before["processId"]!.GetValue<int>());
    }

    [Fact]
    public async Task File_ThatIsNotTheListedOne_IsRefused_AndTheNodeStaysUp()
    {
        var node = await StartAsync(await LlamaLibraries.FindAsync(Stop));
        await PublishAsync(digest: ContentHash.Of("something else"u8));

        await Eventually.IsSoAsync(async () => (await LocalAsync())?["reason"]?.GetValue<string>().Contains("has the digest", StringComparison.Ordinal) is true);

        (await LocalAsync())!["starts"]!.GetValue<int>().ShouldBe(0);
        using var answer = await node.AskAsync(node.Chat(Listed));
        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await node.Node.Client.GetMeAsync(Stop)).Handle.ShouldBe(Publisher);
    }

    [Theory]
    [InlineData("no libraries", "npm install")]
    [InlineData("no file", "cannot be read")]
    [InlineData("no model", "no GGUF file")]
    [InlineData("torn", "cannot load")]
    public async Task Model_ThatCannotRun_SaysWhatToDo(string fault, string reason)
    {
        var libraries = fault == "no libraries" ? _folder : await LlamaLibraries.FindAsync(Stop);
        if (fault == "no file")
            File.Delete(ModelFile);
        else if (fault == "no model")
            await File.WriteAllTextAsync(ModelFile, "This is a text and no model, though it is long enough.", Stop);
        else if (fault == "torn")
            await File.WriteAllBytesAsync(ModelFile, (await File.ReadAllBytesAsync(ModelFile, Stop))[..20_000], Stop);
        await StartAsync(libraries);
        await PublishAsync(digest: fault == "no file" ? ContentHash.Of("weights"u8) : null);

        await Eventually.IsSoAsync(async () => (await LocalAsync())?["reason"]?.GetValue<string>().Contains(reason, StringComparison.Ordinal) is true);

        (await LocalAsync())!["state"]!.GetValue<string>().ShouldBe("refused");
    }

    private async Task<InferenceNode> StartAsync(string libraries) => _node = await InferenceNode.StartAsync(
        "--Inference:LlamaLibrary", libraries, "--Inference:Local:0:Model", Listed, "--Inference:Local:0:File", ModelFile, "--Inference:Local:0:Threads", "1", "--Inference:Local:0:ContextLength", "512");

    private async Task PublishAsync(ContentHash? digest = null)
    {
        _node!.Publisher.ShouldBe(Publisher);
        var bytes = File.Exists(ModelFile) ? await File.ReadAllBytesAsync(ModelFile, Stop) : "weights"u8.ToArray();
        var content = digest is null || digest == ContentHash.Of(bytes) ? bytes : "something else"u8.ToArray();
        await _node.Node.Client.UploadAsync(new MemoryStream(content), cancellationToken: Stop);
        await _node.Node.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "local", "version": "1.0.0", "description": "A model of the tests.", "tags": [], "license": "MIT", "framework": "gguf", "contextLength": 512,
              "weights": { "digest": "{{ContentHash.Of(content)}}", "bytes": {{content.Length}} }, "capabilities": ["chat", "embeddings"], "price": { "perMillionInputTokens": "1", "perMillionOutputTokens": "2" } }
            """),
            Stop);
    }

    private async Task<bool> IsRunningAsync() => (await LocalAsync())?["state"]?.GetValue<string>() == "running";

    private async Task<JsonNode?> LocalAsync() => (await FindReplicaAsync())?["local"];

    private async Task<JsonNode> ReplicaAsync() => (await FindReplicaAsync()).ShouldNotBeNull();

    private async Task<JsonNode?> FindReplicaAsync() =>
        JsonNode.Parse(await _node!.Http.GetStringAsync("/api/v1/replicas", Stop))!["items"]!.AsArray().SingleOrDefault(one => one!["local"] is not null);
}
