using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Stoa.Node.Storage;

namespace Stoa.Faults.Books;

/// <summary>Looks into the nodes' database from outside while they work.</summary>
/// <remarks>
/// A look at an SQLite file opens it and closes it again, and none is under way while the node is killed or started: what the node finds then
/// is what it would find alone.
/// </remarks>
internal sealed class DatabaseEye(StorageOptions options) : IDisposable
{
    /// <summary>Counts tasks that have not ended.</summary>
    public const string OpenTasks =
        """
        SELECT (SELECT COUNT(*) FROM queue) + (SELECT COUNT(*) FROM regional_queue)
            + (SELECT COUNT(*) FROM auctions WHERE state = 'Open') + (SELECT COUNT(*) FROM delayed) + (SELECT COUNT(*) FROM leases)
        """;

    private readonly SemaphoreSlim _gate = new(1);
    private bool _isShut;

    /// <summary>Waits for looks under way; those that only would be nice to have give up until it is open again.</summary>
    public async Task ShutAsync()
    {
        await _gate.WaitAsync();
        _isShut = true;
        _gate.Release();
    }

    public void Open() => _isShut = false;

    /// <summary>How many tasks have not ended; null when it cannot be seen now.</summary>
    public Task<long?> TryCountOpenAsync(CancellationToken cancellationToken) => TryCountAsync(OpenTasks, cancellationToken);

    /// <summary>A number; null when it cannot be seen now.</summary>
    public async Task<long?> TryCountAsync(string sql, CancellationToken cancellationToken)
    {
        try
        {
            return await LookAsync(connection => _isShut ? Task.FromResult<long?>(null) : CountAsync(connection, sql, cancellationToken), cancellationToken);
        }
        catch (Exception away) when (away is DbException or IOException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>The tasks that run, with the tokens of their leases.</summary>
    /// <param name="holder">What the names of lease holders begin with; empty for all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyDictionary<string, long>> ListRunningAsync(string holder, CancellationToken cancellationToken) =>
        QueryAsync($"SELECT task_id, token FROM leases WHERE holder LIKE '{holder}%'", cancellationToken);

    /// <summary>The tasks that wait for another attempt, with the tokens of their last leases.</summary>
    public Task<IReadOnlyDictionary<string, long>> ListRetriedAsync(CancellationToken cancellationToken) => QueryAsync(
        "SELECT d.task_id, t.token FROM delayed AS d JOIN tasks AS t ON t.id = d.task_id WHERE t.token > 0", cancellationToken);

    /// <summary>Those of the tasks that neither ended nor began anew since they had these tokens.</summary>
    public async Task<IReadOnlyCollection<string>> ListStillAsync(IReadOnlyDictionary<string, long> tasks, CancellationToken cancellationToken)
    {
        var ids = string.Join(", ", tasks.Keys.Select(id => $"'{id}'"));
        var open = await QueryAsync(
            $"""
            SELECT task_id, token FROM leases WHERE task_id IN ({ids})
            UNION ALL SELECT task_id, token FROM queue WHERE task_id IN ({ids})
            UNION ALL SELECT task_id, token FROM regional_queue WHERE task_id IN ({ids})
            UNION ALL SELECT d.task_id, t.token FROM delayed AS d JOIN tasks AS t ON t.id = d.task_id WHERE d.task_id IN ({ids})
            """,
            cancellationToken);
        return [.. open.Where(task => tasks[task.Key] == task.Value).Select(task => task.Key)];
    }

    /// <summary>Changes something from outside, as no program does: to have a run begin with what takes long to come about.</summary>
    public Task ChangeAsync(string sql, CancellationToken cancellationToken) => LookAsync(
        async connection =>
        {
            await connection.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            return await command.ExecuteNonQueryAsync(cancellationToken);
        },
        cancellationToken,
        SqliteOpenMode.ReadWrite);

    public void Dispose() => _gate.Dispose();

    private Task<IReadOnlyDictionary<string, long>> QueryAsync(string sql, CancellationToken cancellationToken) => LookAsync<IReadOnlyDictionary<string, long>>(
        async connection =>
        {
            await connection.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            var rows = new Dictionary<string, long>(StringComparer.Ordinal);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                rows[reader.GetString(0)] = reader.GetInt64(1);
            return rows;
        },
        cancellationToken);

    private static async Task<long?> CountAsync(DbConnection connection, string sql, CancellationToken cancellationToken)
    {
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), System.Globalization.CultureInfo.InvariantCulture);
    }

    private async Task<T> LookAsync<T>(Func<DbConnection, Task<T>> look, CancellationToken cancellationToken, SqliteOpenMode mode = SqliteOpenMode.ReadOnly)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            await using DbConnection connection = options.Provider is StorageProvider.Postgres
                ? new NpgsqlConnection(new NpgsqlConnectionStringBuilder(options.ConnectionString) { ApplicationName = "faults" }.ConnectionString)
                : new SqliteConnection(new SqliteConnectionStringBuilder
                {
                    DataSource = Path.Combine(options.DataFolder, StorageOptions.SqliteFileName),
                    Mode = mode,
                    Pooling = false,
                }.ConnectionString);
            return await look(connection);
        }
        finally
        {
            _gate.Release();
        }
    }
}
