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
}
