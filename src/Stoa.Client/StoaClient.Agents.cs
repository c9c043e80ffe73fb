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

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/versions</c>: those that are offered, all pages.</summary>
    public IAsyncEnumerable<AgentResponse> ListAgentVersionsAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        ListAgentVersionsAsync(agent, withWithdrawn: false, cancellationToken);

    /// <summary><c>GET /api/v1/agents/{publisher}/{name}/versions</c>, all pages.</summary>
    /// <param name="agent">A version in it is left out of account.</param>
    /// <param name="withWithdrawn">Also those that were withdrawn.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public IAsyncEnumerable<AgentResponse> ListAgentVersionsAsync(AgentReference agent, bool withWithdrawn, CancellationToken cancellationToken = default) =>
        ListAsync(agent.ListingPath + "/versions" + Query(("withdrawn", withWithdrawn ? "true" : null)), StoaJson.Default.ListResponseAgentResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/agents/{publisher}/{name}[/{version}]/withdrawal</c>: offers a version of yours no more; without a version all that there are now.</summary>
    /// <param name="agent">An agent of yours.</param>
    /// <param name="reason">For everybody to read: one line of at most 500 characters; null for none.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<AgentOfferResponse> WithdrawAgentAsync(AgentReference agent, string? reason = null, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, agent.Path + "/withdrawal", () => JsonBody(new WithdrawAgentRequest(reason), StoaJson.Default.WithdrawAgentRequest)),
        StoaJson.Default.AgentOfferResponse,
        cancellationToken);

    /// <summary><c>DELETE /api/v1/agents/{publisher}/{name}[/{version}]/withdrawal</c>: offers a version again; without a version those that were withdrawn with the whole agent.</summary>
    public Task<AgentOfferResponse> ReinstateAgentAsync(AgentReference agent, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, agent.Path + "/withdrawal"), StoaJson.Default.AgentOfferResponse, cancellationToken);

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
