using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery.Semantic;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Discovery.Semantic;

/// <summary>An embedding model reads each listing once, on every database.</summary>
public abstract class ListingEmbeddingsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private readonly PrivateKey _publisher = PrivateKey.Generate();
    private EmbeddingServer _server = null!;

    private SqlStatementStore Store => new(Database, AdmissionPolicy.Default);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _server = await EmbeddingServer.StartAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        _publisher.Dispose();
        await _server.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Listings_AreReadOnce_WhateverNodeOfTheCellNeedsThem_AndAgainWhenTheySaySomethingElse()
    {
        await AddAsync(Listing("resize"), Listing("crop"));
        (await FollowAsync()).Count.ShouldBe(2);
        _server.Texts.Count.ShouldBe(2);

        (await FollowAsync()).Count.ShouldBe(2);
        _server.Texts.Count.ShouldBe(2);
        await AddAsync(Listing("resize", "1.1.0", "weather.tell"));
        (await FollowAsync()).Count.ShouldBe(2);
        _server.Texts.Skip(2).ShouldHaveSingleItem().ShouldContain("weather.tell");

        // Another model has read nothing.
        (await FollowAsync(dimensions: 64)).Count.ShouldBe(2);
        _server.Texts.Count.ShouldBe(5);
    }

    [Fact]
    public async Task Listing_ThatIsOfferedNoMore_IsForgotten_InTheDatabaseToo()
    {
        await AddAsync(Listing("resize"), Listing("crop"));
        await FollowAsync();
        await AddAsync(new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, null));

        (await CountAsync()).ShouldBe(1);
        (await FollowAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Listing_ThatTheModelRefuses_KeepsNoOtherFromBeingRead()
    {
        await AddAsync([.. Enumerable.Range(0, 9).Select(number => Listing(number == 4 ? "unreadable" : $"agent-{number}"))]);
        (await FollowAsync()).Count.ShouldBe(8);
        (await CountAsync()).ShouldBe(8);
    }

    [Fact]
    public async Task Model_ThatIsAway_IsAskedAgainFromWhereItWas()
    {
        await AddAsync(Listing("resize"));
        _server.Fault = context =>
        {
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        using var vectors = new VectorIndex();
        using var model = New(dimensions: 0);
        using var embeddings = new ListingEmbeddings(Database, vectors, model, new EmbeddingsOptions(), new SettableTime(s_now), NullLogger<ListingEmbeddings>.Instance);
        await Should.ThrowAsync<EmbeddingsException>(() => embeddings.FollowAsync(Stop));
        vectors.Count.ShouldBe(0);

        _server.Fault = null;
        await embeddings.FollowAsync(Stop);
        vectors.Count.ShouldBe(1);
    }

    private async Task<IReadOnlyList<ListingKey>> FollowAsync(int dimensions = 0)
    {
        using var vectors = new VectorIndex();
        using var model = New(dimensions);
        using var embeddings = new ListingEmbeddings(Database, vectors, model, new EmbeddingsOptions(), new SettableTime(s_now), NullLogger<ListingEmbeddings>.Instance);
        await embeddings.FollowAsync(Stop);
        return vectors.FindNearest(EmbeddingVector.Pack([.. Enumerable.Repeat(1f, 64)]), candidates: 100, limit: 100);
    }

    private EmbeddingModel New(int dimensions) => new(new EmbeddingsOptions { Url = _server.Url, Model = "words", Dimensions = dimensions });

    private Task<long> CountAsync() => Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM listing_embeddings"), Stop);

    private static AgentListing Listing(string name, string version = "1.0.0", string capability = "image.resize") => StatementStoreConformance.Listing(version, name: name, capability: capability);

    private async Task AddAsync(params StatementContent[] contents)
    {
        await Store.RaiseStandingAsync(_publisher.PublicKey.PeerId, SignerStanding.Vouched, Stop);
        var statements = contents.Select((content, number) => Statement.Sign(_publisher, new Hlc(s_now.AddSeconds(number).ToUnixTimeMilliseconds(), 0), content).Value).ToList();
        (await Store.AddAsync(statements, s_now.AddHours(1), Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
    }
}

public sealed class SqliteListingEmbeddingsTests() : ListingEmbeddingsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresListingEmbeddingsTests(PostgresCluster cluster) : ListingEmbeddingsConformance(new PostgresSource(cluster));
