using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Stoa.Node.Tests.Hosting;

/// <summary>Libraries of others, in <c>tests/judges</c>, that judge what this one does. They are installed at the first run, below <c>artifacts</c>.</summary>
public static class NpmJudge
{
    private static readonly SemaphoreSlim s_turn = new(1);

    /// <summary>Installs what a judge needs, as its lock file says; skips the test where that cannot be.</summary>
    /// <returns>The folder that it runs in.</returns>
    public static async Task<string> InstallAsync(string judge, CancellationToken cancellationToken)
    {
        // Tests run side by side, in this process and in others.
        await s_turn.WaitAsync(cancellationToken);
        try
        {
            var folder = Path.Combine(Root(), "artifacts", "judge-" + judge);
            Directory.CreateDirectory(folder);
            await using var turn = await LockAsync(folder + ".lock", cancellationToken);
            return await InstallAsync(judge, folder, cancellationToken);
        }
        finally
        {
            s_turn.Release();
        }
    }

    private static async Task<FileStream> LockAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(200, cancellationToken);
            }
        }
    }

    private static async Task<string> InstallAsync(string judge, string folder, CancellationToken cancellationToken)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Root(), "tests", "judges", judge)))
        {
            // One that runs may be reading what is there.
            var copy = Path.Combine(folder, Path.GetFileName(file));
            var bytes = await File.ReadAllBytesAsync(file, cancellationToken);
            if (!File.Exists(copy) || !(await File.ReadAllBytesAsync(copy, cancellationToken)).AsSpan().SequenceEqual(bytes))
                await File.WriteAllBytesAsync(copy, bytes, cancellationToken);
        }

        // Written when all is there, by the lock file as it was then: another one is installed anew.
        var installedBy = Path.Combine(folder, "installed-by.json");
        var lockFile = await File.ReadAllTextAsync(Path.Combine(folder, "package-lock.json"), cancellationToken);
        if (!File.Exists(installedBy) || await File.ReadAllTextAsync(installedBy, cancellationToken) != lockFile)
        {
            var (installed, said) = await RunAsync("npm", folder, ["ci", "--no-audit", "--no-fund", "--silent"], null, cancellationToken);
            Assert.SkipUnless(installed, $"npm is needed to install {judge}: {said}");
            await File.WriteAllTextAsync(installedBy, lockFile, cancellationToken);
        }

        return folder;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Whether it succeeded, with what it wrote; or what it said of its failure, which is empty where there is no such program.</returns>
    public static async Task<(bool Succeeded, string Output)> RunAsync(
        string program, string folder, string[] arguments, string? input, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Start(program, folder, arguments);
            var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
            if (input is not null)
                await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode == 0, process.ExitCode == 0 ? await output : await error);
        }
        catch (Win32Exception)
        {
            return (false, "");
        }
    }

    /// <summary>Starts a program that runs beside the test.</summary>
    public static Process Start(string program, string folder, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "../../../.."));
}
