using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Registry.Discovery.Semantic;

/// <summary>A node with an embedding model finds what means the same; without its answer it finds what has the words.</summary>
public sealed class SemanticSearchTests : IAsyncLifetime
{
    private EmbeddingServer _model = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _model = await EmbeddingServer.StartAsync();

    public ValueTask DisposeAsync() => _model.DisposeAsync();

    [Fact]
    public async Task Search_FindsWhatMeansTheSame_BehindOrBesideWhatHasTheWords()
    {
        await using var node = await StartAsync();
        await PublishAsync(node);

        var found = await node.Client.SearchListingsAsync(new ListingQuery("enlarge photo "), cancellationToken: Stop);

        found.Meaning.ShouldBe("used");
        found.Items[0].Name.ShouldBe("resize-image");
        (found.Total, string.Join(' ', found.Items.Select(item => item.Name).Order())).ShouldBe((3, "interpret-speech rain-forecast resize-image"));
        // What has the words and means the same stands first.
        (await node.Client.SearchListingsAsync(new ListingQuery("rain "), cancellationToken: Stop)).Items[0].Name.ShouldBe("rain-forecast");
        // What else is asked for has to hold.
        (await node.Client.SearchListingsAsync(new ListingQuery("enlarge photo ") { Capabilities = ["weather.tell"] }, cancellationToken: Stop)).Items.ShouldHaveSingleItem().Name.ShouldBe("rain-forecast");
        // In another order it is by words alone, and the model is not asked.
        var ordered = await node.Client.SearchListingsAsync(new ListingQuery("enlarge photo ") { Sort = "price" }, cancellationToken: Stop);
        (ordered.Total, ordered.Meaning).ShouldBe((0, null));

        var pages = new List<string>();
        string? cursor = null;
        do
        {
            var page = await node.Client.SearchListingsAsync(new ListingQuery("enlarge photo "), limit: 1, cursor, Stop);
            pages.AddRange(page.Items.Select(item => item.Name));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        pages.ShouldBe(found.Items.Select(item => item.Name));
        _model.Texts.Count(text => text == "enlarge photo").ShouldBe(1);
        _model.Keys.ShouldAllBe(key => key == "Bearer secret");
    }

    [Fact]
    public async Task Start_AfterAStop_AsksTheModelForNothingThatItHasReadBefore()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
        await using (var first = await StartAsync(folder))
            await PublishAsync(first);
        var asked = _model.Texts.Count;

        await using (var second = await StartAsync(folder))
        {
            await HasReadAsync(second, 3);
            (await second.Client.SearchListingsAsync(new ListingQuery("bigger picture "), cancellationToken: Stop)).Items[0].Name.ShouldBe("resize-image");
        }

        _model.Texts.Skip(asked).ShouldBe(["bigger picture"]);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("late", "late")]
    [InlineData("status", "failed")]
    [InlineData("garbage", "failed")]
    [InlineData("short", "failed")]
    public async Task Search_WithoutTheModelsAnswer_IsByWords_AndSaysSo(string fault, string meaning)
    {
        await using var node = await StartAsync();
        await PublishAsync(node);
        using var released = new SemaphoreSlim(0);
        _model.Fault = fault switch
        {
            "late" => _ => released.WaitAsync(Stop),
            "status" => RefuseAsync,
            "garbage" => context => context.Response.WriteAsync("{\"data\":[{\"index\":0,\"embedding\":\"none\"}]}"),
            _ => context => context.Response.WriteAsync("{\"data\":[]}"),
        };

        var found = await node.Client.SearchListingsAsync(new ListingQuery("rain "), cancellationToken: Stop);
        released.Release(10);

        (found.Meaning, found.Items.ShouldHaveSingleItem().Name).ShouldBe((meaning, "rain-forecast"));

        static Task RefuseAsync(HttpContext context)
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Withdrawal_TakesWhatTheModelHasMadeAway()
    {
        await using var node = await StartAsync();
        await PublishAsync(node);
        var publisher = (await node.Client.SearchListingsAsync(cancellationToken: Stop)).Items[0].Publisher.Handle!;

        await node.Client.WithdrawAgentAsync(new AgentReference(publisher, "resize-image"), cancellationToken: Stop);

        await HasReadAsync(node, 2);
        (await node.Client.SearchListingsAsync(new ListingQuery("enlarge photo "), cancellationToken: Stop)).Items.ShouldNotContain(item => item.Name == "resize-image");
    }

    [Theory]
    [InlineData("--Embeddings:Url", "http://embeddings.example.org/v1")]
    [InlineData("--Embeddings:Url", "not an address")]
    [InlineData("--Embeddings:KeyFile", "/nowhere/key")]
    [InlineData("--Embeddings:QueryMs", "0")]
    [InlineData("--Embeddings:Dimensions", "8")]
    public async Task Options_ThatCannotBeUsed_StopTheStart(string option, string value) =>
        (await Should.ThrowAsync<Exception>(async () => await (await TestNode.StartAsync(null, "--Embeddings:Model", "words", option, value)).DisposeAsync())).Message.ShouldContain(option.TrimStart('-'));

    private async Task<TestNode> StartAsync(string? folder = null)
    {
        var file = Path.Combine(Path.GetTempPath(), $"stoa-key-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(file, "secret\n", Stop);
        // Long enough for a machine that has much else to do; what is to be late is never answered.
        var node = await TestNode.StartAsync(folder, "--Embeddings:Url", _model.Url, "--Embeddings:Model", "words", "--Embeddings:KeyFile", file, "--Embeddings:QueryMs", "5000");
        File.Delete(file);
        return node;
    }

    private static async Task PublishAsync(TestNode node)
    {
        foreach (var (name, capability) in new[] { ("resize-image", "graphics.run"), ("rain-forecast", "weather.tell"), ("interpret-speech", "language.run") })
            await TestNode.PublishAsync(node.Client, name, GuestPrograms.Echo, capability: capability);
        await HasReadAsync(node, 3);
    }

    private static Task HasReadAsync(TestNode node, int count) => Eventually.IsSoAsync(() => node.Host.Services.GetRequiredService<VectorIndex>().Count == count);
}
