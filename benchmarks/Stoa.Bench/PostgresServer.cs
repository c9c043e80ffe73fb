using System.Diagnostics;
using Npgsql;
using Stoa.Faults.Nodes;
using Stoa.Node.Tests.Storage;

namespace Stoa.Bench;

/// <summary>A PostgreSQL server of this run's own, durable as it comes, on a Unix socket in a temporary folder. However this process ends, the server ends with it.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Watchdog _watchdog = new();

    private PostgresServer(string folder) => _folder = folder;

    public string ConnectionString => $"Host={_folder};Port=5432;Username=postgres;Database=postgres;Maximum Pool Size=20";

    private static string AsUser => PostgresPrograms.AsUser;

    /// <summary>Starts one; null when PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer?> StartAsync()
    {
        if (PostgresPrograms.Find() is not { } programs)
            return null;
        var server = new PostgresServer(Directory.CreateTempSubdirectory("stoa-bench-pg-").FullName);
        server._watchdog.AtEnd($"rm -rf '{server._folder}'");
        server._watchdog.AtEnd($"{AsUser}'{programs}/pg_ctl' -D '{server._folder}/data' -m immediate stop");
        var owned = AsUser.Length == 0 ? "" : $"chown postgres '{server._folder}'; ";
        try
        {
            await RunAsync($"set -e; cd /; {owned}{AsUser}'{programs}/initdb' -D '{server._folder}/data' -U postgres -A trust -E UTF8 --no-locale >/dev/null; "
                + $"{AsUser}'{programs}/pg_ctl' -D '{server._folder}/data' -w -l '{server._folder}/log' "
                + $"-o \"-c listen_addresses='' -c unix_socket_directories='{server._folder}' -c shared_buffers=256MB -c max_wal_size=2GB\" start >/dev/null");
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

    private static async Task RunAsync(string script)
    {
        // The server inherits the output of pg_ctl: nothing here waits for that to be closed.
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"({script}) >/dev/null 2>&1"]))!;
        await shell.WaitForExitAsync();
        if (shell.ExitCode != 0)
            throw new BenchmarkException("PostgreSQL did not start.");
    }
}
