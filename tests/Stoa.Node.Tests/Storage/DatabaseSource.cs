using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

/// <summary>Makes empty databases of one kind for tests, and removes them.</summary>
public abstract class DatabaseSource : IAsyncDisposable
{
    /// <summary>Options of the database that this source made; the same each time.</summary>
    public abstract Task<StorageOptions> GetOptionsAsync();

    /// <summary>Opens the database; the caller closes it before this source is disposed.</summary>
    public async Task<Database> OpenAsync() =>
        await Database.OpenAsync(await GetOptionsAsync(), TimeProvider.System, TestContext.Current.CancellationToken);

    public abstract ValueTask DisposeAsync();
}

/// <summary>A database file in a temporary folder.</summary>
public sealed class SqliteSource : DatabaseSource
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("stoa-test-").FullName;

    public override Task<StorageOptions> GetOptionsAsync() => Task.FromResult(new StorageOptions(DataFolder: Folder));

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A database of its own on the test run's PostgreSQL server; skips the test where there is none.</summary>
/// <param name="cluster">The server.</param>
/// <param name="isEmpty">Whether the database has no schema before it is opened.</param>
public sealed class PostgresSource(PostgresCluster cluster, bool isEmpty = false) : DatabaseSource
{
    private StorageOptions? _options;

    public override async Task<StorageOptions> GetOptionsAsync() => _options ??= new StorageOptions(
        StorageProvider.Postgres, ConnectionString: await cluster.CreateDatabaseAsync(isEmpty));

    public override async ValueTask DisposeAsync()
    {
        if (_options is not null)
            await cluster.DropDatabaseAsync(_options.ConnectionString!);
    }
}
