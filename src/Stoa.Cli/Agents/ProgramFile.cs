using Stoa.Primitives;

namespace Stoa.Cli.Agents;

/// <summary>An agent's program that a node would take.</summary>
/// <param name="Digest">SHA-256 of the file.</param>
/// <param name="SizeBytes">Its size.</param>
/// <param name="Description">What it is, for people.</param>
internal sealed record ProgramFile(ContentHash Digest, long SizeBytes, string Description)
{
    /// <exception cref="CommandFailure">It is not there, or a node would refuse it.</exception>
    public static async Task<ProgramFile> CheckAsync(AgentFolder folder, CancellationToken cancellationToken)
    {
        var path = folder.ProgramPath;
        if (!File.Exists(path))
            throw new CommandFailure($"There is no {folder.Manifest.Program} in {folder.Path}.", hint: $"Build it with: stoa agent build {folder.Path}");
        var bytes = await File.ReadAllBytesAsync(path, cancellationToken);
        return new ProgramFile(ContentHash.Of(bytes), bytes.Length, "");
    }
}
