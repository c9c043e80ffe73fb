using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>What every statement store does.</summary>
public abstract class StatementStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private static readonly PrivateKey s_ann = PrivateKey.Generate();
    private static readonly PrivateKey s_bob = PrivateKey.Generate();

    private SqlStatementStore Store => new(Database, Open);

    private SqlStatementChanges Changes => new(Database);

    private static AdmissionPolicy Open => AdmissionPolicy.Default with { StrangerWorkBits = 0, Stranger = AdmissionPolicy.Default.Own };

    [Fact]
    public async Task Add_ThenFind_GivesTheStatement()
    {
        var listing = Sign(Listing("1.0.0"));
        (await AddAsync(listing)).ShouldBe([StatementEffect.Added]);

        var found = (await Store.FindAsync(listing.Id, Stop)).ShouldNotBeNull();
        found.Envelope.ShouldBe(listing.Envelope);
        Statement.Open(found.Envelope).Value.Item.ShouldBe(listing.Item);
        (await Store.ListByKeyAsync(listing.Key, Stop)).ShouldHaveSingleItem().Id.ShouldBe(listing.Id);
        (await Store.FindAsync(ContentHash.Of("other"u8), Stop)).ShouldBeNull();
        (await AddAsync(listing)).ShouldBe([StatementEffect.Known]);
    }

    [Fact]
    public async Task Add_ANewerOne_TakesThePlaceOfTheOlder()
    {
        var (old, young) = (Sign(new ProfileStatement("Ann", null)), Sign(new ProfileStatement("Ann B.", null), seconds: 1));
        (await AddAsync(old, young, old)).ShouldBe([StatementEffect.Added, StatementEffect.Replaced, StatementEffect.Superseded]);
        (await AddAsync(old)).ShouldBe([StatementEffect.Superseded]);

        (await Store.FindAsync(old.Id, Stop)).ShouldBeNull();
        (await Database.ListStatementsAsync()).ShouldHaveSingleItem().Id.ShouldBe(young.Id);
        (await Database.FindSignerAsync(young.SignerId)).ShouldNotBeNull().Statements.ShouldBe(1);
    }

    [Fact]
    public async Task Add_AListingThatContradictsAnother_KeepsAndTellsBoth()
    {
        var (first, second) = (Sign(Listing("1.0.0")), Sign(Listing("1.0.0", "other"), seconds: -60));
        await AddAsync(first);
        (await AddAsync(second)).ShouldBe([StatementEffect.Contradicted]);

        (await Store.ListByKeyAsync(first.Key, Stop)).Select(statement => statement.Id).ShouldBe([second.Id, first.Id]);
        var told = (await Store.ListContradictionsAsync(first.SignerId, null, 10, Stop)).ShouldHaveSingleItem();
        told.ShouldBe(new Contradiction(first.SignerId, "resize", "1.0.0", second.Id, first.Id, s_now));
        (await Store.ListContradictionsAsync(s_bob.PublicKey.PeerId, null, 10, Stop)).ShouldBeEmpty();
        (await Store.ListContradictionsAsync(null, null, 10, Stop)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Contradictions_AreReadInPages_ByPublisherNameAndVersion()
    {
        foreach (var version in (string[])["1.0.0", "1.0.0-rc.1", "2.0.0"])
            await AddAsync(Sign(Listing(version)), Sign(Listing(version, "other"), seconds: -60), Sign(Listing(version), key: s_bob), Sign(Listing(version, "other"), seconds: -60, key: s_bob));
        var all = await Store.ListContradictionsAsync(null, null, 10, Stop);
        all.Count.ShouldBe(6);

        List<Contradiction> read = [];
        while (await Store.ListContradictionsAsync(null, read.LastOrDefault()?.Listing, 2, Stop) is { Count: > 0 } page)
            read.AddRange(page);
        read.ShouldBe(all);
        var own = await Store.ListContradictionsAsync(s_bob.PublicKey.PeerId, null, 2, Stop);
        (await Store.ListContradictionsAsync(s_bob.PublicKey.PeerId, own[^1].Listing, 2, Stop)).ShouldHaveSingleItem().ShouldBe(all.Last(one => one.Signer == s_bob.PublicKey.PeerId));
    }

    [Fact]
    public async Task Add_WhatAnotherSigns_IsUnderAnotherKey()
    {
        (await AddAsync(Sign(Listing("1.0.0")), Sign(Listing("1.0.0", "other"), key: s_bob))).ShouldBe([StatementEffect.Added, StatementEffect.Added]);
        (await Store.ListContradictionsAsync(null, null, 10, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Add_OfTheFuture_KeepsNothingForNow()
    {
        var early = Sign(new ProfileStatement("Ann", null), seconds: 121);
        (await Store.AddAsync([early], s_now, Stop))[0].Refusal!.Code.ShouldBe(StatementFault.TooFarAhead);
        (await Store.FindAsync(early.Id, Stop)).ShouldBeNull();
        (await Store.AddAsync([early], s_now.AddSeconds(1), Stop))[0].Value.ShouldBe(StatementEffect.Added);
    }

    [Fact]
    public void Add_InAnyOrderAndGrouping_LeavesWhatMergingLeaves() => Prop.ForAll(
        Arb.From(Gen.ListOf(Gen.NonEmptyListOf(Gen.Choose(0, 11)), 4)),
        batches => ConvergesAsync([.. batches.Select(batch => batch.ToList())]).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(8));

    [Fact]
    public async Task Add_FromManySidesAtOnce_CountsEachOnce()
    {
        Statement[] all = [.. Enumerable.Range(0, 20).Select(number => Sign(Listing($"1.{number}.0")))];
        var effects = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Store.AddAsync(all, s_now, Stop)));

        effects.SelectMany(effect => effect).Count(effect => effect.Value is StatementEffect.Added).ShouldBe(20);
        (await Database.FindSignerAsync(all[0].SignerId)).ShouldBe(new SignerUsage(SignerStanding.Stranger, 20, all.Sum(statement => statement.Payload.Length), 20416, 20));
    }

    [Fact]
    public async Task Changes_ReadByPages_GiveEachOnceInTheOrderOfArrival()
    {
        Statement[] all = [.. Enumerable.Range(0, 25).Select(number => Sign(Listing($"1.{number}.0")))];
        foreach (var part in all.Chunk(4))
            await AddAsync(part);
        List<ContentHash> read = [];
        var place = default(StatementPlace);
        for (var hasMore = true; hasMore;)
        {
            var changes = await Changes.ReadAsync(place, 10, Stop);
            read.AddRange(changes.Added);
            (place, hasMore) = (changes.Last, changes.HasMore);
        }

        read.ShouldBe(all.Select(statement => statement.Id));

        List<ContentHash> ids = [];
        while (await Changes.ListIdsAsync(ids.LastOrDefault(), 10, Stop) is { Count: > 0 } page)
            ids.AddRange(page);
        ids.ShouldBe(all.Select(statement => statement.Id).Order());
    }

    [Fact]
    public async Task Add_RaisesTheSignalOfTheDatabase()
    {
        await AddAsync(Sign(Listing("1.0.0")));
        Database.GetSignal(SqlStatements.Topic).Value.ShouldBe((await Changes.LastAsync(Stop)).Added);
    }

    [Fact]
    public async Task Add_ByAStranger_CostsWorkAndHasItsQuota()
    {
        var store = new SqlStatementStore(Database, AdmissionPolicy.Default with { StrangerWorkBits = 4, Stranger = new SignerQuota(2, 10_000, 3), Vouched = new SignerQuota(3, 10_000, 10) });
        Statement[] worked = [.. Enumerable.Range(0, 5).Select(number => Statement.SignWorked(s_ann, At(0), Listing($"1.{number}.0"), AdmissionPolicy.Default with { StrangerWorkBits = 4 }, TestContext.Current.CancellationToken).Value)];
        var idle = Enumerable.Range(0, 100).Select(number => Sign(new ProfileStatement($"Ann {number}", null))).First(statement => StatementWork.BitsOf(statement.Id) < 4);

        var outcomes = await store.AddAsync([idle, .. worked], s_now, Stop);
        outcomes.Select(outcome => outcome.Refusal?.Code).ShouldBe(
            [StatementFault.WorkMissing, null, null, StatementFault.TooManyStatements, StatementFault.TooManyStatements, StatementFault.TooManyStatements]);

        await store.RaiseStandingAsync(idle.SignerId, SignerStanding.Vouched, Stop);
        (await store.AddAsync([idle, worked[2]], s_now, Stop)).Select(outcome => outcome.Refusal?.Code).ShouldBe([null, StatementFault.TooManyStatements]);
        await store.RaiseStandingAsync(idle.SignerId, SignerStanding.Own, Stop);
        await store.RaiseStandingAsync(idle.SignerId, SignerStanding.Vouched, Stop);
        (await Database.FindSignerAsync(idle.SignerId))!.Standing.ShouldBe(SignerStanding.Own);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT bytes FROM statement_strangers"), Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task ForgetOvers_TakesOffersAloneAndNoneComesBack()
    {
        var (early, offer) = (Sign(Offer(hours: 24)), Sign(Offer(hours: 1), seconds: 1));
        var listing = Sign(Listing("1.0.0"), key: s_bob);
        await AddAsync(early, offer, listing);
        (await Store.ForgetOversAsync(s_now.AddHours(24), 10, Stop)).ShouldBe(0);

        var later = s_now.AddHours(25);
        (await Store.ForgetOversAsync(later, 10, Stop)).ShouldBe(1);
        (await Store.AddAsync([early, offer], later, Stop)).Select(outcome => outcome.Refusal!.Code).ShouldBe([StatementFault.Expired, StatementFault.Expired]);
        (await Database.ListStatementsAsync()).ShouldHaveSingleItem().Id.ShouldBe(listing.Id);
        (await Database.FindSignerAsync(offer.SignerId)).ShouldBeNull();
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT bytes FROM statement_strangers"), Stop)).ShouldBe(listing.Payload.Length);
    }

    internal static AgentListing Listing(string version, string artifact = "artifact", string name = "resize", string capability = "image.resize")
    {
        var json = $$"""
            {"name":"{{name}}","version":"{{version}}","description":"Scales images.","capabilities":["{{capability}}"],"program":"p.wasm","input":{"mediaType":"image/png"},
            "output":{"mediaType":"image/png"},"limits":{"fuel":1000,"memoryBytes":65536,"timeoutMs":1000,"outputBytes":1000,"logBytes":0},
            "price":{"base":"0.001","perMegabyte":"0","perGigafuel":"0"} }
            """;
        return new AgentListing(
            ManifestReader.Read(System.Text.Encoding.UTF8.GetBytes(json)).Value, json, ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(artifact)), ContentHash.Of("program"u8), 7);
    }

    internal static OfferStatement Offer(int hours) => new(["/ip4/192.0.2.1/tcp/4001"], "eu-central", 4, 1 << 30, [ContentHash.Of("program"u8)], 1_000, s_now.AddHours(hours));

    private static Hlc At(int seconds) => new(s_now.AddSeconds(seconds).ToUnixTimeMilliseconds(), 0);

    private static Statement Sign(StatementContent content, int seconds = 0, PrivateKey? key = null) => Statement.Sign(key ?? s_ann, At(seconds), content).Value;

    private async Task<StatementEffect[]> AddAsync(params Statement[] statements) => [.. (await Store.AddAsync(statements, s_now, Stop)).Select(outcome => outcome.Value)];

    private async Task<bool> ConvergesAsync(List<List<int>> batches)
    {
        await Database.WriteAsync(
            async session =>
            {
                foreach (var table in new[] { "statements", "statement_signers", "equivocations", "network_listings", "listing_changes", "publisher_profiles", "network_reviews", "listing_moves" })
                    await session.ExecuteAsync($"DELETE FROM {table}");
                await session.ExecuteAsync("UPDATE statement_strangers SET bytes = 0");
            },
            Stop);
        Statement[] all =
        [
            .. Enumerable.Range(0, 4).Select(number => Sign(Listing("1.0.0", $"artifact {number % 3}"), -number)),
            .. Enumerable.Range(0, 4).Select(number => Sign(new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), number % 2 == 0, null), number / 2)),
            .. Enumerable.Range(0, 4).Select(number => Sign(new ProfileStatement($"Ann {number}", null), number % 3)),
        ];
        foreach (var batch in batches)
            await AddAsync([.. batch.Select(pick => all[pick])]);

        var expected = batches.SelectMany(batch => batch).Distinct().Select(pick => all[pick]).GroupBy(statement => statement.Key).SelectMany(key =>
        {
            var merged = key.Select(statement => new Merged(statement.Item)).Aggregate((left, right) => StatementMerge.Join(key.Key.Kind.Rule(), left, right));
            return key.Where(statement => merged.Keeps(statement.Id)).Select(statement => statement.Id);
        }).Order().ToList();
        var kept = await Changes.ListIdsAsync(default, 100, Stop);
        var usage = await Database.FindSignerAsync(all[0].SignerId);
        return kept.SequenceEqual(expected) && usage!.Statements == kept.Count
            && usage.Bytes == all.Where(statement => kept.Contains(statement.Id)).Sum(statement => statement.Payload.Length);
    }
}

public sealed class SqliteStatementStoreTests() : StatementStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresStatementStoreTests(PostgresCluster cluster) : StatementStoreConformance(new PostgresSource(cluster));
