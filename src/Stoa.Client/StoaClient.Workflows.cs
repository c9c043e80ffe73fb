using System.Net.Http.Headers;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/workflows/validations</c>: looks at a workflow before anything runs.</summary>
    /// <param name="document">In JSON or YAML, UTF-8, at most 4 MiB.</param>
    /// <param name="isYaml">Whether it is YAML.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoaException">It does not hold together: <c>workflowInvalid</c>, with every reason.</exception>
    public Task<WorkflowValidationResponse> ValidateWorkflowAsync(ReadOnlyMemory<byte> document, bool isYaml, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making(
            "workflows/validations",
            () => new ReadOnlyMemoryContent(document) { Headers = { ContentType = new MediaTypeHeaderValue(isYaml ? "application/yaml" : "application/json") } }),
        StoaJson.Default.WorkflowValidationResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/workflows/validations</c>: looks at a workflow with those that it uses.</summary>
    /// <param name="request">The workflow, and those that it uses.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoaException">It does not hold together: <c>workflowInvalid</c>, with every reason.</exception>
    public Task<WorkflowValidationResponse> ValidateWorkflowAsync(ValidateWorkflowRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("workflows/validations", request, StoaJson.Default.ValidateWorkflowRequest, StoaJson.Default.WorkflowValidationResponse, cancellationToken);

    /// <summary><c>POST /api/v1/workflows/simulations</c>: runs a workflow without doing anything.</summary>
    /// <param name="request">The workflow, and what its tasks come to.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoaException">It does not hold together, or its input does not fit.</exception>
    public Task<WorkflowSimulationResponse> SimulateWorkflowAsync(SimulateWorkflowRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("workflows/simulations", request, StoaJson.Default.SimulateWorkflowRequest, StoaJson.Default.WorkflowSimulationResponse, cancellationToken);

    /// <summary><c>POST /api/v1/workflows</c>: keeps a workflow by its name.</summary>
    /// <param name="document">In JSON or YAML, UTF-8, at most 4 MiB.</param>
    /// <param name="isYaml">Whether it is YAML.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoaException">It does not hold together: <c>workflowInvalid</c>, with every reason.</exception>
    public Task<WorkflowResponse> SaveWorkflowAsync(ReadOnlyMemory<byte> document, bool isYaml, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("workflows", () => new ReadOnlyMemoryContent(document) { Headers = { ContentType = new MediaTypeHeaderValue(isYaml ? "application/yaml" : "application/json") } }),
        StoaJson.Default.WorkflowResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/workflows</c>: the newest version of each, all pages.</summary>
    public IAsyncEnumerable<WorkflowResponse> ListWorkflowsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("workflows", StoaJson.Default.ListResponseWorkflowResponse, cancellationToken);

    /// <summary><c>GET /api/v1/workflows/{name}/versions</c>: newest first, all pages.</summary>
    public IAsyncEnumerable<WorkflowResponse> ListWorkflowVersionsAsync(string name, CancellationToken cancellationToken = default) =>
        ListAsync(WorkflowPath(name) + "/versions", StoaJson.Default.ListResponseWorkflowResponse, cancellationToken);

    /// <summary><c>GET /api/v1/workflows/{name}</c>: with its document.</summary>
    /// <param name="name">Of the workflow.</param>
    /// <param name="version">Which; null for the newest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<WorkflowResponse> GetWorkflowAsync(string name, int? version = null, CancellationToken cancellationToken = default) =>
        GetAsync(WorkflowPath(name) + Query(("version", VersionText(version))), StoaJson.Default.WorkflowResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/workflows/{name}</c>: runs that have begun go on.</summary>
    /// <param name="name">Of the workflow.</param>
    /// <param name="version">Which; null for all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task DeleteWorkflowAsync(string name, int? version = null, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, WorkflowPath(name) + Query(("version", VersionText(version)))), cancellationToken);
    }

    private static string? VersionText(int? version) => version?.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string WorkflowPath(string name) => "workflows/" + Uri.EscapeDataString(name);
}
