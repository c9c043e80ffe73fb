namespace Stoa.Client.Contracts;

/// <summary>A workflow that holds together. <c>POST /api/v1/workflows/validations</c>.</summary>
/// <param name="Name">As the document says.</param>
/// <param name="Nodes">How many, those within nodes too.</param>
/// <param name="MostSteps">Tasks and requests to models that a run may come to, with all maps, loops and retries at their bounds.</param>
/// <param name="MostPrice">All of them at their limits, with inputs of up to 1 MiB, and no more than the workflow's own limit. Left out when that is not known: an agent is chosen while it runs, or a request to a model has no <c>maxPrice</c>.</param>
/// <param name="Graph">A flowchart in Mermaid's language; left out with more than 500 nodes.</param>
public sealed record WorkflowValidationResponse(string Name, int Nodes, long MostSteps, string? MostPrice, string? Graph);
