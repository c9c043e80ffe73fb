using System.Globalization;

namespace Stoa.Node.Tests.Storage;

/// <summary>Where PostgreSQL is installed, and how its programs are started. The benchmarks compile this file too.</summary>
internal static class PostgresPrograms
{
    /// <summary>What comes before a program in a shell: PostgreSQL refuses to run as root.</summary>
    public static string AsUser => Environment.UserName == "root" ? "runuser -u postgres -- " : "";

    /// <summary>The folder of the newest installed version's programs; null when there is none.</summary>
    public static string? Find()
    {
        const string debian = "/usr/lib/postgresql";
        var folders = Directory.Exists(debian)
            ? Directory.GetDirectories(debian)
                .OrderByDescending(version => int.TryParse(Path.GetFileName(version), CultureInfo.InvariantCulture, out var number) ? number : 0)
                .Select(version => Path.Combine(version, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Concat(path).FirstOrDefault(folder =>
            File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "pg_ctl")));
    }
}
