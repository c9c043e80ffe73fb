namespace Stoa.Node.Storage;

/// <summary>The embedded database: one file, one writer that commits groups of acts, many readers.</summary>
public sealed class SqliteDatabase : Database
{
    private readonly DataFolderLock _lock;
    private readonly SqliteWriter _writer;
    private readonly SqliteReaders _readers;
    private bool _disposed;

    private SqliteDatabase(DataFolderLock folderLock, SqliteWriter writer, SqliteReaders readers) =>
        (_lock, _writer, _readers) = (folderLock, writer, readers);

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Sqlite;

    /// <inheritdoc/>
    /// <remarks>No other process has the file open.</remarks>
    public override Task EndSessionsAsync(string boot, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await _readers.DisposeAsync();
        // The writer's thread may need a while for its last group; no thread of the pool waits for it.
        await Task.Factory.StartNew(_writer.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _lock.Dispose();
    }

    /// <summary>Opens or makes the file; its schema stays as it is.</summary>
    internal static SqliteDatabase Open(StorageOptions options)
    {
        var folder = Path.GetFullPath(options.DataFolder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception denied) when (denied is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnusableException($"The data folder {folder} cannot be made: {denied.Message}", denied);
        }
        var folderLock = DataFolderLock.Take(folder);
        try
        {
            var path = Path.Combine(folder, StorageOptions.SqliteFileName);
            var writer = new SqliteWriter(SqliteConnections.OpenWriter(path), SqliteConnections.OpenMover(path), options.MaxQueuedWrites, EnterAct);
            return new SqliteDatabase(folderLock, writer, new SqliteReaders(path));
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    private protected override async Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        var (result, session) = await _writer.RunAsync(act, cancellationToken);
        return new Written<T>(result, session);
    }

    private protected override Task<T> RunReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken) =>
        _readers.RunAsync(act, EnterAct, cancellationToken);
}
