using System.ComponentModel;
using System.Diagnostics;

namespace Stoa.Bench;

/// <summary>Programs of others that run in Node: npm installs what they need below <c>artifacts</c> at the first run, as a lock file says.</summary>
internal static class NpmPackages
{
    /// <summary>Installs what a folder of the repository asks for.</summary>
    /// <param name="from">The folder with <c>package.json</c> and its lock file, from the root of the repository.</param>
    /// <param name="name">Of the folder below <c>artifacts</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The folder, with a copy of all files; null when there is no npm or it fails.</returns>
    public static async Task<string?> InstallAsync(string from, string name, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(Checkout.Root, "artifacts", name);
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(Path.Combine(Checkout.Root, from)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        // npm writes it when all is there.
        if (File.Exists(Path.Combine(folder, "node_modules", ".package-lock.json")))
            return folder;
        using var npm = Start("npm", folder, ["ci", "--no-audit", "--no-fund", "--silent"]);
        if (npm is null)
            return null;
        await npm.WaitForExitAsync(cancellationToken);
        return npm.ExitCode == 0 ? folder : null;
    }

    /// <summary>Starts a program whose output is read; null when it is not installed.</summary>
    public static Process? Start(string program, string folder, string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true });
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
