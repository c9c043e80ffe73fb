using System.Net;
using System.Text;
using Stoa.Client;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>The network's catalogue, as whoever asks a node sees it.</summary>
public sealed class ListingsEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Agent_ThatIsPublished_IsInTheNetworksCatalogue_AndEverybodyCanCheckIt()
    {
        var manifest = Encoding.UTF8.GetBytes(
            """
            { "name": "echo", "version": "1.0.0", "description": "Repeats  what it reads.", "capabilities": ["text.echo"], "program": "echo.wasm",
              "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
              "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
              "price": { "base": "0.0001", "perMegabyte": "0", "perGigafuel": "0.5" } }
            """);
        var agent = await _node.Client.PublishAgentAsync(manifest, new MemoryStream(GuestPrograms.Echo), cancellationToken: Stop);

        using var anybody = new StoaClient(new StoaClientOptions { Address = _node.Client.Options.Address });
        var found = (await anybody.ListListingsAsync(new ListingQuery("repeats") { Capabilities = ["text.echo"], Publisher = agent.Publisher }, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        (found.Listing, found.ArtifactDigest, found.Publisher.Verified).ShouldBe(($"{found.Publisher.Key}/echo@1.0.0", agent.ArtifactDigest, true));
        var details = await anybody.GetListingAsync(found.Publisher.Key, "echo", Stop);
        (details.Newest, details.Versions.ShouldHaveSingleItem().State).ShouldBe(("1.0.0", "offered"));
        (await anybody.GetListingAsync(agent.Publisher, "echo", Stop)).Publisher.ShouldBe(found.Publisher);

        var envelope = await anybody.GetStatementAsync(ContentHash.Parse(found.StatementId), Stop);
        ContentHash.Of(envelope.Payload).ToString().ShouldBe(found.StatementId);
        var statement = Statement.Open(envelope).Value;
        (statement.SignerId.ToString(), ((AgentListing)statement.Content).ManifestJson).ShouldBe((found.Publisher.Key, Encoding.UTF8.GetString(manifest)));
    }

    [Fact]
    public async Task Get_WhatThereIsNot_IsNotFound()
    {
        foreach (var path in new[] { "listings/nobody/echo", "listings/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/echo", "listings/nobody/UPPER", $"statements/{ContentHash.Of("no"u8)}", "statements/no" })
        {
            using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
            using var answer = await http.GetAsync("/api/v1/" + path, Stop);
            answer.StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }
    }

    [Fact]
    public async Task Statements_OfEveryKind_FollowTheirPublishedSchemas()
    {
        using var key = PrivateKey.Generate();
        var now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
        StatementContent[] contents =
        [
            new ProfileStatement("Ann", "ann.example.org"), new ProfileStatement(null, null), StatementStoreConformance.Listing("1.0.0"),
            new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, "It loses colours."), new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), false, null),
            new DeprecationStatement("resize", null, true, KeyedListing.Parse($"{key.PublicKey.PeerId}/scale@2.0.0"), null),
            new DeprecationStatement("resize", SemanticVersion.Parse("1.0.0"), false, null, "No more."), StatementStoreConformance.Offer(1),
        ];
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        foreach (var content in contents)
        {
            using var answer = await http.GetAsync("/schemas/" + StatementSchemas.FileOf(content.Kind), Stop);
            (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((HttpStatusCode.OK, "application/schema+json"));
            var schema = await answer.Content.ReadAsStringAsync(Stop);
            var payload = Statement.SignWorked(key, new Hlc(now.ToUnixTimeMilliseconds(), 0), content, AdmissionPolicy.Default with { StrangerWorkBits = 1 }, TestContext.Current.CancellationToken).Value.Payload;
            PortSchema.Validate(schema, payload).ShouldBeEmpty(content.ToString());
            PortSchema.Validate(schema, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(payload).Replace("\"hlc\"", "\"clock\"", StringComparison.Ordinal))).ShouldNotBeEmpty();
        }
    }
}
