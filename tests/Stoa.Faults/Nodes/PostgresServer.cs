using System.Diagnostics;
using Stoa.Node.Tests.Storage;

namespace Stoa.Faults.Nodes;

/// <summary>A PostgreSQL server of this run's own, durable as it comes, on a Unix socket in a temporary folder.</summary>
internal sealed class PostgresServer
{
    private readonly string _folder;
    private readonly string _programs;

    private PostgresServer(string folder, string programs) => (_folder, _programs) = (folder, programs);

    public string ConnectionString => $"Host={_folder};Port=5432;Username=postgres;Database=postgres;Maximum Pool Size=60";

    private static string AsUser => PostgresPrograms.AsUser;

    /// <summary>Starts one.</summary>
    /// <param name="folder">Made for it; others may enter the folder above.</param>
    /// <param name="watchdog">Stops it at the end.</param>
    /// <exception cref="NotHereException">PostgreSQL is not installed.</exception>
    public static async Task<PostgresServer> StartAsync(string folder, Watchdog watchdog)
    {
        var programs = PostgresPrograms.Find() ?? throw new NotHereException("PostgreSQL is not installed (Debian: apt-get install postgresql).");
        Directory.CreateDirectory(folder);
        var server = new PostgresServer(folder, programs);
        watchdog.AtEnd($"{AsUser}'{programs}/pg_ctl' -D '{folder}/data' -m immediate stop");
        var owned = AsUser.Length == 0 ? "" : $"chown postgres '{folder}'; ";
        await RunAsync($"set -e; cd /; {owned}{AsUser}'{programs}/initdb' -D '{folder}/data' -U postgres -A trust -E UTF8 --no-locale --no-sync");
        await RunAsync(
            $"cd /; {AsUser}'{programs}/pg_ctl' -D '{folder}/data' -w -l '{folder}/log' "
            + $"-o \"-c listen_addresses='' -c unix_socket_directories='{folder}' -c max_connections=300\" start");
        return server;
    }

    /// <summary>Ends it and starts it again, and waits until it answers.</summary>
    /// <param name="mode"><c>fast</c> breaks connections; <c>immediate</c> is a crash, after which it recovers.</param>
    public Task RestartAsync(string mode) => RunAsync($"cd /; {AsUser}'{_programs}/pg_ctl' -D '{_folder}/data' -w -l '{_folder}/log' -m {mode} restart");

    private static async Task RunAsync(string script)
    {
        // The server inherits the output of pg_ctl: nothing here waits for that to be closed.
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"({script}) >/dev/null 2>&1"]))!;
        await shell.WaitForExitAsync();
        if (shell.ExitCode != 0)
            throw new FaultException("PostgreSQL did not start.");
    }
}
