namespace Stoa.Node.Storage;

/// <summary>A session over one SQLite connection, whose prepared statements outlive it.</summary>
internal sealed class SqliteSession(SqliteCommands commands, CancellationToken cancellationToken)
    : SqlSession(SqlDialect.Sqlite, cancellationToken)
{
    private protected override Task<int> RunAsync(SqlStatement statement, object? parameters) =>
        Task.FromResult(commands.Prepare(statement, parameters).ExecuteNonQuery());

    // There is no way to a server that could be saved.
    private protected override Task SendOneAsync(SqlStatement statement, object? parameters) => RunAsync(statement, parameters);

    private protected override Task SendAllAsync<T>(SqlRows<T> statement, IReadOnlyList<T> rows) => RunRowsAsync(statement, rows);

    private protected override async Task<List<T>> ReadAsync<T>(SqlStatement statement, object? parameters, int limit)
    {
        await using var reader = commands.Prepare(statement, parameters).ExecuteReader();
        return await ReadRowsAsync<T>(statement, reader, limit);
    }

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
