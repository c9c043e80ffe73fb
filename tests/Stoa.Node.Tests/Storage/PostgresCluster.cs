using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Stoa.Node.Storage;

[assembly: AssemblyFixture(typeof(Stoa.Node.Tests.Storage.PostgresCluster))]

namespace Stoa.Node.Tests.Storage;

/// <summary>A throw-away PostgreSQL server for one test run, started when the first test asks for it.</summary>
/// <remarks>
/// STOA_TEST_POSTGRES may hold the connection string of a server to use instead; its user must be allowed to make databases.
/// The server listens on a Unix socket in a temporary folder only. A watchdog shell that waits for the end of its standard
/// input stops the server and removes the folder: the pipe closes when this process ends, however it ends.
/// </remarks>
public sealed class PostgresCluster : IAsyncDisposable
{
    private readonly Lazy<Task<string>> _server;
    private readonly Lazy<Task<string>> _template;
    private Process? _watchdog;
    private int _databases;

    public PostgresCluster() => (_server, _template) = (new Lazy<Task<string>>(StartAsync), new Lazy<Task<string>>(MakeTemplateAsync));

    /// <summary>Makes a database and answers its connection string.</summary>
    /// <param name="isEmpty">Without a schema, which whoever opens it makes; otherwise it has that of this version, and nothing in it. It is copied, which takes a tenth of the time.</param>
    public async Task<string> CreateDatabaseAsync(bool isEmpty) => isEmpty ? await MakeAsync("") : await MakeAsync($" TEMPLATE {new NpgsqlConnectionStringBuilder(await _template.Value).Database}");

    public async Task DropDatabaseAsync(string connectionString)
    {
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await ExecuteAsync(await _server.Value, $"DROP DATABASE {name} WITH (FORCE)");
    }

    public async ValueTask DisposeAsync()
    {
        if (_template.IsValueCreated && _template.Value.IsCompletedSuccessfully)
            await DropDatabaseAsync(await _template.Value);
        if (_watchdog is null)
            return;
        _watchdog.StandardInput.Close();
        await _watchdog.WaitForExitAsync();
        _watchdog.Dispose();
    }

    private async Task<string> MakeAsync(string like)
    {
        var server = await _server.Value;
        var name = string.Create(CultureInfo.InvariantCulture, $"stoa_test_{Environment.ProcessId}_{Interlocked.Increment(ref _databases)}");
        await ExecuteAsync(server, $"CREATE DATABASE {name}{like}");
        return new NpgsqlConnectionStringBuilder(server) { Database = name }.ConnectionString;
    }

    private async Task<string> MakeTemplateAsync()
    {
        var template = await MakeAsync("");
        // Nobody may be connected to what is copied.
        await using (await Database.OpenAsync(new StorageOptions(StorageProvider.Postgres, ConnectionString: template + ";Pooling=false"), TimeProvider.System, CancellationToken.None))
        {
        }

        return template;
    }

    private async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("STOA_TEST_POSTGRES") is { Length: > 0 } given)
            return given;
        var programs = PostgresPrograms.Find();
        Assert.SkipWhen(programs is null, "PostgreSQL is not installed (Debian: apt-get install postgresql), and STOA_TEST_POSTGRES is not set.");

        var folder = Directory.CreateTempSubdirectory("stoa-pg-").FullName;
        _watchdog = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"cat >/dev/null; exec >/dev/null 2>&1; {programs!.EndCommand(folder)}"]) { RedirectStandardInput = true })!;
        await programs.StartAsync(folder, "-c fsync=off -c max_connections=300");
        return PostgresPrograms.ConnectionString(folder) + ";Maximum Pool Size=60";
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
