namespace Stoa.Market.Tests.Samples;

/// <summary>Where the sample agents lie in the checkout that the tests were built from.</summary>
public static class SampleFolder
{
    /// <summary>The folder <c>samples</c>.</summary>
    public static string Root { get; } = Path.Combine(Checkout(), "samples");

    /// <summary>The samples: folders with a manifest.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Directory.GetFiles(Root, "agent.json", SearchOption.AllDirectories).Select(path => Path.GetFileName(Path.GetDirectoryName(path)!)).Order()];

    /// <summary>The path of a sample's file.</summary>
    public static string File(string sample, string name) => Path.Combine(Root, sample, name);

    private static string Checkout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException($"No checkout above {AppContext.BaseDirectory}.");
    }
}
