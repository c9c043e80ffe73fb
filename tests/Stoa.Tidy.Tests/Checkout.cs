using System.Runtime.CompilerServices;

namespace Stoa.Tidy.Tests;

/// <summary>The files of the repository, as the house rules see them.</summary>
internal static class Checkout
{
    private static readonly string[] s_notOurs = ["artifacts", "bin", "obj", ".git", "node_modules", "data"];

    public static string Root { get; } = FindRoot();

    /// <summary>Paths relative to the root, with forward slashes, of all files below a folder.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Intersect(s_notOurs).Any())
            .Order(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var folder = new FileInfo(here).Directory;
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Stoa.slnx is not above the tests.");
    }
}
