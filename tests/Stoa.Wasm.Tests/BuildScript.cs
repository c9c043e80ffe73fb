using System.ComponentModel;
using System.Diagnostics;

namespace Stoa.Wasm.Tests;

/// <summary>A script that builds committed WebAssembly programs from their sources.</summary>
internal static class BuildScript
{
    private const int ToolchainMissing = 3;

    /// <summary>Has a script build elsewhere and compare with the committed files; skips the test where the toolchain is not there.</summary>
    public static async Task CheckAsync(string script, params string[] arguments)
    {
        var stop = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo("bash", [script, "--check", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process build;
        try
        {
            build = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Assert.Skip($"There is no bash to run {script} with.");
            return;
        }

        using (build)
        {
            var output = build.StandardOutput.ReadToEndAsync(stop);
            var problems = await build.StandardError.ReadToEndAsync(stop);
            await build.WaitForExitAsync(stop);
            if (build.ExitCode == ToolchainMissing)
                Assert.Skip(problems.Trim());
            build.ExitCode.ShouldBe(0, await output + problems);
        }
    }
}
