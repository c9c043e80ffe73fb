using Stoa.Node.Tests.Hosting;

namespace Stoa.Llama.Tests.Models;

/// <summary>llama.cpp's libraries, of which npm has a package.</summary>
public static class LlamaLibraries
{
    /// <summary>The folder that they are in; skips the test where they cannot be had.</summary>
    public static async Task<string> FindAsync(CancellationToken cancellationToken) =>
        Path.Combine(await NpmJudge.InstallAsync("llama", cancellationToken), "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64");
}
