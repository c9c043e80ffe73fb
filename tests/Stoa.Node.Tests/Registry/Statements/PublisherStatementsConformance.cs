using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Identity;
using Stoa.Node.Registry;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>What publishers of a cell do is said to the network, on every database.</summary>
public abstract class PublisherStatementsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
    private readonly SettableTime _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000));
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private readonly Dictionary<string, Id<User>> _users = [];
    private readonly ListingIndex _index = new();
    private ListingFeed? _feed;

    private SqlStatementStore Store => new(Database, AdmissionPolicy.Default);

    private SqlListings Listings => new(Database);

    private PublisherStatements Statements => new(s_cell, AdmissionPolicy.Default, _time);

    [Fact]
    public async Task Publish_SignsTheListingInTheSameTransaction()
    {
        var version = await PublishAsync("ann", "resize", "1.0.0");

        var listed = await FindAsync("ann", "resize");
        (listed.Publisher.Handle, listed.Publisher.Verified, listed.Newest).ShouldBe(("ann", true, "1.0.0"));
        var statement = (await Store.FindAsync(ContentHash.Parse(listed.Versions[0].StatementId), Stop)).ShouldNotBeNull();
        var opened = Statement.Open(statement.Envelope).Value;
        var content = opened.Content.ShouldBeOfType<AgentListing>();
        (content.ManifestJson, content.ArtifactDigest, content.ProgramDigest, content.ProgramBytes).ShouldBe((version.ManifestJson, version.ArtifactDigest, version.ProgramDigest, 7));
        opened.SignerId.ToString().ShouldBe(listed.Publisher.Key);
        (await Store.ListByKeyAsync(new MergeKey(StatementKind.Profile, opened.SignerId, null, null), Stop)).ShouldHaveSingleItem().Content.ShouldBe(new ProfileStatement("ann", "ann"));
        (await Database.FindSignerAsync(opened.SignerId))!.Standing.ShouldBe(SignerStanding.Own);
    }

    [Fact]
    public async Task Publish_ByNodesOfACell_IsSignedByOneKey()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(number => PublishAsync("ann", "resize", $"1.{number}.0")));
        await PublishAsync("bob", "resize", "1.0.0");

        var found = await FindAllAsync(new ListingSearch());
        found.Items.Select(item => $"{item.Publisher.Handle} {item.Version}").ShouldBe(["ann 1.5.0", "bob 1.0.0"], ignoreOrder: true);
        (await FindAsync("ann", "resize")).Versions.Select(version => version.Version).ShouldBe(["1.5.0", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
        (await FindAsync(found.Items[0].Publisher.Key, "resize")).Publisher.ShouldBe(found.Items[0].Publisher);
    }

    [Fact]
    public async Task Withdraw_AndTakingItBack_AreSaidInTheirOrder_WhateverTheClocksSay()
    {
        var old = await PublishAsync("ann", "resize", "1.0.0");
        var version = await PublishAsync("ann", "resize", "1.1.0");
        await WithdrawAsync(Statements, version, isWithdrawn: true, "It loses colours.");

        var listed = await FindAsync("ann", "resize");
        (listed.Newest, listed.Versions[0].State, listed.Versions[0].Withdrawal?.Reason).ShouldBe(("1.0.0", "withdrawn", "It loses colours."));
        (await SearchAsync()).ShouldBe(["1.0.0"]);
        await WithdrawAsync(Statements, old, isWithdrawn: true, null);
        (await SearchAsync()).ShouldBeEmpty();
        (await FindAsync("ann", "resize")).Newest.ShouldBeNull();

        // Another node of the cell, a minute behind, takes it back.
        var behind = new PublisherStatements(s_cell, AdmissionPolicy.Default, new SettableTime(_time.GetUtcNow().AddMinutes(-1)));
        await WithdrawAsync(behind, version, isWithdrawn: false, null);
        (await FindAsync("ann", "resize")).Versions[0].ShouldSatisfyAllConditions(now => now.State.ShouldBe("offered"), now => now.Withdrawal.ShouldBeNull());
        (await SearchAsync()).ShouldBe(["1.1.0"]);
    }

    [Fact]
    public async Task Withdrawal_InTheCellsCatalogue_IsSaidToTheNetwork()
    {
        var version = await PublishAsync("ann", "resize", "1.0.0");
        await PublishAsync("ann", "resize", "1.1.0");
        var agents = new SqlAgentStore(Database, null, Statements);
        var (one, all) = (version.Listing, version.Listing with { Version = null });

        await agents.WithdrawAsync(version.PublisherId, all, "Too slow.", _time.GetUtcNow(), Stop);
        (await FindAsync("ann", "resize")).Versions.Select(listed => $"{listed.State} {listed.Withdrawal?.Reason}").ShouldBe(["withdrawn Too slow.", "withdrawn Too slow."]);
        await agents.WithdrawAsync(version.PublisherId, one, "It loses colours.", _time.GetUtcNow(), Stop);
        await agents.ReinstateAsync(version.PublisherId, all, _time.GetUtcNow(), Stop);
        (await FindAsync("ann", "resize")).Versions.Select(listed => $"{listed.State} {listed.Withdrawal?.Reason}").ShouldBe(["offered ", "withdrawn It loses colours."]);
        await agents.ReinstateAsync(version.PublisherId, one, _time.GetUtcNow(), Stop);
        (await FindAsync("ann", "resize")).Versions.ShouldAllBe(listed => listed.State == "offered");
    }

    [Fact]
    public async Task Silence_WithdrawsAll_AndTakesNothingOfTheKeyAgain()
    {
        var version = await PublishAsync("ann", "resize", "1.0.0");
        await PublishAsync("ann", "scale", "1.0.0");
        await WithdrawAsync(Statements, version, isWithdrawn: true, "Words of a person.");
        var listing = (await Database.ListStatementsAsync()).First(statement => statement.Content is AgentListing);

        (await Database.WriteAsync(session => Statements.SilenceAsync(session, version.PublisherId), Stop)).ShouldBeTrue();
        await Database.WriteAsync(session => Statements.ForgetKeyAsync(session, version.PublisherId), Stop);

        var after = (await Database.ListStatementsAsync()).Select(statement => statement.Content).ToList();
        after.OfType<WithdrawalStatement>().ShouldAllBe(withdrawal => withdrawal.IsWithdrawn && withdrawal.Reason == null);
        (after.Count, after.OfType<WithdrawalStatement>().Count()).ShouldBe((3, 2));
        after.ShouldContain(new ProfileStatement(null, null));
        (await Store.AddAsync([listing], _time.GetUtcNow(), Stop))[0].Refusal!.Code.ShouldBe(StatementFault.SignerForgotten);
        (await Listings.FindAsync("ann", "resize", _time.GetUtcNow(), Stop)).ShouldBeNull();
        (await SearchAsync()).ShouldBeEmpty();
        (await Database.ReadAsync(session => session.QueryAsync<string>("SELECT user_id FROM publisher_keys"), Stop)).ShouldBeEmpty();
        (await Database.FindSignerAsync(listing.SignerId))!.Statements.ShouldBe(3);
    }

    [Fact]
    public async Task Review_OfAUserWithoutAKey_GivesHimOne_AndSaysNothingOfWhoHeIs()
    {
        var version = await PublishAsync("ann", "resize", "1.0.0");
        var publisher = PeerId.Parse((await FindAsync("ann", "resize")).Publisher.Key);
        var agent = new KeyedListing(publisher, "resize", version.Manifest.Version);
        using var node = PrivateKey.Generate();
        var ben = _ids.Next<User>();

        await Database.WriteAsync(
            session => Statements.ReviewAsync(session, ben, "ben", node.PublicKey.PeerId, reviewer => new ReviewStatement(agent, new ReviewVerdict(5, null, ReceiptProof.Sign(node, reviewer, agent, ContentHash.Of("r"u8))))), Stop);

        var said = (await Database.ListStatementsAsync()).Single(statement => statement.Content is ReviewStatement);
        Statement.Open(said.Envelope).Value.Id.ShouldBe(said.Id);
        (await Store.ListByKeyAsync(new MergeKey(StatementKind.Profile, said.SignerId, null, null), Stop)).ShouldBeEmpty();
        (await Database.FindSignerAsync(node.PublicKey.PeerId))!.Standing.ShouldBe(SignerStanding.Own);

        (await Database.WriteAsync(session => Statements.SilenceAsync(session, ben), Stop)).ShouldBeTrue();
        var after = (await Store.ListByKeyAsync(said.Key, Stop)).ShouldHaveSingleItem();
        (after.Hlc > said.Hlc, ((ReviewStatement)after.Content).Verdict).ShouldBe((true, null));
        (await Store.AddAsync([said], _time.GetUtcNow(), Stop))[0].Value.ShouldBe(StatementEffect.Superseded);
    }

    [Fact]
    public async Task Backfill_OfWhatWasPublishedBefore_GoesOnWhereItWas()
    {
        var withdrawn = await PublishAsync("ann", "old", "1.0.0", isSaid: false);
        for (var number = 0; number < 45; number++)
            await PublishAsync(number % 2 == 0 ? "ann" : "bob", "resize", $"1.{number}.0", isSaid: false);
        await PublishAsync("eve", "erased", "1.0.0", isSaid: false);
        await Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("UPDATE agent_versions SET withdrawn_at = 1 WHERE id = @Id", new { withdrawn.Id });
                await session.ExecuteAsync("UPDATE users SET handle = 'erased-1' WHERE handle = 'eve'");
            },
            Stop);
        await PublishAsync("ann", "new", "1.0.0");

        (await Backfill().RunPortionAsync(Stop)).ShouldBeTrue();
        await Task.WhenAll(Backfill().RunAsync(Stop), Backfill().RunAsync(Stop));
        (await Backfill().RunPortionAsync(Stop)).ShouldBeFalse();

        (await FindAsync("ann", "resize")).Versions.Count.ShouldBe(23);
        (await FindAsync("bob", "resize")).Versions.Count.ShouldBe(22);
        (await FindAsync("ann", "old")).Versions.ShouldHaveSingleItem().State.ShouldBe("withdrawn");
        (await FindAsync("ann", "resize")).Versions[0].StatedAt.ShouldBe(withdrawn.PublishedAt);
        (await Listings.FindAsync("eve", "erased", _time.GetUtcNow(), Stop)).ShouldBeNull();
        (await Store.ListContradictionsAsync(null, null, 10, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Search_OfForeignListings_FindsThemByWordsCapabilityAndPublisher()
    {
        using var foreign = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        await PublishAsync("ann", "resize", "1.0.0");
        await AddAsync(
            Sign(foreign, new ProfileStatement("Ann", "ann.example.org")),
            Sign(other, new ProfileStatement("Ann", "shared.example.org")),
            Sign(foreign, StatementStoreConformance.Listing("2.0.0", name: "denoise", capability: "audio.denoise")),
            Sign(foreign, StatementStoreConformance.Listing("2.1.0-rc.1", name: "denoise", capability: "audio.denoise")),
            Sign(foreign, new DeprecationStatement("denoise", null, true, null, "Too slow.")),
            Sign(foreign, StatementStoreConformance.Offer(1)));

        (await SearchAsync(capability: "audio.denoise")).ShouldBe(["2.0.0"]);
        (await SearchAsync(text: "scales 100%")).ShouldBeEmpty();
        (await SearchAsync(text: "DENOISE scales")).ShouldBe(["2.0.0"]);
        (await SearchAsync(publisher: "ann.example.org")).ShouldBe(["2.0.0"]);
        (await SearchAsync(publisher: foreign.PublicKey.PeerId.ToString())).ShouldBe(["2.0.0"]);
        (await SearchAsync(publisher: "nobody")).ShouldBeEmpty();
        var listed = await FindAsync("ann.example.org", "denoise");
        (listed.Publisher, listed.Deprecation?.Reason, listed.Newest).ShouldBe(
            (new ListingPublisherBody(foreign.PublicKey.PeerId.ToString(), false, "ann.example.org", "Ann"), "Too slow.", "2.0.0"));
        listed.Versions[0].Nodes.ShouldBe([foreign.PublicKey.PeerId.ToString()]);
        _time.Advance(TimeSpan.FromHours(2));
        (await FindAsync("ann.example.org", "denoise")).Versions[0].Nodes.ShouldBeEmpty();

        // A second one who claims the same: the name leads to nobody, the keys still do.
        await AddAsync(Sign(other, new ProfileStatement("Ann", "ann.example.org"), minutes: 121));
        (await Listings.FindAsync("ann.example.org", "denoise", _time.GetUtcNow(), Stop)).ShouldBeNull();
        // What contradicts itself is nobody's to choose.
        await AddAsync(Sign(foreign, StatementStoreConformance.Listing("2.0.0", "other", name: "denoise")));
        var contradicted = await FindAsync(foreign.PublicKey.PeerId.ToString(), "denoise");
        (contradicted.Newest, contradicted.Versions[1].State).ShouldBe(("2.1.0-rc.1", "contradicted"));
        contradicted.Versions[1].ContradictionId.ShouldNotBeNull();
    }

    [Fact]
    public async Task List_ByPages_GivesEachAgentOnce()
    {
        for (var number = 0; number < 5; number++)
            await PublishAsync(number % 2 == 0 ? "ann" : "bob", $"agent-{number}", "1.0.0");
        List<string> listed = [];
        string? cursor = null;
        do
        {
            var page = await FindAllAsync(new ListingSearch(), page: new PageRequest(2, cursor));
            listed.AddRange(page.Items.Select(item => item.Name));
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        listed.Order().ShouldBe(["agent-0", "agent-1", "agent-2", "agent-3", "agent-4"]);
    }

    private ListingBackfill Backfill() => new(Database, new NoContent(), Statements, NullLogger<ListingBackfill>.Instance);

    private async Task<ListingDetailsResponse> FindAsync(string publisher, string name) => (await Listings.FindAsync(publisher, name, _time.GetUtcNow(), Stop)).ShouldNotBeNull();

    private async Task<IEnumerable<string>> SearchAsync(string? text = null, string? capability = null, string? publisher = null) =>
        (await FindAllAsync(new ListingSearch { Text = text, Capabilities = capability is null ? [] : [capability] }, publisher)).Items.Select(item => item.Version);

    private async Task<ListingSearchResponse> FindAllAsync(ListingSearch search, string? publisher = null, PageRequest? page = null)
    {
        _feed ??= new ListingFeed(Database, _index, _time, NullLogger<ListingFeed>.Instance);
        await _feed.FollowAsync(Stop);
        return (await new ListingSearches(_index, _feed, Listings).SearchAsync(search, publisher, page ?? new PageRequest(), Stop)).ShouldNotBeNull();
    }

    private Task WithdrawAsync(PublisherStatements statements, AgentVersion version, bool isWithdrawn, string? reason) => Database.WriteAsync(
        session => statements.WithdrawAsync(session, version.PublisherId, [(version.Manifest.Name, version.Manifest.Version)], isWithdrawn, reason), Stop);

    private static Statement Sign(PrivateKey key, StatementContent content, int minutes = 0) =>
        Statement.Sign(key, new Hlc(DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000).AddMinutes(minutes).ToUnixTimeMilliseconds(), 0), content).Value;

    private async Task AddAsync(params Statement[] statements)
    {
        foreach (var statement in statements)
            await Store.RaiseStandingAsync(statement.SignerId, SignerStanding.Vouched, Stop);
        (await Store.AddAsync(statements, _time.GetUtcNow(), Stop)).ShouldAllBe(outcome => outcome.Refusal == null);
    }

    private async Task<AgentVersion> PublishAsync(string publisher, string name, string version, bool isSaid = true)
    {
        if (!_users.TryGetValue(publisher, out var user))
        {
            user = _users[publisher] = _ids.Next<User>();
            await Database.WriteAsync(
                session => session.ExecuteAsync(
                    "INSERT INTO users (id, handle, email, role, created_at, kind) VALUES (@user, @publisher, @publisher, @role, 1, @kind)",
                    new { user, publisher, role = UserRole.Member, kind = UserKind.Person }),
                Stop);
        }

        var listing = StatementStoreConformance.Listing(version, name: name);
        var made = new AgentVersion(
            _ids.Next<AgentVersion>(), user, publisher, listing.Manifest, ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), 7, _time.GetUtcNow())
        {
            ManifestJson = listing.ManifestJson,
        };
        var published = new NewEvent(EventTypes.AgentPublished, made.Id.ToString(), null, made.PublishedAt, "{}");
        return (await new SqlAgentStore(Database, null, isSaid ? Statements : null).AddAsync(made, [], published, Stop)).Value;
    }

    private sealed class NoContent : IContentStore
    {
        public Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken) => Task.FromResult<Stream?>(null);

        public Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken) => Task.FromResult<ContentDescriptor?>(null);

        public Task<bool> DeleteAsync(ContentHash digest, CancellationToken cancellationToken) => Task.FromResult(false);

        public Task<bool> DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken) => Task.FromResult(true);
    }
}

public sealed class SqlitePublisherStatementsTests() : PublisherStatementsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPublisherStatementsTests(PostgresCluster cluster) : PublisherStatementsConformance(new PostgresSource(cluster));
