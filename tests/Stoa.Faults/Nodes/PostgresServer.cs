using Stoa.Node.Tests.Storage;

namespace Stoa.Faults.Nodes;

/// <summary>A PostgreSQL server of this run's own, durable as it comes.</summary>
internal sealed class PostgresServer
{
    private readonly PostgresPrograms _programs;
    private readonly string _folder;

    private PostgresServer(PostgresPrograms programs, string folder) => (_programs, _folder) = (programs, folder);

    public string ConnectionString => PostgresPrograms.ConnectionString(_folder) + ";Maximum Pool Size=60";

    /// <summary>Starts one.</summary>
    /// <param name="folder">Made for it; others may enter the folder above.</param>
    /// <param name="watchdog">Ends and removes it at the end.</param>
    /// <exception cref="NotHereException">PostgreSQL is not installed.</exception>
    public static async Task<PostgresServer> StartAsync(string folder, Watchdog watchdog)
    {
        var programs = PostgresPrograms.Find() ?? throw new NotHereException("PostgreSQL is not installed (Debian: apt-get install postgresql).");
        Directory.CreateDirectory(folder);
        watchdog.AtEnd(programs.EndCommand(folder));
        await programs.StartAsync(folder, "-c max_connections=300");
        return new PostgresServer(programs, folder);
    }

    /// <summary>Ends it and starts it again, and waits until it answers.</summary>
    /// <param name="mode"><c>fast</c> breaks connections; <c>immediate</c> is a crash, after which it recovers.</param>
    public Task RestartAsync(string mode) => _programs.RestartAsync(_folder, mode);
}
