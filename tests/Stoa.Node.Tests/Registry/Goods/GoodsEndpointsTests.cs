using System.Net;
using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Goods;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Goods;

/// <summary>Models, datasets, templates and bundles: published, found, handed out and withdrawn, as whoever uses a node sees it.</summary>
public sealed class GoodsEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Model_ThatIsPublished_IsFoundByWhatItSays_AndItsBytesAreHandedOut()
    {
        await UploadAsync();
        var published = await PublishAsync(ListingKind.Model);
        (published.Kind, published.Name, published.Content).ShouldBe(("model", "small-thing", new BlobResponse(GoodsSamples.Content.ToString(), 7)));
        (await PublishAsync(ListingKind.Model)).StatementId.ShouldBe(published.StatementId);

        using var reader = await _node.JoinAsync("reader");
        foreach (var query in (ListingQuery[])
        [
            new("small") { Kind = "model" }, new() { Category = "language" }, new() { License = "mit" }, new() { License = "Apache-2.0" }, new() { Framework = "gguf" }, new() { Quantisation = "q4_k_m" },
            new() { MinContextLength = 8_192 }, new() { MinPrice = "0.04", MaxPrice = "0.04" }, new() { MaxProgramBytes = 7 }, new("gguf llama"), new() { Capabilities = ["chat"] },
        ])
        {
            (await reader.SearchListingsAsync(query, cancellationToken: Stop)).Items.ShouldHaveSingleItem(query.ToString()).Model.ShouldBe(
                new ModelBody("gguf", "llama", "Q4_K_M", 8_192, 1_100_048_384, "0.040000000", "0.080000000"));
        }

        foreach (var query in (ListingQuery[])
            [new() { Kind = "agent" }, new() { License = "GPL-3.0" }, new() { Framework = "onnx" }, new() { MinContextLength = 8_193 }, new() { MaxProgramBytes = 6 }, new() { MaxPrice = "0.039" }, new() { Region = "eu-central" }])
        {
            (await reader.SearchListingsAsync(query, cancellationToken: Stop)).Total.ShouldBe(0, query.ToString());
        }

        var found = await reader.SearchListingsAsync(new ListingQuery { Facets = ["kind", "license", "quantisation"] }, cancellationToken: Stop);
        found.Facets!["kind"].ShouldBe([new FacetCountBody("model", 1)]);
        found.Facets["license"].ShouldBe([new FacetCountBody("apache-2.0", 1), new FacetCountBody("mit", 1)]);
        found.Facets["quantisation"].ShouldBe([new FacetCountBody("q4_k_m", 1)]);
        var details = await reader.GetListingAsync(published.Publisher.Handle!, "small-thing", Stop);
        (details.Kind, details.Newest, details.Versions.ShouldHaveSingleItem().Content!.SizeBytes).ShouldBe(("model", "1.0.0", 7));
        using var bytes = new MemoryStream();
        await reader.DownloadListingContentAsync(new AgentReference(published.Publisher.Handle!, "small-thing", "1.0.0"), details.Versions[0].Content!.Digest, bytes, cancellationToken: Stop);
        Encoding.UTF8.GetString(bytes.ToArray()).ShouldBe("content");
        var statement = Statement.Open(await reader.GetStatementAsync(ContentHash.Parse(published.StatementId), Stop)).Value;
        statement.Content.ShouldBeOfType<GoodsStatement>().ManifestJson.ShouldBe(GoodsSamples.Json(ListingKind.Model));
    }

    [Theory]
    [InlineData(ListingKind.Dataset)]
    [InlineData(ListingKind.Template)]
    [InlineData(ListingKind.Bundle)]
    public async Task Goods_OfTheOtherKinds_ArePublished_WithdrawnAndReinstated(ListingKind kind)
    {
        await UploadAsync();
        var published = await PublishAsync(kind);
        (published.Kind, published.Dataset is null, published.Template is null, published.Requires?.Count).ShouldBe(
            (kind.ToString().ToLowerInvariant(), kind is not ListingKind.Dataset, kind is not ListingKind.Template, kind switch { ListingKind.Dataset => null, ListingKind.Template => 1, _ => 2 }));
        await PublishAsync(kind, "1.1.0");
        var listing = new AgentReference(published.Publisher.Handle!, "small-thing");

        (await _node.Client.WithdrawListingAsync(listing with { Version = "1.1.0" }, "It is wrong.", Stop)).ShouldSatisfyAllConditions(
            offer => offer.Versions.ShouldBe(["1.1.0"]), offer => offer.Newest.ShouldBe("1.0.0"));
        (await _node.Client.SearchListingsAsync(new ListingQuery { Kind = published.Kind }, cancellationToken: Stop)).Items.ShouldHaveSingleItem().Version.ShouldBe("1.0.0");
        (await _node.Client.GetListingAsync(listing.Publisher, "small-thing", Stop)).Versions[0].ShouldSatisfyAllConditions(
            version => version.State.ShouldBe("withdrawn"), version => version.Withdrawal!.Reason.ShouldBe("It is wrong."));
        (await RefusedAsync(() => PublishAsync(kind, "1.1.0"))).ShouldBe("listingWithdrawn");
        if (kind is not ListingKind.Bundle)
            (await RefusedAsync(() => DownloadAsync(listing with { Version = "1.1.0" }))).ShouldBe("listingWithdrawn");
        else
            (await RefusedAsync(() => DownloadAsync(listing with { Version = "1.0.0" }))).ShouldBe("listingContentGone");

        (await _node.Client.ReinstateListingAsync(listing with { Version = "1.1.0" }, Stop)).Newest.ShouldBe("1.1.0");
        (await _node.Client.ReinstateListingAsync(listing with { Version = "1.1.0" }, Stop)).Versions.ShouldBeEmpty();
        (await _node.Client.WithdrawListingAsync(listing, cancellationToken: Stop)).ShouldSatisfyAllConditions(offer => offer.Versions.ShouldBe(["1.0.0", "1.1.0"]), offer => offer.Newest.ShouldBeNull());
        (await _node.Client.SearchListingsAsync(cancellationToken: Stop)).Total.ShouldBe(0);
    }

    [Fact]
    public async Task Publication_ThatCannotBe_IsRefused_AndSaysWhy()
    {
        (await RefusedAsync(() => PublishAsync(ListingKind.Model))).ShouldBe("contentNotYours");
        using var other = await _node.JoinAsync("other");
        await UploadAsync(other);
        (await RefusedAsync(() => PublishAsync(ListingKind.Model))).ShouldBe("contentNotYours");
        await UploadAsync();
        var published = await PublishAsync(ListingKind.Model);
        (await RefusedAsync(() => _node.Client.PublishListingAsync(Encoding.UTF8.GetBytes(GoodsSamples.Json(ListingKind.Model).Replace("A small", "Another", StringComparison.Ordinal)), Stop))).ShouldBe("listingExists");
        (await RefusedAsync(() => PublishAsync(ListingKind.Dataset, "2.0.0"))).ShouldBe("nameOfOtherKind");
        var faults = await Should.ThrowAsync<StoaException>(() => _node.Client.PublishListingAsync("{ \"kind\": \"model\" }"u8.ToArray(), Stop));
        (faults.Code, faults.Problem.Errors!.Count).ShouldBe(("goodsInvalid", 6));

        var listing = new AgentReference(published.Publisher.Handle!, "small-thing", "1.0.0");
        (await RefusedAsync(() => other.WithdrawListingAsync(listing, cancellationToken: Stop))).ShouldBe("listingNotYours");
        (await RefusedAsync(() => _node.Client.WithdrawListingAsync(listing with { Version = "9.0.0" }, cancellationToken: Stop))).ShouldBe("listingNotYours");
        (await RefusedAsync(() => _node.Client.WithdrawListingAsync(listing, "two\nlines", Stop))).ShouldBe("reasonInvalid");
        (await RefusedAsync(() => DownloadAsync(listing with { Version = "9.0.0" }))).ShouldBe("listingContentGone");
        // What the publisher does not keep is not there, whoever else has it.
        await _node.Client.DeleteBlobAsync(GoodsSamples.Content.ToString(), Stop);
        (await RefusedAsync(() => DownloadAsync(listing))).ShouldBe("listingContentGone");
    }

    [Fact]
    public async Task Name_IsOfOneKind_AndAgentsAreStillAgentsAlone()
    {
        await UploadAsync();
        var agent = await _node.PublishAsync("small-thing", GuestPrograms.Echo);
        (await RefusedAsync(() => PublishAsync(ListingKind.Model))).ShouldBe("nameOfOtherKind");
        await _node.Client.PublishListingAsync(Encoding.UTF8.GetBytes(GoodsSamples.Json(ListingKind.Bundle).Replace("small-thing", "a-bundle", StringComparison.Ordinal)), Stop);
        (await RefusedAsync(() => _node.PublishAsync("a-bundle", GuestPrograms.Echo))).ShouldBe("nameOfOtherKind");

        (await _node.RunAsync(agent)).State.ShouldBe("succeeded");
        var publisher = AgentReference.Parse(agent).Publisher;
        (await _node.Client.ListAgentsAsync(cancellationToken: Stop).ToListAsync(Stop)).Select(found => found.Name).ShouldNotContain("a-bundle");
        (await RefusedAsync(() => _node.Client.SubmitTextAsync($"{publisher}/a-bundle", "x", cancellationToken: Stop))).ShouldBe("agentUnknown");
        (await _node.Client.SearchListingsAsync(new ListingQuery { Facets = ["kind"], Kind = "bundle" }, cancellationToken: Stop)).Facets!["kind"].ShouldBe([new FacetCountBody("bundle", 1)]);
    }

    [Fact]
    public async Task Bundle_IsResolved_ToAllThatBelongsToIt_WithDigestsToKeep()
    {
        await UploadAsync();
        var model = await PublishAsync(ListingKind.Model, "1.2.0", requires: "[]");
        var handle = model.Publisher.Handle!;
        var page = await PublishAgentAsync("page", $$"""[{ "listing": "{{handle}}/small-thing", "range": "^1.0.0" }, { "listing": "{{handle}}/large-thing", "preferred": true }]""");
        await _node.Client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""{ "kind": "bundle", "name": "kit", "version": "1.0.0", "description": "All of it.", "tags": [], "listings": [{ "listing": "{{handle}}/page", "range": "1.x" }] }"""), Stop);

        var resolved = await _node.Client.ResolveListingAsync(handle, "kit", cancellationToken: Stop);

        resolved.Versions.Select(version => $"{version.Kind} {version.Name}@{version.Version}<{string.Join(',', version.NeededBy)}").ShouldBe(
            [$"bundle {handle}/kit@1.0.0<", $"agent {handle}/page@1.0.0<{handle}/kit@1.0.0", $"model {handle}/small-thing@1.2.0<{handle}/page@1.0.0"]);
        var (bundle, agent, weights) = (resolved.Versions[0], resolved.Versions[1], resolved.Versions[2]);
        (bundle.Content, bundle.ProgramDigest, agent.ProgramDigest, agent.ArtifactDigest).ShouldBe((null, null, page.ProgramDigest, page.ArtifactDigest));
        (weights.Content, weights.StatementId).ShouldBe((new BlobResponse(GoodsSamples.Content.ToString(), 7), model.StatementId));
        var left = resolved.LeftOut.ShouldNotBeNull().ShouldHaveSingleItem();
        (left.Name, left.PreferredBy, left.Reason).ShouldBe(
            ($"{handle}/large-thing@*", $"{handle}/page@1.0.0", $"{handle}/page@1.0.0 prefers the model {handle}/large-thing@*, and no version of it is offered."));
        foreach (var version in resolved.Versions)
        {
            var listed = (ListingStatement)Statement.Open(await _node.Client.GetStatementAsync(ContentHash.Parse(version.StatementId), Stop)).Value.Content;
            version.ManifestDigest.ShouldBe(ContentHash.Of(Encoding.UTF8.GetBytes(listed.ManifestJson)).ToString());
        }

        // What an agent needs is on its pages, and in its listing.
        AgentModelBody[] needs = [new($"{handle}/small-thing", "^1.0.0"), new($"{handle}/large-thing", Preferred: true)];
        page.Models.ShouldBe(needs);
        (await _node.Client.SearchListingsAsync(new ListingQuery { Kind = "agent" }, cancellationToken: Stop)).Items.ShouldHaveSingleItem().Models.ShouldBe(needs);
        // Whoever asks for it with another version is told why not.
        await PublishAsync(ListingKind.Model, "2.0.0", requires: "[]");
        var conflict = await Should.ThrowAsync<StoaException>(() => _node.Client.ResolveListingAsync(handle, "page", also: [$"{handle}/small-thing@^2.0.0"], cancellationToken: Stop));
        conflict.Message.ShouldContain($"{handle}/page@1.0.0 needs the model {handle}/small-thing@^1.0.0");
        var statement = await _node.Client.GetStatementAsync(ContentHash.Parse(agent.StatementId), Stop);
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        PortSchema.Validate(await http.GetStringAsync("/schemas/" + StatementSchemas.FileOf(StatementKind.Listing, 3), Stop), statement.Payload).ShouldBeEmpty();
    }

    [Fact]
    public async Task Agent_WithCategoryAndLicense_IsFoundByThem_AndShowsThem()
    {
        var manifest = Encoding.UTF8.GetBytes(
            """
            { "name": "echo", "version": "1.0.0", "description": "Repeats what it reads.", "capabilities": ["text.echo"], "program": "echo.wasm", "category": "text-tools", "license": "MIT OR Apache-2.0",
              "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
              "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
              "price": { "base": "0.0001", "perMegabyte": "0", "perGigafuel": "0.5" } }
            """);
        var agent = await _node.Client.PublishAgentAsync(manifest, new MemoryStream(GuestPrograms.Echo), cancellationToken: Stop);
        (agent.Category, agent.License).ShouldBe(("text-tools", "MIT OR Apache-2.0"));
        await _node.PublishAsync("plain", GuestPrograms.Echo);

        (await _node.Client.GetAgentAsync(AgentReference.Parse(agent.Listing), Stop)).Category.ShouldBe("text-tools");
        var found = (await _node.Client.SearchListingsAsync(new ListingQuery { Category = "text-tools", License = "apache-2.0" }, cancellationToken: Stop)).Items.ShouldHaveSingleItem();
        (found.Kind, found.Name, found.Category, found.License).ShouldBe(("agent", "echo", "text-tools", "MIT OR Apache-2.0"));
        (await _node.RunAsync(agent.Listing)).State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Manifests_AndTheirStatements_FollowTheirPublishedSchemas()
    {
        using var key = PrivateKey.Generate();
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        foreach (var kind in GoodsSamples.Kinds)
        {
            var (json, file) = (GoodsSamples.Json(kind), StatementSchemas.FileOf(kind));
            PortSchema.Validate(await ReadAsync(file), Encoding.UTF8.GetBytes(json)).ShouldBeEmpty(kind.ToString());
            PortSchema.Validate(await ReadAsync(file), Encoding.UTF8.GetBytes(json.Replace("\"small-thing\"", "\"Small\"", StringComparison.Ordinal))).ShouldNotBeEmpty(kind.ToString());
            PortSchema.Validate(await ReadAsync(file), Encoding.UTF8.GetBytes(json.Replace("\"tags\"", "\"labels\"", StringComparison.Ordinal))).ShouldNotBeEmpty(kind.ToString());
            var payload = Statement.Sign(key, new Hlc(1_764_000_000_000, 0), new GoodsStatement(GoodsSamples.Read(json), json)).Value.Payload;
            var statement = await ReadAsync(StatementSchemas.FileOf(StatementKind.Listing, 2));
            PortSchema.Validate(statement, payload).ShouldBeEmpty(kind.ToString());
            PortSchema.Validate(statement, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(payload).Replace("\"schema\":2", "\"schema\":1", StringComparison.Ordinal))).ShouldNotBeEmpty();
        }

        async Task<string> ReadAsync(string file)
        {
            using var answer = await http.GetAsync("/schemas/" + file, Stop);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK, file);
            return await answer.Content.ReadAsStringAsync(Stop);
        }
    }

    private async Task UploadAsync(StoaClient? by = null) => await (by ?? _node.Client).UploadAsync(new MemoryStream("content"u8.ToArray()), cancellationToken: Stop);

    private Task<ListingResponse> PublishAsync(ListingKind kind, string version = "1.0.0", string? requires = null)
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(GoodsSamples.Json(kind, version))!.AsObject();
        if (requires is not null)
            json["requires"] = System.Text.Json.Nodes.JsonNode.Parse(requires);
        return _node.Client.PublishListingAsync(Encoding.UTF8.GetBytes(requires is null ? GoodsSamples.Json(kind, version) : json.ToJsonString()), Stop);
    }

    private Task<AgentResponse> PublishAgentAsync(string name, string models) => _node.Client.PublishAgentAsync(
        Encoding.UTF8.GetBytes(
            $$"""
            { "name": "{{name}}", "version": "1.0.0", "description": "Repeats what it reads.", "capabilities": ["text.echo"], "program": "echo.wasm", "models": {{models}},
              "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
              "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
              "price": { "base": "0.0001", "perMegabyte": "0", "perGigafuel": "0.5" } }
            """),
        new MemoryStream(GuestPrograms.Echo),
        cancellationToken: Stop);

    private Task DownloadAsync(AgentReference listing) => _node.Client.DownloadListingContentAsync(listing, GoodsSamples.Content.ToString(), new MemoryStream(), cancellationToken: Stop);

    private static async Task<string> RefusedAsync(Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Code;
}
