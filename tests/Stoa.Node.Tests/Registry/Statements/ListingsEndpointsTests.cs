using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Statements;
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
    public async Task Statements_OfEveryKindAndSchema_FollowWhatIsPublished()
    {
        var key = StatementSamples.Key;
        var (offer, listing) = (StatementSamples.Offer(), StatementSamples.Listing());
        StatementContent[] contents =
        [
            .. Enum.GetValues<StatementKind>().Select(StatementSamples.Of),
            new ProfileStatement(null, null), new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), false, null),
            new DeprecationStatement("resize", SemanticVersion.Parse("1.0.0"), false, null, "No more."),
            new ReviewStatement(StatementSamples.Review().Of with { Version = null }, Verdict: null),
            new TransferStatement("resize", To: null, From: null), new TransferStatement("resize", To: null, KeyedListing.Parse($"{key.PublicKey.PeerId}/scale")),
            new SummaryStatement(StatementSamples.Now.AddDays(-30), StatementSamples.Now, []),
            offer with { Models = [ContentHash.Of("weights"u8)] },
            offer with { Sells = [new OfferedModel(new KeyedListing(key.PublicKey.PeerId, "tiny", SemanticVersion.Parse("1.0.0")), Money.Parse("0.5"), Money.Parse("1.5"), 8_192, 81)] },
            offer with { Runs = [new PostedRun(ContentHash.Of("program"u8), new AgentPrice(Money.Parse("0.5"), Money.Zero, Money.Zero))] },
            With(listing, "\"category\": \"images\""), With(listing, "\"models\": [{ \"listing\": \"ann/tiny\", \"range\": \"^1.0.0\" }]"),
            With(listing, "\"asks\": [{ \"auto\": [\"chat\"], \"maxRequests\": 2, \"maxPrice\": \"0.01\" }]"),
            With(listing, "\"uses\": [{ \"agent\": \"ann/echo@1.2.0\", \"range\": \"^1.2\", \"maxCalls\": 1, \"maxPrice\": \"1\" }]"),
        ];
        var signed = contents.Select(content =>
        {
            var payload = Statement.SignWorked(key, StatementSamples.At(), content, AdmissionPolicy.Default with { StrangerWorkBits = 1 }, Stop).Value.Payload;
            return (content.Kind, Schema: (int)JsonNode.Parse(payload)!["schema"]!, Payload: payload);
        }).ToList();
        // None is left out, whatever is added.
        signed.Select(one => (one.Kind, one.Schema)).Distinct().Order()
            .ShouldBe(Enum.GetValues<StatementKind>().SelectMany(kind => Enumerable.Range(1, kind.LatestSchema()).Select(schema => (kind, schema))).Order());

        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        foreach (var (kind, version, payload) in signed)
        {
            using var answer = await http.GetAsync("/schemas/" + StatementSchemas.FileOf(kind, version), Stop);
            (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((HttpStatusCode.OK, "application/schema+json"));
            var schema = await answer.Content.ReadAsStringAsync(Stop);
            PortSchema.Validate(schema, payload).ShouldBeEmpty(Encoding.UTF8.GetString(payload));
            PortSchema.Validate(schema, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(payload).Replace("\"hlc\"", "\"clock\"", StringComparison.Ordinal))).ShouldNotBeEmpty();
        }

        static AgentListing With(AgentListing plain, string member)
        {
            var json = $"{plain.ManifestJson.TrimEnd().TrimEnd('}')}, {member} }}";
            return plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
        }
    }
}
