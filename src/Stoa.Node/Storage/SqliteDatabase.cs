namespace Stoa.Node.Storage;

/// <summary>The embedded database: one file, one writer that commits groups of acts, many readers.</summary>
public sealed class SqliteDatabase : Database
{
    private const int ScrubAttempts = 20;
    private static readonly TimeSpan s_scrubPause = TimeSpan.FromMilliseconds(250);

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
    /// <remarks>Pages are overwritten with the act that deletes, by secure_delete. What the log still has of before is cut off once all of it is in the file.</remarks>
    public override async Task ScrubAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < ScrubAttempts; attempt++)
        {
            if (await Task.Run(_writer.TruncateLog, cancellationToken))
                return;
            await Task.Delay(s_scrubPause, cancellationToken);
        }

        throw new IOException("The write-ahead log cannot be cut off: somebody reads an old state of the database all the time.");
    }

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
