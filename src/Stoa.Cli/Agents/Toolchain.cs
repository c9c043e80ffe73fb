using System.Diagnostics;

namespace Stoa.Cli.Agents;

/// <summary>The compiler that turns C into WebAssembly: clang with the wasm32-wasi target, found where people have it.</summary>
internal static class Toolchain
{
    private const string InstallHint =
        """
        Install clang with its WebAssembly linker and WASI's C library:
          Debian, Ubuntu   apt-get install clang lld wasi-libc libclang-rt-dev-wasm32   (Debian 12: libclang-rt-14-dev-wasm32)
          Fedora           dnf install clang lld wasi-libc-devel compiler-rt
          macOS            brew install llvm lld wasi-libc wasi-runtimes
          anywhere         the WASI SDK (github.com/WebAssembly/wasi-sdk), with WASI_SDK_PATH set to its folder
        """;

    /// <summary>The compiler: CLANG, the one in WASI_SDK_PATH, or clang on the PATH.</summary>
    /// <exception cref="CommandFailure">There is none, or no linker for it.</exception>
    public static string FindClang(Surroundings surroundings)
    {
        if (surroundings.Variable("CLANG") is { Length: > 0 } named)
            return named;
        if (surroundings.Variable("WASI_SDK_PATH") is { Length: > 0 } sdk)
        {
            var inSdk = Path.Combine(sdk, "bin", Executable("clang"));
            return File.Exists(inSdk) ? inSdk : throw Missing($"WASI_SDK_PATH is set, but there is no {inSdk}.");
        }

        var clang = FindOnPath(surroundings, "clang") ?? throw Missing("There is no clang.");
        return FindOnPath(surroundings, "wasm-ld") is not null ? clang : throw Missing("There is clang, but not its WebAssembly linker wasm-ld.");
    }

    /// <summary>Whether what a compiler said means that a part of the toolchain is not there.</summary>
    public static bool SaysIncomplete(string message) =>
        message.Contains("'stdio.h' file not found", StringComparison.Ordinal)
        || message.Contains("crt1", StringComparison.Ordinal)
        || message.Contains("libclang_rt.builtins", StringComparison.Ordinal)
        || message.Contains("unable to find library -lc", StringComparison.Ordinal);

    public static CommandFailure Missing(string what) => new(what, ExitCode.ToolMissing, InstallHint);

    /// <summary>Runs a program to its end in a folder.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public static async Task<(int ExitCode, string Text)> RunAsync(
        string program, IReadOnlyList<string> arguments, string folder, CancellationToken cancellationToken)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
            },
        };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception cannot)
        {
            throw Missing($"{program} cannot be started: {cannot.Message}");
        }

        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output + await error);
    }

    private static string? FindOnPath(Surroundings surroundings, string name) =>
        (surroundings.Variable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, Executable(name)))
            .FirstOrDefault(File.Exists);

    private static string Executable(string name) => OperatingSystem.IsWindows() ? name + ".exe" : name;
}
