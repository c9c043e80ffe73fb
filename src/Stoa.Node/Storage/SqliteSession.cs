using System.Data.Common;

namespace Stoa.Node.Storage;

/// <summary>A session over one SQLite connection, whose prepared statements outlive it.</summary>
internal sealed class SqliteSession(SqliteCommands commands, CancellationToken cancellationToken)
    : SqlSession(SqlDialect.Sqlite, cancellationToken)
{
    // One file has one node: there is nobody else to tell.
    private protected override Task NotifyAsync(string topic, long value) => Task.CompletedTask;

    private protected override DbCommand Prepare(SqlStatement statement, object? parameters) => commands.Prepare(statement, parameters);

    private protected override ValueTask ReleaseAsync(DbCommand command) => ValueTask.CompletedTask;

    private protected override Task<int> RunEachAsync(SqlStatement statement, IEnumerable<object> parameters)
    {
        var changed = 0;
        foreach (var one in parameters)
            changed += commands.Prepare(statement, one).ExecuteNonQuery();
        return Task.FromResult(changed);
    }

    private protected override Task<bool[]> RunRowsAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows) =>
        Task.FromResult(commands.RunRows(statement, rows));
}
