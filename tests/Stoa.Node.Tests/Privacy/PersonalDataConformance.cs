using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Selection;
using Stoa.Node.Audit;
using Stoa.Node.Builds;
using Stoa.Node.Ledger;
using Stoa.Node.Privacy;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Privacy;

/// <summary>What is known of persons is known to be so, and can be read on every database.</summary>
public abstract class PersonalDataConformance(DatabaseSource source) : DatabaseTest(source)
{
    [Fact]
    public async Task EveryTable_IsKnownToBePersonalOrNot()
    {
        var tables = await Database.ReadAsync(
            session => session.QueryAsync<string>(
                "SELECT {if sqlite}name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'{end}{if postgres}tablename FROM pg_tables WHERE schemaname = 'public'{end}"),
            Stop);
        var known = PersonalData.Tables.SelectMany(table => table.Parts.Prepend(table)).Select(table => table.Name).Concat(PersonalData.Others.Keys).ToList();

        known.ShouldBeUnique();
        tables.Except(known).ShouldBeEmpty("say in PersonalData whether these tables are about a person");
        known.Except(tables).ShouldBeEmpty("PersonalData names tables that are gone");
    }

    [Fact]
    public void EveryTable_SaysWhatErasureDoesWithIt()
    {
        var steps = Steps().All.Select(step => step.Name).ToList();

        steps.ShouldBeUnique();
        PersonalData.Tables.Where(table => table.OnErasure is null).Select(table => table.Name).ShouldBeEmpty("say in PersonalData what erasure does with these tables");
        PersonalData.Tables.Select(table => table.OnErasure).Concat(PersonalData.Others.Values.Select(table => table.OnErasure))
            .OfType<OnErasure.ByStep>().Select(by => by.Step).Except(steps).ShouldBeEmpty("there is no such step");
        // What is deleted or overwritten by a statement has the step that does it.
        PersonalData.Tables.Where(table => table.OnErasure is OnErasure.Deleted or OnErasure.Overwritten).Select(table => table.Name)
            .Concat(PersonalData.Others.Where(table => table.Value.OnErasure is OnErasure.Deleted or OnErasure.Overwritten).Select(table => table.Key))
            .Except(steps).ShouldBeEmpty();
    }

    [Fact]
    public async Task EveryStep_CanBeDone_AndDoneAgain()
    {
        var user = new Id<User>(Guid.CreateVersion7());
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "INSERT INTO users (id, handle, email, role, created_at) VALUES (@user, 'ada', 'ada@example.org', 'Member', 0)", new { user }),
            Stop);
        foreach (var step in Steps().All.Concat(Steps().All).Where(step => step.RunAsync is not null))
        {
            var place = await Database.WriteAsync(
                session => step.RunAsync!(new ErasureAct(
                    session, new Erasure(user, true, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch, 1, "", null), "ada", "ada@example.org", DateTimeOffset.UnixEpoch)),
                Stop);
            place.ShouldBeNull(step.Name);
        }

        await Database.ScrubAsync(Steps().Tables, Stop);
    }

    [Fact]
    public async Task Export_OfAPersonWithoutAnything_IsEmpty()
    {
        using var written = new MemoryStream();
        using var files = new FileContentStore(Path.Combine(Path.GetTempPath(), $"stoa-privacy-{Guid.NewGuid():n}"));

        await new PersonalExport(Database, new SqlLedgerStore(Database), new SqlAuditBlocks(Database), files)
            .WriteAsync(new Id<User>(Guid.CreateVersion7()), withContent: true, written, Stop);

        written.Length.ShouldBe(0);
    }

    [Fact]
    public async Task Export_WithContent_BeginsOnceADay()
    {
        var (clock, user, other) = (new SettableTime(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123)), new Id<User>(Guid.CreateVersion7()), new Id<User>(Guid.CreateVersion7()));
        foreach (var person in (Id<User>[])[user, other])
        {
            await Database.WriteAsync(
                session => session.ExecuteAsync(
                    "INSERT INTO users (id, handle, email, role, created_at) VALUES (@person, @name, @name, 'Member', 0)", new { person, name = person.ToString() }),
                Stop);
        }

        ExportTurns[] nodes = [new(Database, clock), new(Database, clock)];

        var first = await Task.WhenAll(Enumerable.Range(0, 8).Select(index => Task.Run(() => nodes[index % 2].TakeContentAsync(user, Stop), Stop)));

        first.Count(wait => wait is null).ShouldBe(1);
        first.Where(wait => wait is not null).ShouldAllBe(wait => wait == ExportTurns.ContentPause);
        (await nodes[0].TakeContentAsync(other, Stop)).ShouldBeNull();
        clock.Advance(TimeSpan.FromHours(23));
        (await nodes[0].TakeContentAsync(user, Stop)).ShouldBe(TimeSpan.FromHours(1));
        clock.Advance(TimeSpan.FromHours(1));
        (await nodes[1].TakeContentAsync(user, Stop)).ShouldBeNull();
        clock.Advance(TimeSpan.FromDays(-30));
        (await nodes[1].TakeContentAsync(user, Stop)).ShouldBeNull("the clock was set back");
        using (nodes[0].TryBegin(user).ShouldNotBeNull())
        {
            nodes[0].TryBegin(user).ShouldBeNull();
            using var others = nodes[0].TryBegin(other).ShouldNotBeNull();
        }

        using var again = nodes[0].TryBegin(user).ShouldNotBeNull();
    }

    private static ErasureSteps Steps() => new(
        TestCell.Key, new SystemAccounts(default, default, default, default, default), new AgentIndex(new SelectionPolicy(), DateTimeOffset.UnixEpoch),
        new PublisherStatements(TestCell.Key, AdmissionPolicy.Default, TimeProvider.System), new IdSource(TimeProvider.System, new Random(1)));

    [Fact]
    public async Task Parts_OfTasks_CanBeRead()
    {
        foreach (var part in PersonalData.Tables.SelectMany(table => table.Parts))
        {
            var rows = await Database.ReadAsync(session => session.QueryAsync<(string, string)>(part.ToPartQuery(), new { ids = new[] { "none" } }), Stop);
            rows.ShouldBeEmpty(part.Name);
        }
    }
}

public sealed class SqlitePersonalDataTests() : PersonalDataConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPersonalDataTests(PostgresCluster cluster) : PersonalDataConformance(new PostgresSource(cluster));
