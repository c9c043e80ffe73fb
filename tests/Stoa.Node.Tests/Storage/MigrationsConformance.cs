using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

public abstract class MigrationsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly IReadOnlyList<Migration> s_known =
    [
        .. Migrations.Embedded,
        Migration.FromFile("901_boxes.sql", "CREATE TABLE boxes (id {bigserial}, data {blob});\nCREATE INDEX boxes_by_data ON boxes (data);"),
        Migration.FromFile("902_lids.sql", "CREATE TABLE lids (id {bigserial});"),
    ];

    [Fact]
    public async Task Apply_Again_ChangesNothing()
    {
        await ApplyAsync(s_known);
        await Database.WriteAsync(session => session.ExecuteAsync("INSERT INTO lids (id) VALUES (7)"), Stop);

        await ApplyAsync(s_known);

        (await Database.ReadAsync(session => session.QueryAsync<long>("SELECT id FROM lids"), Stop)).ShouldBe([7]);
    }

    [Fact]
    public async Task Apply_WithFewerThanTheDatabaseHas_SaysThatItIsNewer()
    {
        await ApplyAsync(s_known);

        var refused = await Should.ThrowAsync<StorageUnusableException>(() => ApplyAsync([.. s_known.SkipLast(1)]));

        refused.Message.ShouldContain("newer version");
        refused.Message.ShouldContain("902_lids");
    }

    [Fact]
    public async Task Apply_WithAnAlteredStep_SaysWhich()
    {
        await ApplyAsync(s_known);

        var refused = await Should.ThrowAsync<StorageUnusableException>(
            () => ApplyAsync([.. s_known.Select(step => step.Number == 901 ? step with { Sql = step.Sql + " " } : step)]));

        refused.Message.ShouldContain("901_boxes");
        refused.Message.ShouldContain("altered");
    }

    [Fact]
    public async Task Apply_WithAStepSlippedInBefore_SaysWhichIsLacking()
    {
        await ApplyAsync(s_known);

        var refused = await Should.ThrowAsync<StorageUnusableException>(
            () => ApplyAsync([.. s_known.Append(Migration.FromFile("900_late.sql", "SELECT 1")).OrderBy(step => step.Number)]));

        refused.Message.ShouldContain("lacks the migration 900_late");
    }

    [Fact]
    public async Task Apply_OfAStepThatFails_LeavesNothingOfIt()
    {
        var broken = Migration.FromFile("903_broken.sql", "CREATE TABLE half (id {bigserial}); CREATE TABLE nonsense (");

        await Should.ThrowAsync<Exception>(() => ApplyAsync([.. s_known, broken]));

        await ApplyAsync([.. s_known, Migration.FromFile("903_whole.sql", "CREATE TABLE half (id {bigserial});")]);
    }

    private Task ApplyAsync(IReadOnlyList<Migration> migrations) =>
        Migrations.ApplyAsync(Database, migrations, TimeProvider.System, Stop);
}

public sealed class SqliteMigrationsTests() : MigrationsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresMigrationsTests(PostgresCluster cluster) : MigrationsConformance(new PostgresSource(cluster));
