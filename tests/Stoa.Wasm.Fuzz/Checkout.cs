using System.Runtime.CompilerServices;

namespace Stoa.Wasm.Fuzz;

/// <summary>Where the sources lie, for the programs that the decoder's fuzzer starts from.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    public static string Artifacts => Path.Combine(Root, "artifacts", "fuzz");

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var folder = new FileInfo(here).Directory;
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Stoa.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? Environment.CurrentDirectory;
    }
}
