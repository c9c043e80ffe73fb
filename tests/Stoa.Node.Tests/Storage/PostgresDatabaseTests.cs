using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

[Trait("needs", "postgres")]
public sealed class PostgresDatabaseTests(PostgresCluster cluster) : DatabaseConformance(new PostgresSource(cluster))
{
    [Fact]
    public async Task Write_ThatDeadlocks_IsRunAgain()
    {
        await AddAsync("a", 0);
        await AddAsync("b", 0);
        var runs = 0;
        using var bothHoldOne = new CountdownEvent(2);

        async Task<bool> TouchAsync(SqlSession session, string first, string second)
        {
            Interlocked.Increment(ref runs);
            await BumpAsync(session, first);
            if (!bothHoldOne.IsSet)
            {
                bothHoldOne.Signal();
                await Task.Run(() => bothHoldOne.Wait(Stop), Stop);
            }
            await BumpAsync(session, second);
            return true;
        }

        await Task.WhenAll(
            Database.WriteAsync(session => TouchAsync(session, "a", "b"), Stop),
            Database.WriteAsync(session => TouchAsync(session, "b", "a"), Stop));

        runs.ShouldBeGreaterThan(2);
        (await GetAsync("a")).ShouldBe(2);
        (await GetAsync("b")).ShouldBe(2);
    }

    [Fact]
    public async Task Write_ThatAsksToBeRunAgain_IsRunAgainWithNothingLeft()
    {
        var runs = 0;

        await Database.WriteAsync(
            async session =>
            {
                await AddAsync(session, "a", ++runs);
                if (runs < 3)
                    throw new SqlRetryException("met another");
            },
            Stop);

        (await GetAsync("a")).ShouldBe(3);
    }

    [Fact]
    public async Task Open_ByManyAtOnce_MigratesOnce()
    {
        await using var other = new PostgresSource(cluster);
        await other.GetOptionsAsync();

        var nodes = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => other.OpenAsync()));

        var applied = await nodes[0].ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM schema_migrations"), Stop);
        applied.ShouldBe(Migrations.Embedded.Count);
        foreach (var node in nodes)
            await node.DisposeAsync();
    }

    private static Task<int> BumpAsync(SqlSession session, string name) =>
        session.ExecuteAsync("UPDATE counters SET value = value + 1 WHERE name = @name", new { name });
}
