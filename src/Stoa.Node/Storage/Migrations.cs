namespace Stoa.Node.Storage;

/// <summary>Brings a database to the schema of this version.</summary>
public static class Migrations
{
    private const string ResourcePrefix = "Stoa.Node.Storage.Migrations.";

    private const string MakeTable = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number BIGINT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            applied_at BIGINT NOT NULL
        )
        """;

    // Nodes that start together migrate one after another; the key is the word "stoa" in ASCII.
    private const string Lock = "SELECT {if postgres}1 FROM (SELECT pg_advisory_xact_lock(1937010529)) AS locked{end}{if sqlite}1{end}";

    /// <summary>The steps of this version, in order.</summary>
    public static IReadOnlyList<Migration> Embedded { get; } = ReadEmbedded();

    /// <summary>Runs the steps that the database has not seen, each in a transaction of its own; an empty database gets all of them in one.</summary>
    /// <exception cref="StorageUnusableException">The database has steps that are unknown here, or that differ from those here, or lacks one before its last.</exception>
    public static async Task ApplyAsync(
        Database database, IReadOnlyList<Migration> migrations, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(migrations);
        ArgumentNullException.ThrowIfNull(time);
        while (await database.WriteAsync(session => ApplyNextAsync(session, migrations, time), cancellationToken))
        {
        }
    }

    private static async Task<bool> ApplyNextAsync(SqlSession session, IReadOnlyList<Migration> migrations, TimeProvider time)
    {
        await session.QuerySingleAsync<long>(Lock);
        await session.ExecuteAsync(MakeTable);
        var applied = await session.QueryAsync<Applied>("SELECT number, name, sha256 FROM schema_migrations ORDER BY number");
        Check(applied, migrations);
        if (applied.Count == migrations.Count)
            return false;

        // Where there is nothing to rewrite no step takes long, and each commit waits for the disk.
        var last = applied.Count == 0 ? migrations.Count : applied.Count + 1;
        for (var index = applied.Count; index < last; index++)
        {
            var next = migrations[index];
            await session.ExecuteAsync(next.Sql);
            await session.ExecuteAsync(
                "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES (@number, @name, @sha256, @appliedAt)",
                new { next.Number, next.Name, next.Sha256, appliedAt = time.GetUtcNow() });
        }

        return last < migrations.Count;
    }

    private static void Check(IReadOnlyList<Applied> applied, IReadOnlyList<Migration> migrations)
    {
        for (var index = 0; index < applied.Count; index++)
        {
            var there = applied[index];
            if (migrations.FirstOrDefault(migration => migration.Number == there.Number) is not { } here)
            {
                throw new StorageUnusableException(
                    $"The database was written by a newer version of Stoa: it has the migration {there.Name}, which this version does not know. Start that version or a later one.");
            }
            if (here.Sha256 != there.Sha256)
            {
                throw new StorageUnusableException(
                    $"The migration {there.Name} of the database differs from the one of this version ({here.Name}): one of them was altered after it had run. Start the version that wrote the database, or restore a backup.");
            }
            if (migrations[index].Number != there.Number)
            {
                throw new StorageUnusableException(
                    $"The database lacks the migration {migrations[index].Name} although it has the later {there.Name}. Start the version that wrote the database, or restore a backup.");
            }
        }
    }

    private static List<Migration> ReadEmbedded()
    {
        var assembly = typeof(Migrations).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                return Migration.FromFile(name[ResourcePrefix.Length..], reader.ReadToEnd());
            })
            .OrderBy(migration => migration.Number)];
    }

    private sealed record Applied(long Number, string Name, string Sha256);
}
