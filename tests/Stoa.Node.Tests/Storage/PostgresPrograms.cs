using System.Diagnostics;
using System.Globalization;

namespace Stoa.Node.Tests.Storage;

/// <summary>The programs of an installed PostgreSQL, and how servers are started by them: on a Unix socket in a folder of their own. Benchmarks and fault runs compile this file too.</summary>
/// <param name="folder">Where the programs are.</param>
internal sealed class PostgresPrograms(string folder)
{
    // PostgreSQL refuses to run as root.
    private static string AsUser => Environment.UserName == "root" ? "runuser -u postgres -- " : "";

    /// <summary>Those of the newest installed version; null when there is none.</summary>
    public static PostgresPrograms? Find()
    {
        const string debian = "/usr/lib/postgresql";
        var folders = Directory.Exists(debian)
            ? Directory.GetDirectories(debian)
                .OrderByDescending(version => int.TryParse(Path.GetFileName(version), CultureInfo.InvariantCulture, out var number) ? number : 0)
                .Select(version => Path.Combine(version, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Concat(path).FirstOrDefault(candidate =>
            File.Exists(Path.Combine(candidate, "initdb")) && File.Exists(Path.Combine(candidate, "pg_ctl"))) is { } found
                ? new PostgresPrograms(found)
                : null;
    }

    /// <summary>Of the server in a folder, without a limit on its pool.</summary>
    public static string ConnectionString(string server) => $"Host={server};Port=5432;Username=postgres;Database=postgres";

    /// <summary>What a shell ends a server by, and removes it.</summary>
    public string EndCommand(string server) => $"cd /; {Control(server)} -m immediate stop; rm -rf '{server}'";

    /// <summary>Makes a server in a folder that exists, and waits until it answers.</summary>
    /// <param name="server">The folder; others may enter the one above.</param>
    /// <param name="settings">As options on its command line.</param>
    /// <exception cref="IOException">It did not start; the message is what its programs said.</exception>
    public async Task StartAsync(string server, string settings)
    {
        var owned = AsUser.Length == 0 ? "" : $"chown postgres '{server}'; ";
        await RunAsync(
            $"set -e; cd /; {owned}{AsUser}'{folder}/initdb' -D '{server}/data' -U postgres -A trust -E UTF8 --no-locale --no-sync; "
            + $"{Control(server)} -w -l '{server}/log' -o \"-c listen_addresses='' -c unix_socket_directories='{server}' {settings}\" start");
    }

    /// <summary>Ends a server and starts it again, and waits until it answers.</summary>
    /// <param name="server">Its folder.</param>
    /// <param name="mode"><c>fast</c> breaks connections; <c>immediate</c> is a crash, after which it recovers.</param>
    /// <exception cref="IOException">It did not start.</exception>
    public Task RestartAsync(string server, string mode) => RunAsync($"cd /; {Control(server)} -w -l '{server}/log' -m {mode} restart");

    private string Control(string server) => $"{AsUser}'{folder}/pg_ctl' -D '{server}/data'";

    private static async Task RunAsync(string script)
    {
        // The server inherits the output of pg_ctl and would keep a pipe open: it goes to a file.
        var output = Path.GetTempFileName();
        try
        {
            using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"exec </dev/null >'{output}' 2>&1; {script}"]))!;
            await shell.WaitForExitAsync();
            if (shell.ExitCode != 0)
                throw new IOException($"PostgreSQL did not start: {await File.ReadAllTextAsync(output)}");
        }
        finally
        {
            File.Delete(output);
        }
    }
}
