using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>What a node knows in memory of its statements follows what is stored, and what peers send comes in, on every database.</summary>
public abstract class ReplicaConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);
    private static readonly PrivateKey s_ann = PrivateKey.Generate();

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly SettableTime _time = new(s_now);

    private static AdmissionPolicy Open => AdmissionPolicy.Default with { StrangerWorkBits = 0, Stranger = AdmissionPolicy.Default.Own };

    private SqlStatementStore Store => new(Database, Open);

    public override async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Index_FollowsWhatComesAndGoes()
    {
        var first = Sign(new ProfileStatement("Ann", null));
        var listings = Enumerable.Range(0, 20).Select(number => Sign(StatementStoreConformance.Listing($"1.{number}.0"))).ToList();
        await Store.AddAsync([first, .. listings], s_now, Stop);
        var (index, follower) = Follow();
        follower.IsReady.ShouldBeFalse();
        await follower.StepAsync(Stop);
        (follower.IsReady, index.Ids.Count).ShouldBe((true, 21));

        var second = Sign(new ProfileStatement("Ann B.", null), seconds: 1);
        var offer = Sign(StatementStoreConformance.Offer(1));
        await Store.AddAsync([second, offer], s_now, Stop);
        await follower.StepAsync(Stop);
        index.Ids.All.ShouldBe(listings.Append(second).Append(offer).Select(statement => statement.Id).Order());

        (await Store.ForgetOversAsync(s_now.AddDays(2), 10, Stop)).ShouldBe(1);
        await Store.RaiseStandingAsync(first.SignerId, SignerStanding.Vouched, Stop);
        await Database.WriteAsync(session => SqlStatements.DropAsync(session, first.SignerId, "version = '1.3.0'", new { signer = first.SignerId }, s_now), Stop);
        await follower.StepAsync(Stop);
        index.Ids.All.ShouldBe(await IdsAsync());
        index.Ids.Count.ShouldBe(20);
        index.Own().Count.ShouldBe(20);
    }

    [Fact]
    public async Task Index_ThatHasNotLookedForLong_ReadsAllAnewUnderAnotherKey()
    {
        await Store.AddAsync([Sign(new ProfileStatement("Ann", null)), Sign(StatementStoreConformance.Listing("1.0.0"))], s_now, Stop);
        var (index, follower) = Follow();
        await follower.StepAsync(Stop);
        var key = index.Own().Key;

        await Store.AddAsync([Sign(new ProfileStatement("Ann B.", null), seconds: 1)], s_now, Stop);
        // What went is not noted any more.
        await Store.ForgetOversAsync(s_now.AddDays(2), 10, Stop);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM statement_removals"), Stop)).ShouldBe(0);
        _time.Advance(TimeSpan.FromDays(2));
        await follower.StepAsync(Stop);

        index.Ids.All.ShouldBe(await IdsAsync());
        index.Own().Key.ShouldNotBe(key);
        index.Own().Count.ShouldBe(2);
    }

    [Fact]
    public async Task Intake_CountsWhatBecomesOfEach_AndNotesWhatIsNotWanted()
    {
        var (index, follower) = Follow();
        var unwanted = new UnwantedStatements(_time);
        var intake = Intake(index, unwanted, Open);
        var (old, young, early) = (Sign(new ProfileStatement("Ann", null)), Sign(new ProfileStatement("Ann B.", null), seconds: 1), Sign(StatementStoreConformance.Listing("3.0.0"), seconds: 600));
        var listing = Sign(StatementStoreConformance.Listing("1.0.0"));
        var forged = new SignedStatement(Sign(StatementStoreConformance.Listing("2.0.0")).Payload, listing.Signature);

        (await TakeAsync(intake, young, listing)).ShouldBe(new IntakeReport(2, 0, 0, 0));
        (await intake.TakeAsync("sync", [SignedStatement.Of(old), SignedStatement.Of(early), forged, new SignedStatement("{}"u8.ToArray(), [1])], Stop)).ShouldBe(new IntakeReport(0, 1, 1, 2));
        (unwanted.Contains(SetItem.Of(old.Id)), unwanted.Contains(SetItem.Of(early.Id)), unwanted.Contains(forged.Item)).ShouldBe((true, true, false));
        // Once its time has come it is taken.
        _time.Advance(TimeSpan.FromMinutes(9));
        (await TakeAsync(intake, early)).ShouldBe(new IntakeReport(1, 0, 0, 0));
        await follower.StepAsync(Stop);
        (await TakeAsync(intake, early, listing)).ShouldBe(new IntakeReport(0, 2, 0, 0));
    }

    [Fact]
    public async Task Intake_OfCopiesWithSeveralSignatures_TakesTheFirstGoodOne()
    {
        var (index, _) = Follow();
        var listing = SignedStatement.Of(Sign(StatementStoreConformance.Listing("1.0.0")));
        var again = SignedStatement.Of(Sign(StatementStoreConformance.Listing("1.0.0")));
        var forged = new SignedStatement(listing.Payload, Sign(StatementStoreConformance.Listing("2.0.0")).Signature);

        var fates = await Intake(index, new UnwantedStatements(_time), Open).TakeEachAsync("gossip", [forged, listing, again, forged, listing], Stop);

        fates.ShouldBe([IntakeFate.Forged, IntakeFate.Taken, IntakeFate.Known, IntakeFate.Known, IntakeFate.Known]);
        (await IdsAsync()).ShouldBe([listing.Id]);
    }

    [Fact]
    public async Task Intake_OfStrangers_IsRefusedForNow()
    {
        var (index, _) = Follow();
        var unwanted = new UnwantedStatements(_time);
        var intake = Intake(index, unwanted, AdmissionPolicy.Default with { StrangerWorkBits = 40 });
        var statement = Sign(new ProfileStatement("Ann", null));

        (await TakeAsync(intake, statement)).ShouldBe(new IntakeReport(0, 0, 1, 0));
        unwanted.Contains(SetItem.Of(statement.Id)).ShouldBeTrue();
        _time.Advance(TimeSpan.FromHours(2));
        unwanted.Contains(SetItem.Of(statement.Id)).ShouldBeFalse();
    }

    [Fact]
    public async Task Read_OfMany_EndsWithEnoughBytes()
    {
        var listings = Enumerable.Range(0, 10).Select(number => Sign(StatementStoreConformance.Listing($"1.{number}.0"))).ToList();
        await Store.AddAsync(listings, s_now, Stop);
        var (index, _) = Follow();
        var unwanted = new UnwantedStatements(_time);
        var replica = new SqlReplica(Database, index, unwanted, Intake(index, unwanted, Open));
        List<ContentHash> ids = [ContentHash.Of("none"u8), .. listings.Select(listing => listing.Id)];

        var some = await replica.ReadAsync(ids, 2 * listings[0].Payload.Length, Stop);
        (some.Handled, some.Statements.Count).ShouldBe((4, 3));
        some.Statements.Select(statement => statement.Id).ShouldBe(ids.Skip(1).Take(3));
        some.Statements[0].Open().Value.Item.ShouldBe(listings[0].Item);
        (await replica.ReadAsync(ids, int.MaxValue, Stop)).Statements.Count.ShouldBe(10);
        var none = await replica.ReadAsync([ContentHash.Of("none"u8)], 1, Stop);
        (none.Handled, none.Statements.Count).ShouldBe((1, 0));
    }

    [Fact]
    public async Task Replicas_OfTwoCells_ConvergeThoughOneForgetsBeforeTheOther()
    {
        var offer = Sign(StatementStoreConformance.Offer(1));
        var (old, young) = (Sign(new ProfileStatement("Ann", null)), Sign(new ProfileStatement("Ann B.", null), seconds: 1));
        await Store.AddAsync([offer, young], s_now, Stop);
        await using var folder = new SqliteSource();
        await using var other = await folder.OpenAsync();
        await new SqlStatementStore(other, Open).AddAsync([offer, old, Sign(StatementStoreConformance.Listing("1.0.0"))], s_now, Stop);
        _time.Advance(TimeSpan.FromDays(2));
        await Store.ForgetOversAsync(_time.GetUtcNow(), 10, Stop);

        var (here, there) = (await ReplicaAsync(Database), await ReplicaAsync(other));
        var (first, second) = (await SyncAsync(here, there), await SyncAsync(here, there));

        (first.Intake, first.Given).ShouldBe((new IntakeReport(1, 1, 1, 0), 1));
        (second.Theirs, second.Ours, second.Intake).ShouldBe((1, 0, default));
        await new SqlStatementStore(other, Open).ForgetOversAsync(_time.GetUtcNow(), 10, Stop);
        await there.Follower.StepAsync(Stop);
        (await SyncAsync(here, there)).Theirs.ShouldBe(0);
        here.Replica.Index.Ids.All.ShouldBe(there.Replica.Index.Ids.All);
        here.Replica.Index.Ids.Count.ShouldBe(2);
    }

    private async Task<(SqlReplica Replica, ReplicaFollower Follower)> ReplicaAsync(Stoa.Node.Storage.Database database)
    {
        var index = new ReplicaIndex(new SipKey(1, 2));
        var unwanted = new UnwantedStatements(_time);
        var store = new SqlStatementStore(database, Open);
        var follower = new ReplicaFollower(new SqlStatementChanges(database), index, DrawKey, _time);
        await follower.StepAsync(Stop);
        return (new SqlReplica(database, index, unwanted, new StatementIntake(store, index, unwanted, new ReplicationTelemetry(_services.GetRequiredService<IMeterFactory>()), _time)), follower);
    }

    private static async Task<ReconciliationReport> SyncAsync((SqlReplica Replica, ReplicaFollower Follower) asking, (SqlReplica Replica, ReplicaFollower Follower) answering)
    {
        var (there, back) = Market.Tests.Registry.Replication.MemoryChannel.Pair();
        var (report, _) = await Market.Tests.Registry.Replication.MemoryChannel.RunAsync(
            there, new AskingSide(asking.Replica, there, new SipKey(4, 4), 0).RunAsync(Stop), back, new AnsweringSide(answering.Replica, back, new SipKey(3, 3)).RunAsync(Stop));
        await asking.Follower.StepAsync(Stop);
        await answering.Follower.StepAsync(Stop);
        return report;
    }

    private static Task<IntakeReport> TakeAsync(StatementIntake intake, params Statement[] statements) => intake.TakeAsync("sync", [.. statements.Select(SignedStatement.Of)], Stop);

    private StatementIntake Intake(ReplicaIndex index, UnwantedStatements unwanted, AdmissionPolicy policy) =>
        new(new SqlStatementStore(Database, policy), index, unwanted, new ReplicationTelemetry(_services.GetRequiredService<IMeterFactory>()), _time);

    private (ReplicaIndex Index, ReplicaFollower Follower) Follow()
    {
        var index = new ReplicaIndex(new SipKey(1, 2));
        return (index, new ReplicaFollower(new SqlStatementChanges(Database), index, DrawKey, _time));
    }

    private Task<IReadOnlyList<ContentHash>> IdsAsync() => new SqlStatementChanges(Database).ListIdsAsync(default, 100, Stop);

    private static SipKey DrawKey() => SipKey.FromBytes(RandomNumberGenerator.GetBytes(SipKey.Size));

    private static Statement Sign(StatementContent content, int seconds = 0) => Statement.Sign(s_ann, new Hlc(s_now.AddSeconds(seconds).ToUnixTimeMilliseconds(), 0), content).Value;
}

public sealed class SqliteReplicaTests() : ReplicaConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresReplicaTests(PostgresCluster cluster) : ReplicaConformance(new PostgresSource(cluster));
