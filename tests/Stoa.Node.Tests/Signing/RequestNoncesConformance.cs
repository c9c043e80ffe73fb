using Stoa.Market.Signing;
using Stoa.Node.Signing;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Signing;

/// <summary>What every database does with the nonces of signed requests.</summary>
public abstract class RequestNoncesConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private static readonly Id<SigningKey> s_key = new(Guid.CreateVersion7());

    [Fact]
    public async Task Nonce_ByManyNodesAtOnce_IsTakenOnce()
    {
        var nodes = Enumerable.Range(0, 8).Select(_ => new RequestNonces(Database, TimeProvider.System)).ToList();

        var taken = await Task.WhenAll(nodes.Select(node => node.TakeAsync(s_key, "one", s_now, Stop)));

        taken.Count(isTaken => isTaken).ShouldBe(1);
        (await nodes[0].TakeAsync(s_key, "two", s_now, Stop)).ShouldBeTrue();
        (await nodes[0].TakeAsync(new Id<SigningKey>(Guid.CreateVersion7()), "one", s_now, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Nonce_AfterARestart_IsStillTaken()
    {
        (await new RequestNonces(Database, TimeProvider.System).TakeAsync(s_key, "one", s_now, Stop)).ShouldBeTrue();
        await ReopenAsync();

        (await new RequestNonces(Database, TimeProvider.System).TakeAsync(s_key, "one", s_now, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task Nonces_ThatWereForgotten_AreNotTakenAgainWhenTheClockIsSetBack()
    {
        var time = new SettableTime(s_now);
        var nonces = new RequestNonces(Database, time);
        (await nonces.TakeAsync(s_key, "one", s_now, Stop)).ShouldBeTrue();
        await nonces.ForgetAsync(s_now.AddSeconds(1), Stop);
        // An earlier time does not bring back what was given up.
        await nonces.ForgetAsync(s_now.AddHours(-1), Stop);

        (await nonces.TakeAsync(s_key, "one", s_now, Stop)).ShouldBeFalse();
        (await nonces.TakeAsync(s_key, "never seen", s_now, Stop)).ShouldBeFalse();
        (await nonces.TakeAsync(s_key, "never seen", s_now.AddSeconds(1), Stop)).ShouldBeTrue();
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM request_nonces"), Stop)).ShouldBe(1);
    }
}

public sealed class SqliteRequestNoncesTests() : RequestNoncesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresRequestNoncesTests(PostgresCluster cluster) : RequestNoncesConformance(new PostgresSource(cluster));
