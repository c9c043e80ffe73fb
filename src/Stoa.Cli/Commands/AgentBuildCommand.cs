using System.CommandLine;
using Stoa.Cli.Agents;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa agent build</c>.</summary>
internal sealed class AgentBuildCommand : StoaCommand
{
    private const string BuildScript = "build.sh";

    private readonly Argument<string> _directory = new("DIR") { Description = "The agent's folder. Default: the current one.", DefaultValueFactory = _ => "." };

    public AgentBuildCommand(CommandScope scope)
        : base(
            scope,
            "build",
            "Build an agent's program and check it as a node would. Runs build.sh where the folder has one, else compiles its C files with clang.",
            new("The agent in this folder", "stoa agent build"),
            new("With a compiler of your own", "CLANG=clang-18 stoa agent build hello")) =>
        Add(_directory);

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var folder = await AgentFolder.OpenAsync(invocation.Surroundings.FullPath(invocation.Get(_directory)), cancellationToken);
        var started = invocation.Surroundings.TimeProvider.GetTimestamp();
        var said = await CompileAsync(invocation.Surroundings, folder, cancellationToken);
        var took = invocation.Surroundings.TimeProvider.GetElapsedTime(started);
        if (!string.IsNullOrWhiteSpace(said))
            invocation.Screen.Note($"[grey]{Format.Escaped(said.TrimEnd())}[/]");
        var program = await ProgramFile.CheckAsync(folder, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.JsonObject(
                ("program", folder.ProgramPath), ("digest", program.Digest.ToString()), ("sizeBytes", program.SizeBytes), ("durationMs", (long)took.TotalMilliseconds));
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[green]✓[/] [bold]{Format.Escaped(folder.Manifest.Program)}[/]  {Format.Size(program.SizeBytes)}, built in {Format.Duration(took)}");
        invocation.Screen.Facts(
            ("Digest", $"[grey]{program.Digest}[/]"),
            ("Manifest", $"{Format.Escaped(folder.Manifest.Name)}@{folder.Manifest.Version}, valid"),
            ("Program", program.Description));
        invocation.Screen.Note($"[grey]Next: stoa agent publish {Format.Escaped(invocation.Get(_directory))}[/]");
        return ExitCode.Ok;
    }

    /// <returns>What the compiler said on the way.</returns>
    private static async Task<string> CompileAsync(Surroundings surroundings, AgentFolder folder, CancellationToken cancellationToken)
    {
        var sources = FindSources(folder.Path);
        var hasScript = File.Exists(Path.Combine(folder.Path, BuildScript)) && !OperatingSystem.IsWindows();
        if (sources.Count == 0 && !hasScript)
        {
            throw new CommandFailure(
                $"There is nothing to build in {folder.Path}: neither {BuildScript} nor C files in it or in its src folder.",
                hint: $"Agents in other languages bring a {BuildScript} that makes {folder.Manifest.Program}.");
        }

        // A missing compiler is told of before a script stumbles over it.
        var clang = sources.Count > 0 ? Toolchain.FindClang(surroundings) : null;
        var (exitCode, text) = hasScript
            ? await Toolchain.RunAsync("bash", [BuildScript], folder.Path, cancellationToken)
            : await Toolchain.RunAsync(
                clang!,
                ["--target=wasm32-wasi", "-std=c11", "-O2", "-Wall", "-Wextra", "-Wl,--strip-all", "-o", folder.ProgramPath, .. sources, "-lm"],
                folder.Path,
                cancellationToken);
        if (exitCode == 0)
            return text;
        if (clang is not null && Toolchain.SaysIncomplete(text))
            throw Toolchain.Missing($"A part of the toolchain is missing:{Environment.NewLine}{text.TrimEnd()}");
        throw new CommandFailure($"The build failed with exit code {exitCode}:{Environment.NewLine}{text.TrimEnd()}", ExitCode.Refused);
    }

    private static List<string> FindSources(string folder) =>
    [
        .. new[] { folder, Path.Combine(folder, "src") }
            .Where(Directory.Exists)
            .SelectMany(place => Directory.EnumerateFiles(place, "*.c"))
            .Select(path => Path.GetRelativePath(folder, path))
            .Order(StringComparer.Ordinal),
    ];
}
