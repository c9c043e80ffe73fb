using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Selection;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Discovery;

/// <summary>The index of listings follows the database, whoever writes to it, on every database.</summary>
public abstract class ListingFeedConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private readonly SettableTime _time = new(s_now);

    private SqlStatementStore Store => new(Database, AdmissionPolicy.Default);

    [Fact]
    public async Task Feed_OfANodeThatStarts_ReadsAllThatThereIs_InPortions()
    {
        using var key = PrivateKey.Generate();
        const int count = 1_100;
        await AddAsync([.. Enumerable.Range(0, count).Select(number => Sign(key, StatementStoreConformance.Listing("1.0.0", name: $"agent-{number}"), number))]);
        var (index, feed) = New();

        feed.IsComplete.ShouldBeFalse();
        await feed.FollowAsync(Stop);

        (index.Count, feed.IsComplete).ShouldBe((count, true));
        var page = await SearchAsync(index, feed, new ListingSearch { Sort = ListingSort.Newest, Facets = [ListingFacet.Publisher] }, new PageRequest(2));
        page.Items.Select(item => item.Name).ShouldBe(["agent-1099", "agent-1098"]);
        page.Facets!["publisher"].ShouldBe([new FacetCountBody(key.PublicKey.PeerId.ToString(), count)]);
        page.IsIncomplete.ShouldBeNull();
    }

    [Fact]
    public async Task Feed_FollowsNewVersions_Withdrawals_AndThatTheyAreTakenBack()
    {
        using var key = PrivateKey.Generate();
        var (index, feed) = New();
        await AddAsync(Sign(key, StatementStoreConformance.Listing("1.0.0", capability: "image.resize")), Sign(key, StatementStoreConformance.Listing("2.0.0", capability: "image.scale"), 1));
        await feed.FollowAsync(Stop);
        (await FindAsync("image.scale")).ShouldBe("2.0.0");
        (await FindAsync("image.resize")).ShouldBeNull();

        await AddAsync(Sign(key, new WithdrawalStatement("resize", SemanticVersion.Parse("2.0.0"), true, null), 2));
        await feed.FollowAsync(Stop);
        (await FindAsync("image.scale")).ShouldBeNull();
        (await FindAsync("image.resize")).ShouldBe("1.0.0");

        await AddAsync(Sign(key, new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, null), 3));
        await feed.FollowAsync(Stop);
        index.Count.ShouldBe(0);
        await AddAsync(Sign(key, new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), false, null), 4));
        await feed.FollowAsync(Stop);
        (await FindAsync("image.resize")).ShouldBe("1.0.0");

        async Task<string?> FindAsync(string capability) => (await SearchAsync(index, feed, new ListingSearch { Capabilities = [capability] })).Items.SingleOrDefault()?.Version;
    }

    [Fact]
    public async Task Feeds_OfAllNodesOfACell_ComeToTheSame_WhileBothWrite()
    {
        using var key = PrivateKey.Generate();
        var (one, other) = (New(), New());
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            for (var number = 0; number < 12; number++)
            {
                await AddAsync(Sign(key, StatementStoreConformance.Listing("1.0.0", name: $"agent-{writer}-{number}")));
                if (number % 3 == 0)
                    await AddAsync(Sign(key, new WithdrawalStatement($"agent-{writer}-{number}", SemanticVersion.Parse("1.0.0"), true, null), 1));
                // Each node has one that follows.
                if (writer < 2)
                    await (writer == 0 ? one : other).Feed.FollowAsync(Stop);
            }
        }));
        await one.Feed.FollowAsync(Stop);
        await other.Feed.FollowAsync(Stop);

        (one.Index.Count, other.Index.Count).ShouldBe((32, 32));
        (await SearchAsync(one.Index, one.Feed, new ListingSearch(), new PageRequest(200))).Items.Select(item => item.Listing)
            .ShouldBe((await SearchAsync(other.Index, other.Feed, new ListingSearch(), new PageRequest(200))).Items.Select(item => item.Listing));
    }

    [Fact]
    public async Task Feed_KnowsWhatConsumersOfTheCellMadeOfItsAgents_AndLearnsMore()
    {
        using var own = PrivateKey.Generate();
        using var foreign = PrivateKey.Generate();
        var (user, signer) = (new IdSource(TimeProvider.System, new Random(1)).Next<Market.Identity.User>(), own.PublicKey.PeerId);
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("INSERT INTO publisher_keys (user_id, handle, peer_id, sealed_key, created_at) VALUES (@user, 'ann', @signer, @box, 1)", new { user, signer, box = new byte[1] });
                await LearnAsync(session, succeeded: 3, s_now.AddDays(-1));
                await session.ExecuteAsync("INSERT INTO agent_ratings (agent, stars, reviews) VALUES ('ann/resize', 5, 2), ('ann/resize', 4, 2)");
            },
            Stop);
        await AddAsync(Sign(own, StatementStoreConformance.Listing("1.0.0")), Sign(foreign, StatementStoreConformance.Listing("1.0.0")));
        var (index, feed) = New();
        await feed.FollowAsync(Stop);

        var found = await SearchAsync(index, feed, new ListingSearch { Sort = ListingSort.Rating });
        found.Items.Select(item => (item.Publisher.Key, item.Standing)).ShouldBe([(signer.ToString(), new ListingStandingBody(3, 4, 4.5m)), (foreign.PublicKey.PeerId.ToString(), null)]);
        (await SearchAsync(index, feed, new ListingSearch { MinRatingHundredths = 450 })).Total.ShouldBe(1);
        (await SearchAsync(index, feed, new ListingSearch { MinRatingHundredths = 451 })).Total.ShouldBe(0);

        await Database.WriteAsync(
            async session =>
            {
                await LearnAsync(session, succeeded: 4, s_now);
                await session.ExecuteAsync("UPDATE agent_ratings SET reviews = 4 WHERE stars = 5");
            },
            Stop);
        await feed.FollowAsync(Stop);
        (await SearchAsync(index, feed, new ListingSearch { Sort = ListingSort.Tasks })).Items[0].Standing.ShouldBe(new ListingStandingBody(4, 6, 4.66m));

        static async Task LearnAsync(Node.Storage.SqlSession session, int succeeded, DateTimeOffset at)
        {
            if (succeeded == 3)
                await session.ExecuteAsync(AgentStatsRow.Insert, new { agent = "ann/resize" });
            await session.ExecuteAsync("UPDATE agent_stats SET succeeded = @succeeded, updated_at = @at WHERE agent = 'ann/resize'", new { succeeded, at });
        }
    }

    [Fact]
    public async Task Search_OfWhatWasWithdrawnAMomentAgo_LeavesItOut()
    {
        using var key = PrivateKey.Generate();
        await AddAsync(Sign(key, StatementStoreConformance.Listing("1.0.0")), Sign(key, StatementStoreConformance.Listing("1.0.0", name: "other")));
        var (index, feed) = New();
        await feed.FollowAsync(Stop);
        await AddAsync(Sign(key, new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, null), 1));

        // Of a database that nobody follows: the index is behind, what is answered is not.
        (await new ListingSearches(index, New().Feed, new SqlListings(Database)).SearchAsync(new ListingSearch(), null, new PageRequest(), Stop)).ShouldNotBeNull()
            .Items.Select(item => item.Name).ShouldBe(["other"]);
    }

    [Fact]
    public async Task Feed_KnowsInWhichRegionsNodesOfferWhat_AndForgetsWhatIsOver()
    {
        using var key = PrivateKey.Generate();
        using var node = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        await AddAsync(Sign(key, StatementStoreConformance.Listing("1.0.0")), Sign(node, Offer("eu-central", 1)), Sign(other, Offer(null, 1)));
        var (index, feed) = New();
        await feed.FollowAsync(Stop);
        (await FindAsync("eu-central")).ShouldBe(1);
        (await FindAsync("us-east")).ShouldBe(0);
        (await SearchAsync(index, feed, new ListingSearch { Facets = [ListingFacet.Region] })).Facets!["region"].ShouldBe([new FacetCountBody("eu-central", 1)]);

        await AddAsync(Sign(other, Offer("us-east", 2), 1));
        _time.Advance(TimeSpan.FromMinutes(1));
        await feed.FollowAsync(Stop);
        (await FindAsync("us-east")).ShouldBe(1);
        _time.Advance(TimeSpan.FromMinutes(89));
        await feed.FollowAsync(Stop);
        (await FindAsync("eu-central"), await FindAsync("us-east")).ShouldBe((0, 1));

        async Task<long> FindAsync(string region) => (await SearchAsync(index, feed, new ListingSearch { Region = region })).Total;

        static OfferStatement Offer(string? region, int hours) => StatementStoreConformance.Offer(hours) with { Region = region };
    }

    [Fact]
    public async Task Offers_OfWhomSomebodyKnows_ComeFirst_AndThenThoseOfWhoHasBeenHereLongest()
    {
        using var known = PrivateKey.Generate();
        PrivateKey[] strangers = [PrivateKey.Generate(), PrivateKey.Generate(), PrivateKey.Generate()];
        var policy = AdmissionPolicy.Default with { StrangerWorkBits = 0 };
        // The first stranger was here before the others, and has said its offer anew behind all of them.
        await TakeAsync(strangers[0], new SplitStatement(70, 20, 10), 0);
        await TakeAsync(strangers[2], Offer("third"), 1);
        await TakeAsync(strangers[1], Offer("second"), 2);
        await TakeAsync(strangers[0], Offer("first"), 3);
        await TakeAsync(known, Offer("known"), 4);
        await Store.RaiseStandingAsync(known.PublicKey.PeerId, SignerStanding.Vouched, Stop);

        var offers = await new OfferedRegions(Database).ReadAsync(s_now, Stop);

        offers.Select(offer => (offer.Region, offer.IsKnown)).ShouldBe([("known", true), ("first", false), ("third", false), ("second", false)]);
        offers[0].Contents.ShouldBe([ListingRegions.KeyOf(ContentHash.Of("program"u8))]);
        Array.ForEach(strangers, stranger => stranger.Dispose());

        async Task TakeAsync(PrivateKey key, StatementContent content, int milliseconds) =>
            (await new SqlStatementStore(Database, policy).AddAsync([Sign(key, content, milliseconds)], s_now, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);

        static OfferStatement Offer(string region) => StatementStoreConformance.Offer(1) with { Region = region };
    }

    [Fact]
    public async Task Feed_KnowsGoodsByWhatTheirManifestsSay()
    {
        using var key = PrivateKey.Generate();
        var json = Market.Tests.Registry.Goods.GoodsSamples.Json(ListingKind.Model);
        await AddAsync(Sign(key, new GoodsStatement(Market.Tests.Registry.Goods.GoodsSamples.Read(json), json)), Sign(key, StatementStoreConformance.Listing("1.0.0")));
        var (index, feed) = New();
        await feed.FollowAsync(Stop);

        var found = await SearchAsync(index, feed, new ListingSearch { Framework = "gguf", License = "MIT", Category = "language", Facets = [ListingFacet.Kind] });
        (found.Items.ShouldHaveSingleItem().Kind, found.Items[0].Model!.Quantisation).ShouldBe(("model", "Q4_K_M"));
        (await SearchAsync(index, feed, new ListingSearch { Kind = ListingKind.Agent })).Items.ShouldHaveSingleItem().Name.ShouldBe("resize");
    }

    [Fact]
    public async Task UsedWith_IsFoundOutOfTheUsageOfTheLastMonths_OwnUseAside()
    {
        using var own = PrivateKey.Generate();
        var (user, signer) = (new IdSource(TimeProvider.System, new Random(1)).Next<Market.Identity.User>(), own.PublicKey.PeerId);
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("INSERT INTO publisher_keys (user_id, handle, peer_id, sealed_key, created_at) VALUES (@user, 'ann', @signer, @box, 1)", new { user, signer, box = new byte[1] });
                foreach (var consumer in (string[])["c1", "c2", "c3"])
                {
                    await UseAsync(session, consumer, "ann/resize", s_now);
                    await UseAsync(session, consumer, "ann/scale", s_now.AddMonths(-2));
                    await UseAsync(session, consumer, "ann/old", s_now.AddMonths(-3));
                }

                // The publisher himself is no third one.
                await UseAsync(session, "c1", "ann/few", s_now);
                await UseAsync(session, "c2", "ann/few", s_now);
                await UseAsync(session, "publisher", "ann/few", s_now);
                await UseAsync(session, "publisher", "ann/resize", s_now);
            },
            Stop);
        await AddAsync([.. new[] { "resize", "scale", "old", "few" }.Select(name => Sign(own, StatementStoreConformance.Listing("1.0.0", name: name)))]);
        using var finder = new UsedWithFinder(Database, new SqlListings(Database), new DiscoveryOptions { UsedWithConsumers = 3 }, _time, NullLogger<UsedWithFinder>.Instance);
        (await finder.FindAsync("ann", "resize", Stop)).ShouldBe([]);

        await finder.FindOutAsync(Stop);

        (await finder.FindAsync("ann", "resize", Stop))!.Select(listing => listing.Name).ShouldBe(["scale"]);
        (await finder.FindAsync(signer.ToString(), "scale", Stop))!.Select(listing => listing.Name).ShouldBe(["resize"]);
        (await finder.FindAsync("ann", "few", Stop)).ShouldBe([]);
        (await finder.FindAsync("ann", "none", Stop)).ShouldBeNull();

        static Task UseAsync(Node.Storage.SqlSession session, string consumer, string agent, DateTimeOffset at) => session.ExecuteAsync(
            """
            INSERT INTO usage_totals (span, start_at, consumer_id, agent, version, node, kind, publisher_id, events, fuel, input_bytes, output_bytes, duration_ms, paid, creator_earned, node_earned, platform_earned, byte_hours, transfer_bytes)
            VALUES ('Month', @start, @consumer, @agent, '1.0.0', 'n', 'Task', 'publisher', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            """,
            new { start = Market.Metering.UsageSpans.StartOf(Market.Metering.UsageSpan.Month, at), consumer, agent });
    }

    private (ListingIndex Index, ListingFeed Feed) New()
    {
        var index = new ListingIndex();
        return (index, new ListingFeed(Database, index, _time, NullLogger<ListingFeed>.Instance));
    }

    private async Task<ListingSearchResponse> SearchAsync(ListingIndex index, ListingFeed feed, ListingSearch search, PageRequest? page = null) =>
        (await new ListingSearches(index, feed, new SqlListings(Database)).SearchAsync(search, null, page ?? new PageRequest(), Stop)).ShouldNotBeNull();

    private async Task AddAsync(params Statement[] statements)
    {
        foreach (var signer in statements.Select(statement => statement.SignerId).Distinct())
            await Store.RaiseStandingAsync(signer, SignerStanding.Vouched, Stop);
        (await Store.AddAsync(statements, s_now.AddHours(1), Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
    }

    private static Statement Sign(PrivateKey key, StatementContent content, int seconds = 0) => Statement.Sign(key, new Hlc(s_now.AddSeconds(seconds).ToUnixTimeMilliseconds(), 0), content).Value;
}

public sealed class SqliteListingFeedTests() : ListingFeedConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresListingFeedTests(PostgresCluster cluster) : ListingFeedConformance(new PostgresSource(cluster));
