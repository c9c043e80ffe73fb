using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Goods;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>That a publisher has contradicted itself is shown wherever one looks at what it has published, with the proof.</summary>
public sealed class ContradictionsEndpointsTests : IAsyncLifetime
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private TestNode _node = null!;
    private StoaClient _anybody = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _anybody = new StoaClient(new StoaClientOptions { Address = _node.Client.Options.Address });
    }

    public async ValueTask DisposeAsync()
    {
        _anybody.Dispose();
        await _node.DisposeAsync();
        _key.Dispose();
    }

    [Fact]
    public async Task Contradiction_IsShownWithTheProof_WhereverThePublisherIs()
    {
        await AddAsync(_key, new ProfileStatement("Ann", "ann.example.org"), StatementStoreConformance.Listing("1.0.0"), StatementStoreConformance.Listing("1.1.0"));
        (await _anybody.ListContradictionsAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
        await AddAsync(_key, StatementStoreConformance.Listing("1.1.0", "other"));
        var publisher = _key.PublicKey.PeerId.ToString();

        var told = (await _anybody.ListContradictionsAsync("ann.example.org", Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        (told.Listing, told.Publisher.Contradictions, told.StatementIds.Count).ShouldBe(($"{publisher}/resize@1.1.0", 1, 2));
        (await _anybody.ListContradictionsAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Listing.ShouldBe(told.Listing);
        var proof = await _anybody.GetContradictionAsync(AgentReference.Parse(told.Listing), Stop);
        Contradiction.FindFault(KeyedListing.Parse(told.Listing), proof.Statements[0], proof.Statements[1]).ShouldBeNull();
        proof.Statements.Select(statement => ContentHash.Of(statement.Payload).ToString()).ShouldBe(told.StatementIds);

        var details = await _anybody.GetListingAsync(publisher, "resize", Stop);
        (details.Publisher.Contradictions, details.Newest).ShouldBe((1, "1.0.0"));
        var version = (await _anybody.ListListingVersionsAsync(publisher, "resize", cancellationToken: Stop).ToListAsync(Stop))[0];
        (version.State, version.StatementId, version.ContradictionId).ShouldBe(("contradicted", told.StatementIds[0], told.StatementIds[1]));
        (await _anybody.ListListingsAsync(cancellationToken: Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Publisher.Contradictions.ShouldBe(1);
        (await _node.Client.ListSignersAsync("vouched", Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Contradictions.ShouldBe(1);
    }

    [Fact]
    public async Task Contradiction_OfGoods_IsNotHandedOut()
    {
        await _node.Client.UploadAsync(new MemoryStream("content"u8.ToArray()), cancellationToken: Stop);
        var published = await _node.Client.PublishListingAsync(Encoding.UTF8.GetBytes(GoodsSamples.Json(ListingKind.Model)), Stop);
        var listing = new AgentReference(published.Publisher.Handle!, "small-thing", "1.0.0");
        await DownloadAsync(listing);

        // As after a backup was brought back: the key that the cell keeps has signed another one elsewhere.
        var services = _node.Host.Services;
        using var key = await services.GetRequiredService<Database>().ReadAsync(
            async session => await PublisherKeys.FindAsync(
                session, services.GetRequiredService<CellKey>(), await session.QuerySingleAsync<Id<User>>("SELECT user_id FROM publisher_keys WHERE handle = @handle", new { handle = published.Publisher.Handle })),
            Stop);
        var other = GoodsSamples.Json(ListingKind.Model).Replace("A small thing.", "Another thing.", StringComparison.Ordinal);
        await AddAsync(key.ShouldNotBeNull(), new GoodsStatement(GoodsSamples.Read(other), other));

        (await Should.ThrowAsync<StoaException>(() => DownloadAsync(listing))).Code.ShouldBe("listingContradicted");
        (await Should.ThrowAsync<StoaException>(() => _anybody.ResolveListingAsync(published.Publisher.Key, "small-thing", cancellationToken: Stop))).Code.ShouldBe("versionsConflict");

        Task DownloadAsync(AgentReference from) => _node.Client.DownloadListingContentAsync(from, GoodsSamples.Content.ToString(), new MemoryStream(), cancellationToken: Stop);
    }

    [Theory]
    [InlineData("contradictions?publisher=nobody", HttpStatusCode.NotFound)]
    [InlineData("contradictions?cursor=one", HttpStatusCode.BadRequest)]
    [InlineData("contradictions?cursor=QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N%2Fresize", HttpStatusCode.BadRequest)]
    [InlineData("contradictions/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/resize/1.0.0", HttpStatusCode.NotFound)]
    [InlineData("contradictions/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/UPPER/1.0.0", HttpStatusCode.NotFound)]
    [InlineData("contradictions/nobody/resize/one", HttpStatusCode.NotFound)]
    public async Task Contradictions_OfWhatThereIsNot_AreRefused(string path, HttpStatusCode status)
    {
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        using var answer = await http.GetAsync("/api/v1/" + path, Stop);
        answer.StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task Contradictions_OfMany_AreReadPageByPage()
    {
        for (var minor = 0; minor < 5; minor++)
            await AddAsync(_key, StatementStoreConformance.Listing($"1.{minor}.0"), StatementStoreConformance.Listing($"1.{minor}.0", "other"));

        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        List<string> read = [];
        string? cursor = null;
        do
        {
            using var page = System.Text.Json.JsonDocument.Parse(await http.GetStringAsync($"/api/v1/contradictions?limit=2{(cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}", Stop));
            read.AddRange(page.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("version").GetString()!));
            cursor = page.RootElement.TryGetProperty("nextCursor", out var next) ? next.GetString() : null;
        }
        while (cursor is not null);
        read.ShouldBe(["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]);
    }

    private async Task AddAsync(PrivateKey key, params StatementContent[] contents)
    {
        var store = _node.Host.Services.GetRequiredService<IStatementStore>();
        await store.RaiseStandingAsync(key.PublicKey.PeerId, SignerStanding.Vouched, Stop);
        var now = DateTimeOffset.UtcNow;
        var statements = contents.Select(content => Statement.Sign(key, new Hlc(now.ToUnixTimeMilliseconds(), 0), content).Value).ToList();
        (await store.AddAsync(statements, now, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
    }
}
