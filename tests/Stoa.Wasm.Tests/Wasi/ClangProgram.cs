using System.Collections.Concurrent;
using System.Diagnostics;
using Stoa.Wasm.Tests.Spec;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>The C programs beside these tests, built by clang and wasi-libc where those are installed.</summary>
internal static class ClangProgram
{
    private static readonly ConcurrentDictionary<string, Lazy<byte[]>> s_built = new();

    /// <summary>Builds a program once; skips the test where the toolchain is missing.</summary>
    public static byte[] Build(string name, params string[] options)
    {
        Assert.SkipUnless(SpecTools.Root is not null, "the sources are not beside the tests");
        try
        {
            return s_built.GetOrAdd(string.Join(' ', [name, .. options]), _ => new(() => Compile(name, options))).Value;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("clang is not installed (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)");
            throw;
        }
    }

    private static byte[] Compile(string name, string[] options)
    {
        var folder = Path.Combine(SpecTools.Root!, "tests", "Stoa.Wasm.Tests", "Wasi", "Programs");
        using var output = new Files.TemporaryDirectory();
        var target = Path.Combine(output.FullPath, name + ".wasm");
        var start = new ProcessStartInfo("clang") { RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var argument in new[] { "--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", "-o", target, name + ".c" }.Concat(options))
            start.ArgumentList.Add(argument);
        using var clang = Process.Start(start)!;
        var errors = clang.StandardError.ReadToEnd();
        clang.WaitForExit();
        Assert.SkipWhen(errors.Contains("No available targets", StringComparison.Ordinal), "this clang has no WebAssembly target");
        clang.ExitCode.ShouldBe(0, errors);
        return File.ReadAllBytes(target);
    }
}
