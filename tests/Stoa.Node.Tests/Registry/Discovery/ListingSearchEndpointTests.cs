using System.Net;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Registry.Discovery;

/// <summary><c>GET /api/v1/listings</c>, as whoever asks a node sees it.</summary>
public sealed class ListingSearchEndpointTests : IAsyncLifetime
{
    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Search_FindsWhatWasPublishedAMomentAgo_PageAfterPage_AndCountsIt()
    {
        for (var number = 0; number < 5; number++)
            await TestNode.PublishAsync(_node.Client, $"agent-{number}", GuestPrograms.Echo, capability: number < 2 ? "test.run" : "test.other", price: new AgentPriceBody($"0.00{number}", "0", "0"));

        var first = await _node.Client.SearchListingsAsync(new ListingQuery("program age") { Sort = "price", Facets = ["capability", "input"] }, limit: 3, cancellationToken: Stop);
        (first.Total, string.Join(' ', first.Items.Select(item => item.Name)), first.IsIncomplete).ShouldBe((5, "agent-0 agent-1 agent-2", null));
        first.Facets!["capability"].ShouldBe([new FacetCountBody("test.other", 3), new FacetCountBody("test.run", 2)]);
        first.Facets["input"].ShouldBe([new FacetCountBody("text/plain", 5)]);
        var second = await _node.Client.SearchListingsAsync(new ListingQuery("program age") { Sort = "price" }, limit: 3, cursor: first.NextCursor, cancellationToken: Stop);
        (string.Join(' ', second.Items.Select(item => item.Name)), second.NextCursor, second.Facets).ShouldBe(("agent-3 agent-4", null, null));

        (await _node.Client.ListListingsAsync(new ListingQuery { Capabilities = ["test.other"], MaxPrice = "0.003" }, Stop).ToListAsync(Stop)).Select(item => item.Name).Order().ShouldBe(["agent-2", "agent-3"]);
        (await _node.Client.SearchListingsAsync(new ListingQuery { Publisher = "nobody" }, cancellationToken: Stop)).Total.ShouldBe(0);
        (await _node.Client.SearchListingsAsync(new ListingQuery { MinRating = 4.5m }, cancellationToken: Stop)).Total.ShouldBe(0);
        (await _node.Client.SearchListingsAsync(new ListingQuery { MaxProgramBytes = 1 }, cancellationToken: Stop)).Total.ShouldBe(0);
        (await _node.Client.SearchListingsAsync(new ListingQuery { Tags = ["none"] }, cancellationToken: Stop)).Total.ShouldBe(0);
    }

    [Theory]
    [InlineData("text=image", "There is no parameter text")]
    [InlineData("q=a&licence=mit", "There is no parameter licence")]
    [InlineData("sort=best", "The parameter sort is one of relevance, rating, tasks, price, newest.")]
    [InlineData("facet=colour", "The parameter facet is one of")]
    [InlineData("capability=Not%20One", "The parameter capability is a dotted lower-case name")]
    [InlineData("capability=a&capability=b&capability=c&capability=d&capability=e&capability=f&capability=g&capability=h&capability=i", "at most 8 times")]
    [InlineData("tag=", "The parameter tag has 1 to 64 characters")]
    [InlineData("publisher=", "The parameter publisher")]
    [InlineData("minPrice=-1", "The parameter minPrice is an amount")]
    [InlineData("maxPrice=1e9", "The parameter maxPrice is an amount")]
    [InlineData("minRating=6", "The parameter minRating is a number from 1 to 5")]
    [InlineData("minRating=NaN", "The parameter minRating is a number from 1 to 5")]
    [InlineData("maxProgramBytes=-1", "The parameter maxProgramBytes is zero or more.")]
    [InlineData("limit=0", "The parameter limit")]
    [InlineData("limit=201", "The parameter limit")]
    [InlineData("cursor=x", "The parameter cursor is the nextCursor of the page before")]
    [InlineData("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "The parameter cursor is the nextCursor of the page before")]
    public async Task Search_ThatCannotBeMeant_IsRefused_AndSaysWhy(string query, string reason)
    {
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        using var answer = await http.GetAsync("/api/v1/listings?" + query, Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var problem = await RunningNode.ReadProblemAsync(answer);
        problem.Code.ShouldBe("requestInvalid");
        problem.Errors!.ShouldContain(error => error.Reason.Contains(reason, StringComparison.Ordinal), string.Join(" ", problem.Errors!.Select(error => error.Reason)));
    }

    [Fact]
    public async Task Versions_AndWhatFitsTogether_AreAnswered_OrRefusedWithTheReason()
    {
        foreach (var version in new[] { "1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0" })
            await TestNode.PublishAsync(_node.Client, "echo", GuestPrograms.Echo, version: version);
        var publisher = (await _node.Client.SearchListingsAsync(cancellationToken: Stop)).Items.ShouldHaveSingleItem().Publisher;

        (await _node.Client.ListListingVersionsAsync(publisher.Handle!, "echo", cancellationToken: Stop).ToListAsync(Stop)).Select(version => version.Version).ShouldBe(["2.0.0", "1.2.0-rc.1", "1.1.0", "1.0.0"]);
        (await _node.Client.ListListingVersionsAsync(publisher.Key, "echo", "^1.0.0", Stop).ToListAsync(Stop)).Select(version => version.Version).ShouldBe(["1.1.0", "1.0.0"]);
        var resolved = (await _node.Client.ResolveListingAsync(publisher.Handle!, "echo", "<2.0.0", cancellationToken: Stop)).Versions.ShouldHaveSingleItem();
        (resolved.Listing, resolved.Name).ShouldBe(($"{publisher.Key}/echo@1.1.0", $"{publisher.Handle}/echo"));

        var conflict = await Should.ThrowAsync<StoaException>(() => _node.Client.ResolveListingAsync(publisher.Handle!, "echo", "^1.0.0", [$"{publisher.Key}/echo@^2.0.0"], Stop));
        (conflict.Code, conflict.Problem.Status).ShouldBe(("versionsConflict", 409));
        conflict.Message.ShouldContain("is asked for, but");
        foreach (var path in new[] { "versions?range=one", "versions?cursor=one", "resolve?range=%5E", "resolve?also=echo", "resolve?also=a/b@%3E%3E1", "resolve?" + string.Join('&', Enumerable.Repeat("also=aa/bb", 16)) })
        {
            using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
            using var answer = await http.GetAsync($"/api/v1/listings/{publisher.Key}/echo/{path}", Stop);
            (await RunningNode.ReadProblemAsync(answer)).Code.ShouldBe("requestInvalid", path);
        }
    }

    [Fact]
    public async Task Search_OfAVeryLongQuery_IsRefused_BeforeItIsRead()
    {
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        using var longText = await http.GetAsync("/api/v1/listings?q=" + new string('x', 257), Stop);
        (await RunningNode.ReadProblemAsync(longText)).Code.ShouldBe("requestInvalid");
        using var longLine = await http.GetAsync("/api/v1/listings?q=" + new string('x', 60_000), Stop);
        ((int)longLine.StatusCode).ShouldBeInRange(400, 431);
        using var controls = await http.GetAsync("/api/v1/listings?q=%00%1b%5b31m%ff&tag=%00&input=%00&publisher=%00", Stop);
        controls.StatusCode.ShouldBe(HttpStatusCode.OK);
    }
}
