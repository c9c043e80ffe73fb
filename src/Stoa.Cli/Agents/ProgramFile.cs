using Stoa.Cli.Terminal;
using Stoa.Market.Builds;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Cli.Agents;

/// <summary>An agent's program that a node would take.</summary>
/// <param name="Digest">SHA-256 of the file.</param>
/// <param name="SizeBytes">Its size.</param>
/// <param name="Description">What it is, for people.</param>
internal sealed record ProgramFile(ContentHash Digest, long SizeBytes, string Description)
{
    /// <summary>Checks the program of a folder by the rules that a node has at publication.</summary>
    /// <exception cref="CommandFailure">It is not there, or a node would refuse it; every reason is in the message.</exception>
    public static async Task<ProgramFile> CheckAsync(AgentFolder folder, CancellationToken cancellationToken)
    {
        var path = folder.ProgramPath;
        if (!File.Exists(path))
            throw new CommandFailure($"There is no {folder.Manifest.Program} in {folder.Path}.", hint: $"Build it with: stoa agent build {folder.Path}");
        var bytes = await File.ReadAllBytesAsync(path, cancellationToken);
        if (!ProgramCheck.Check(new Engine(new EngineOptions { Features = AgentFeatures.Admitted }), bytes, folder.Manifest.Limits.MemoryBytes).TryGet(out var module, out var refusal))
        {
            throw new CommandFailure(
                string.Join(Environment.NewLine, refusal.Errors.Select(error => "  " + error.Reason).Prepend(refusal.Detail)), ExitCode.Refused);
        }

        var memory = module.Exports.Select(export => export.Type).OfType<MemoryType>().First();
        const long pageBytes = 64 * 1024;
        return new ProgramFile(
            module.Digest,
            bytes.Length,
            $"valid WASI command, {module.Imports.Length} imports, {Format.Size((long)memory.Pages.Minimum * pageBytes)} memory at its start");
    }
}
