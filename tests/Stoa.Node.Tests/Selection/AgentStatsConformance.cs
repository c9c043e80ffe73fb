using Stoa.Market.Identity;
using Stoa.Market.Selection;
using Stoa.Node.Selection;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Selection;

/// <summary>What every store of statistics does.</summary>
public abstract class AgentStatsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_790_000_000_000);
    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());

    private SqlAgentStatsStore Store => new(Database);

    [Fact]
    public async Task Record_ThenFind_GivesWhatTheRuleGives()
    {
        var attempt = Attempt("ann/one", _ids.Next<User>());
        var expected = new AgentStats { Agent = "ann/one" }.After(attempt, Reputation.WeightOf(0, 1, 0), 0);

        (await Store.RecordAsync([attempt], Stop)).ShouldHaveSingleItem().ShouldBe(expected);

        (await Store.FindAsync("ann/one", Stop)).ShouldBe(expected);
        (await Store.FindAsync("ann/two", Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Record_OfOnePayerAgainAndAgain_WeighsLessEachTime()
    {
        var payer = _ids.Next<User>();
        var successes = new List<double>();
        for (var i = 0; i < 3; i++)
            successes.Add((await Store.RecordAsync([Attempt("ann/one", payer)], Stop))[0].Successes / Decay.WeightAt(s_now));

        // Half of log2 of 2, 3 and 4: nobody else was paid by this account.
        successes.Select(sum => Math.Round(sum, 4)).ShouldBe([0.5, 0.7925, 1]);
    }

    [Fact]
    public async Task Record_OfMany_IsTheSameAsOneByOne()
    {
        var payer = _ids.Next<User>();
        var attempts = Enumerable.Range(0, 8).Select(i => Attempt("ann/one", payer, i % 3 == 0 ? Verdict.Fault : Verdict.Good)).ToList();
        var together = (await Store.RecordAsync(attempts, Stop)).Single();
        AgentStats apart = null!;
        var other = _ids.Next<User>();
        foreach (var attempt in attempts)
            apart = (await Store.RecordAsync([attempt with { Agent = "bob/one", PayerId = other }], Stop)).Single();

        (together.Successes + together.Faults).ShouldBe(apart.Successes + apart.Faults, apart.Successes * 1e-9);
        (together.Succeeded, together.Failed, together.Revision).ShouldBe((5, 3, 8));
        together.LastWords.ShouldBe(apart.LastWords.Replace(other.ToString(), payer.ToString(), StringComparison.Ordinal));
        together.Seconds.ShouldBe(apart.Seconds, apart.Seconds * 1e-9);
    }

    [Fact]
    public async Task Record_OfAPayerWhoPaidOthers_WeighsMore()
    {
        var payer = _ids.Next<User>();
        await Store.RecordAsync([Attempt("bob/one", payer), Attempt("cleo/one", payer), Attempt("dora/one", payer, Verdict.Fault)], Stop);

        var stats = (await Store.RecordAsync([Attempt("ann/one", payer)], Stop)).Single();

        // Two others were paid; the third failed and was not.
        (stats.Successes / Decay.WeightAt(s_now)).ShouldBe(0.75, 1e-6);
    }

    [Fact]
    public async Task Record_OfAPayerWhoPaidHundreds_CountsAsManyAsCount()
    {
        var (payer, other) = (_ids.Next<User>(), _ids.Next<User>());
        await Store.RecordAsync([.. Enumerable.Range(0, 100).Select(i => Attempt($"p{i % 90:00}/a{i}", payer))], Stop);
        // Nine publishers with several agents, each of whom counts once, beside the agent's own.
        await Store.RecordAsync([.. Enumerable.Range(0, 100).Select(i => Attempt($"p{i % 10:00}/a{i}", other)), Attempt("p05/a50", other, Verdict.Fault)], Stop);

        var stats = await Store.RecordAsync([Attempt("p05/new", payer), Attempt("p05/newer", other)], Stop);

        stats.Select(one => Math.Round(one.Successes / Decay.WeightAt(s_now), 6)).ShouldBe([Math.Round(65d / 66, 6), Math.Round(10d / 11, 6)]);
    }

    [Fact]
    public async Task Record_OfThreeFaults_SuspendsAndKeepsWhy()
    {
        await Store.RecordAsync([.. Enumerable.Range(0, 3).Select(_ => Attempt("ann/one", _ids.Next<User>(), Verdict.Fault))], Stop);

        var stats = (await Store.FindAsync("ann/one", Stop)).ShouldNotBeNull();
        stats.SuspendedUntil.ShouldBe(s_now + AgentStats.FirstSuspension);
        stats.SuspendedFor.ShouldBe("3 faults and hardly any success, the last one trap");
    }

    [Fact]
    public async Task Record_OfFaultsOfConsumersWhoPayOthers_SuspendsWhatOthersUse()
    {
        var users = Enumerable.Range(0, 2).Select(_ => _ids.Next<User>()).ToList();
        foreach (var user in users)
            await Store.RecordAsync([Attempt("ann/one", user)], Stop);
        // A thousand faults of an account are those of one consumer, and he has paid nobody.
        await Store.RecordAsync([.. Enumerable.Repeat(Attempt("ann/one", _ids.Next<User>(), Verdict.Fault), 1_000)], Stop);
        (await Store.FindAsync("ann/one", Stop))!.SuspendedUntil.ShouldBeNull();

        foreach (var _ in Enumerable.Range(0, 3))
        {
            var consumer = _ids.Next<User>();
            await Store.RecordAsync([.. Enumerable.Range(0, 3).Select(i => Attempt($"p{i}/one", consumer))], Stop);
            await Store.RecordAsync([Attempt("ann/one", consumer, Verdict.Fault)], Stop);
        }

        var stats = (await Store.FindAsync("ann/one", Stop)).ShouldNotBeNull();
        (stats.Suspensions, stats.SuspendedUntil, stats.SuspendedFor).ShouldBe(
            (1, s_now + AgentStats.FirstSuspension, "faults at tasks of 3 consumers, the last one trap"));
    }

    [Fact]
    public async Task ListChanged_GivesThoseSinceAnInstant()
    {
        await Store.RecordAsync([Attempt("ann/one", _ids.Next<User>())], Stop);
        await Store.RecordAsync([Attempt("bob/one", _ids.Next<User>()) with { At = s_now.AddSeconds(1) }], Stop);

        (await Store.ListChangedAsync(s_now, Stop)).Select(stats => stats.Agent).ShouldBe(["ann/one", "bob/one"]);
        (await Store.ListChangedAsync(s_now.AddMilliseconds(1), Stop)).Select(stats => stats.Agent).ShouldBe(["bob/one"]);
    }

    [Fact]
    public async Task Record_ByManyAtOnce_LosesNothing()
    {
        var payers = Enumerable.Range(0, 8).Select(_ => _ids.Next<User>()).ToList();
        await Task.WhenAll(payers.SelectMany(payer => Enumerable.Range(0, 5).Select(i => Task.Run(
            () => Store.RecordAsync([Attempt(i % 2 == 0 ? "ann/one" : "bob/one", payer), Attempt("cleo/one", payer)], Stop), Stop))));

        (await Store.FindAsync("ann/one", Stop))!.Succeeded.ShouldBe(24);
        (await Store.FindAsync("bob/one", Stop))!.Succeeded.ShouldBe(16);
        (await Store.FindAsync("cleo/one", Stop))!.ShouldSatisfyAllConditions(
            stats => stats.Succeeded.ShouldBe(40), stats => stats.Revision.ShouldBe(40));
    }

    private EndedAttempt Attempt(string agent, Id<User> payer, Verdict verdict = Verdict.Good) => new(
        agent,
        _ids.Next<User>(),
        payer,
        verdict,
        verdict is Verdict.Good ? "" : "trap",
        verdict is Verdict.Good ? Money.Parse("0.01") : Money.Zero,
        2_000_000_000,
        50_000_000,
        250,
        s_now);
}

public sealed class SqliteAgentStatsTests() : AgentStatsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAgentStatsTests(PostgresCluster cluster) : AgentStatsConformance(new PostgresSource(cluster));
