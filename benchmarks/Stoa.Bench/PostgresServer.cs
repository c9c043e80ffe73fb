using Npgsql;
using Stoa.Faults.Nodes;
using Stoa.Node.Tests.Storage;

namespace Stoa.Bench;

/// <summary>A PostgreSQL server of this run's own, durable as it comes, in a temporary folder. However this process ends, the server ends with it.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Watchdog _watchdog = new();

    private PostgresServer(string folder) => _folder = folder;

    public string ConnectionString => PostgresPrograms.ConnectionString(_folder) + ";Maximum Pool Size=20";

    /// <summary>Starts one; null when PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer?> StartAsync()
    {
        if (PostgresPrograms.Find() is not { } programs)
            return null;
        var server = new PostgresServer(Directory.CreateTempSubdirectory("stoa-bench-pg-").FullName);
        server._watchdog.AtEnd(programs.EndCommand(server._folder));
        try
        {
            await programs.StartAsync(server._folder, "-c shared_buffers=256MB -c max_wal_size=2GB");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an empty database and answers its connection string.</summary>
    public async Task<string> CreateDatabaseAsync(string name, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        await using var command = source.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync(cancellationToken);
        return new NpgsqlConnectionStringBuilder(ConnectionString) { Database = name }.ConnectionString;
    }

    public ValueTask DisposeAsync() => _watchdog.DisposeAsync();
}
