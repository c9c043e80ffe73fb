using System.Net.Http.Headers;
using Stoa.Client.Contracts;

namespace Stoa.Client;

/// <summary>Which agents to list; null members ask for nothing.</summary>
/// <param name="Text">Words in name, description or tags.</param>
/// <param name="Capability">Such as <c>image.resize</c>.</param>
/// <param name="Publisher">A handle.</param>
public sealed record AgentQuery(string? Text = null, string? Capability = null, string? Publisher = null);

public sealed partial class StoaClient
{
    private const string WasmMediaType = "application/wasm";

    /// <summary><c>POST /api/v1/agents/upload</c>: publishes a version. Publishing the same again answers the same version.</summary>
    /// <param name="manifest">The bytes of <c>agent.json</c>, sent as they are.</param>
    /// <param name="program">The WebAssembly program, from its position to its end. Seekable streams allow repeated attempts.</param>
    /// <param name="progress">Told of the bytes sent.</param>
    /// <param name="cancellationToken">Stops the upload; nothing is published then.</param>
    public Task<AgentResponse> PublishAgentAsync(
        ReadOnlyMemory<byte> manifest,
        Stream program,
        IProgress<TransferProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var source = new UploadSource(program, progress);
        var call = Call.Making("agents/upload", Form) with { IsBodyRepeatable = source.IsRepeatable };
        return SendAsync(call, StoaJson.Default.AgentResponse, cancellationToken);

        MultipartFormDataContent Form()
        {
            var manifestPart = new ReadOnlyMemoryContent(manifest);
            manifestPart.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            return new MultipartFormDataContent
            {
                { manifestPart, "manifest", "agent.json" },
                { source.Open(WasmMediaType), "program", "program.wasm" },
            };
        }
    }

    /// <summary><c>GET /api/v1/agents</c>: the newest version of each agent, all pages.</summary>
    public IAsyncEnumerable<AgentResponse> ListAgentsAsync(AgentQuery? query = null, CancellationToken cancellationToken = default) =>
        ListAsync(
            "agents" + Query(("text", query?.Text), ("capability", query?.Capability), ("publisher", query?.Publisher)),
            StoaJson.Default.ListResponseAgentResponse,
            cancellationToken);

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}[/{version}]</c>; without a version the newest one.</summary>
    public Task<AgentResponse> GetAgentAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        GetAsync(agent.Path, StoaJson.Default.AgentResponse, cancellationToken);

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/versions</c>, all pages.</summary>
    public IAsyncEnumerable<AgentResponse> ListAgentVersionsAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        ListAsync(agent.ListingPath + "/versions", StoaJson.Default.ListResponseAgentResponse, cancellationToken);

    /// <summary>The WebAssembly program of a version, verified against its digest.</summary>
    public Task DownloadProgramAsync(
        AgentResponse agent, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DownloadAsync(
            new AgentReference(agent.Publisher, agent.Name, agent.Version).Path + "/program",
            agent.ProgramDigest,
            destination,
            progress,
            cancellationToken);
}
