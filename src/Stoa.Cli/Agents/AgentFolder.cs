using Stoa.Market;
using Stoa.Market.Registry;

namespace Stoa.Cli.Agents;

/// <summary>A folder with an <c>agent.json</c>.</summary>
/// <param name="Path">Full path.</param>
/// <param name="ManifestBytes">The file as it is: what is published, with versions for the ranges in it.</param>
/// <param name="Manifest">What it says.</param>
internal sealed record AgentFolder(string Path, byte[] ManifestBytes, AgentManifest Manifest)
{
    public const string ManifestFile = "agent.json";

    public string ProgramPath => System.IO.Path.Combine(Path, Manifest.Program);

    /// <summary>Whether a node would take it as an agent's name.</summary>
    public static bool IsAgentName(string name) => Names.IsAgentName(name);

    /// <summary>Reads the manifest by the same rules as a node does at publication, but that its <c>uses</c> may name ranges alone: <see cref="UsedVersions"/>.</summary>
    /// <exception cref="CommandFailure">There is none, or it breaks its rules; every reason is in the message.</exception>
    public static async Task<AgentFolder> OpenAsync(string folder, CancellationToken cancellationToken)
    {
        var path = System.IO.Path.Combine(folder, ManifestFile);
        if (!File.Exists(path))
            throw new CommandFailure($"There is no {ManifestFile} in {folder}.", hint: "Name the agent's folder, or make one with: stoa agent new NAME");
        var bytes = await File.ReadAllBytesAsync(path, cancellationToken);
        return new AgentFolder(folder, bytes, Accepted(ManifestReader.ReadDraft(bytes)));
    }

    /// <summary>The same folder with another manifest, which a node would take.</summary>
    /// <exception cref="CommandFailure">It would not; every reason is in the message.</exception>
    public AgentFolder WithManifest(byte[] manifest) => this with { ManifestBytes = manifest, Manifest = Accepted(ManifestReader.Read(manifest)) };

    private static AgentManifest Accepted(Outcome<AgentManifest, PublishRefusal> read) => read.TryGet(out var manifest, out var refusal)
        ? manifest
        : throw new CommandFailure(
            string.Join(Environment.NewLine, refusal.Errors.Select(error => $"  {(error.Pointer.Length == 0 ? "(whole)" : error.Pointer)}  {error.Reason}").Prepend(refusal.Detail)),
            ExitCode.Refused);
}
