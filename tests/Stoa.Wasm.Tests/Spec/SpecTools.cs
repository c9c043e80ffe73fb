using System.Diagnostics;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>Where the official suite is: in an archive beside the checkout.</summary>
internal static class SpecTools
{
    private const string Archive = "wasm-spec-2.0.tar.xz";

    /// <summary>Why the suite cannot run here; null when it can.</summary>
    public static string? MissingReason
    {
        get
        {
            if (FindArchive() is null)
                return $"the official suite is not there: ../shared/wasm-spec/{Archive} (or STOA_WASM_SPEC names its folder)";
            return FindProgram("tar") is null ? "tar is not installed" : null;
        }
    }

    /// <summary>The root of the checkout; null when the tests run elsewhere.</summary>
    public static string? Root
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (at is not null && !File.Exists(Path.Combine(at.FullName, "Stoa.slnx")))
                at = at.Parent;
            return at?.FullName;
        }
    }

    /// <summary>Unpacks the suite.</summary>
    /// <returns>For each file of the suite, by name, its path.</returns>
    public static SortedDictionary<string, string> Unpack(string folder)
    {
        Run("tar", "xJf", FindArchive()!, "-C", folder);
        var scripts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(folder, "*.wast", SearchOption.AllDirectories))
            scripts.Add(Path.GetFileNameWithoutExtension(path), path);
        return scripts;
    }

    private static string? FindArchive()
    {
        string? folder = Environment.GetEnvironmentVariable("STOA_WASM_SPEC");
        if (folder is null && Root is { } root)
            folder = Path.Combine(root, "..", "shared", "wasm-spec");
        string archive = Path.Combine(folder ?? ".", Archive);
        return File.Exists(archive) ? archive : null;
    }

    private static string? FindProgram(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {errors}");
    }
}
