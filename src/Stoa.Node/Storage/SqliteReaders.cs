using System.Collections.Concurrent;

namespace Stoa.Node.Storage;

/// <summary>The reading connections of an SQLite file. Each read sees one snapshot, and neither waits for the writer nor holds it up.</summary>
/// <remarks>Statements run on the caller's thread; their number is bounded so that long queries leave threads to others.</remarks>
internal sealed class SqliteReaders(string path) : IAsyncDisposable
{
    private static readonly int s_maxConnections = Math.Clamp(Environment.ProcessorCount * 2, 4, 32);
    private static readonly SqlStatement s_begin = new("BEGIN");
    private static readonly SqlStatement s_end = new("ROLLBACK");

    private readonly SemaphoreSlim _permits = new(s_maxConnections);
    private readonly ConcurrentBag<SqliteCommands> _idle = [];
    private bool _closed;

    public async Task<T> RunAsync<T>(Func<SqlSession, Task<T>> act, Action enterAct, CancellationToken cancellationToken)
    {
        await _permits.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(SqliteDatabase));
            var commands = _idle.TryTake(out var idle) ? idle : new SqliteCommands(SqliteConnections.OpenReader(path));
            enterAct();
            var result = await RunOnAsync(commands, act, cancellationToken);
            _idle.Add(commands);
            return result;
        }
        finally
        {
            _permits.Release();
        }
    }

    /// <summary>Waits for the reads under way and closes all connections.</summary>
    public async ValueTask DisposeAsync()
    {
        for (var taken = 0; taken < s_maxConnections; taken++)
            await _permits.WaitAsync();
        _closed = true;
        while (_idle.TryTake(out var commands))
            commands.Dispose();
        _permits.Release(s_maxConnections);
    }

    private static async Task<T> RunOnAsync<T>(SqliteCommands commands, Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        var session = new SqliteSession(commands, cancellationToken);
        try
        {
            commands.Run(s_begin);
            var result = await act(session);
            commands.Run(s_end);
            return result;
        }
        catch
        {
            // Nothing is known of the connection's state: the next read opens another.
            commands.Dispose();
            throw;
        }
        finally
        {
            session.End();
        }
    }
}
