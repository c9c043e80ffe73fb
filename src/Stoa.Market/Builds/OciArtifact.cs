using System.Text.Json;
using System.Text.Json.Nodes;

namespace Stoa.Market.Builds;

/// <summary>The OCI image manifest that ties an agent's manifest and program together; its digest is the identity of the artifact.</summary>
/// <remarks>OCI image spec 1.1, "Guidelines for artifact usage": the agent.json is the config blob, the program the only layer.
/// The text is the same for the same content on every node: member order is fixed, there is no white space and no time.</remarks>
public static class OciArtifact
{
    public const string ManifestMediaType = "application/vnd.oci.image.manifest.v1+json";
    public const string ArtifactType = "application/vnd.stoa.agent.v1";
    public const string ConfigMediaType = "application/vnd.stoa.agent.manifest.v1+json";
    public const string ProgramMediaType = "application/wasm";

    /// <summary>The bytes of the OCI manifest.</summary>
    /// <param name="config">The stored agent.json.</param>
    /// <param name="program">The stored program.</param>
    /// <param name="programName">File name of the program, told by the standard title annotation.</param>
    public static byte[] Manifest(ContentDescriptor config, ContentDescriptor program, string programName)
    {
        var layer = Descriptor(ProgramMediaType, program);
        layer["annotations"] = new JsonObject { ["org.opencontainers.image.title"] = programName };
        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ManifestMediaType,
            ["artifactType"] = ArtifactType,
            ["config"] = Descriptor(ConfigMediaType, config),
            ["layers"] = new JsonArray(layer),
        });
    }

    private static JsonObject Descriptor(string mediaType, ContentDescriptor content) => new()
    {
        ["mediaType"] = mediaType,
        ["digest"] = content.Digest.ToString(),
        ["size"] = content.SizeBytes,
    };
}
