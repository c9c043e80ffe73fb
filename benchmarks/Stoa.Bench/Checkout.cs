namespace Stoa.Bench;

/// <summary>Where the repository is: the samples are read from it.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Stoa.slnx is not above the benchmarks.");
    }
}
