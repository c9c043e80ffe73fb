using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

/// <summary>A test over a fresh, migrated database: what conformance suites inherit from.</summary>
public abstract class DatabaseTest(DatabaseSource source) : IAsyncLifetime
{
    private Database? _database;

    protected Database Database => _database!;

    protected DatabaseSource Source => source;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    public virtual async ValueTask InitializeAsync() => _database = await source.OpenAsync();

    public virtual async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
        await source.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the database and opens it again, as a restart of the node does.</summary>
    protected async Task ReopenAsync()
    {
        await Database.DisposeAsync();
        _database = await source.OpenAsync();
    }
}
