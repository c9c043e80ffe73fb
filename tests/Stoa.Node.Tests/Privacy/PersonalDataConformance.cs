using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Builds;
using Stoa.Node.Ledger;
using Stoa.Node.Privacy;
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
    public async Task Export_OfAPersonWithoutAnything_IsEmpty()
    {
        using var written = new MemoryStream();
        using var files = new FileContentStore(Path.Combine(Path.GetTempPath(), $"stoa-privacy-{Guid.NewGuid():n}"));

        await new PersonalExport(Database, new SqlLedgerStore(Database), new SqlAuditBlocks(Database), files)
            .WriteAsync(new Id<User>(Guid.CreateVersion7()), written, Stop);

        written.Length.ShouldBe(0);
    }

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
