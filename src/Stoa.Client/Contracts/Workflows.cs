using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/workflows/validations</c> of a workflow with those that it uses; one that uses none is sent as it is.</summary>
/// <param name="Workflow">The document as a JSON object, or as a text in YAML.</param>
/// <param name="Workflows">Documents that it uses and does not bring along itself, by what it calls them: JSON objects, or texts in YAML. All together have at most 4 MiB.</param>
public sealed record ValidateWorkflowRequest(JsonElement Workflow, IReadOnlyDictionary<string, JsonElement>? Workflows = null);

/// <summary>A workflow that holds together. <c>POST /api/v1/workflows/validations</c>.</summary>
/// <param name="Name">As the document says.</param>
/// <param name="Nodes">How many, those within nodes and those of workflows that it uses too.</param>
/// <param name="MostSteps">Tasks and requests to models that a run may come to, with all maps, loops and retries at their bounds.</param>
/// <param name="MostPrice">All of them at their limits, with inputs of up to 1 MiB, and no more than the workflow's own limit. Left out when that is not known: an agent is chosen while it runs, or a request to a model has no <c>maxPrice</c>.</param>
/// <param name="Graph">A flowchart in Mermaid's language; left out with more than 500 nodes.</param>
public sealed record WorkflowValidationResponse(string Name, int Nodes, long MostSteps, string? MostPrice = null, string? Graph = null);

/// <summary><c>POST /api/v1/workflows/simulations</c>: a workflow that is run without doing anything.</summary>
/// <param name="Workflow">The document as a JSON object, or as a text in YAML.</param>
/// <param name="Input">What the run is given; an empty object when left out.</param>
/// <param name="Outcomes">What tasks and models come to: by path such as <c>each[0].short</c>, or by the name of a node for all of its turns. What is not named is done and gives null.</param>
/// <param name="Events">What comes with events, by name.</param>
/// <param name="Answers">What people say, by path; yes when left out.</param>
/// <param name="Workflows">Documents that it uses and does not bring along itself, by what it calls them: JSON objects, or texts in YAML.</param>
public sealed record SimulateWorkflowRequest(
    JsonElement Workflow,
    JsonElement? Input = null,
    IReadOnlyDictionary<string, SimulatedOutcomeBody>? Outcomes = null,
    IReadOnlyDictionary<string, JsonElement>? Events = null,
    IReadOnlyDictionary<string, bool>? Answers = null,
    IReadOnlyDictionary<string, JsonElement>? Workflows = null);

/// <summary>What a task or a model comes to in a simulation.</summary>
/// <param name="Output">What expressions read of it.</param>
/// <param name="Content">Of a task: <c>digest</c>, <c>size</c> and <c>mediaType</c> of what it wrote.</param>
/// <param name="Failure">It fails with this code.</param>
/// <param name="Failures">So many attempts fail, and the next one is done; all of them when left out.</param>
public sealed record SimulatedOutcomeBody(JsonElement? Output = null, JsonElement? Content = null, string? Failure = null, int? Failures = null);

/// <summary>What became of a simulated run.</summary>
/// <param name="State"><c>succeeded</c>, <c>failed</c>, or <c>running</c> when it waits for what nothing is said of.</param>
/// <param name="TookMs">Time that would have passed in waits and between attempts, in milliseconds.</param>
/// <param name="Steps">Its nodes, in the order in which they came to be.</param>
/// <param name="Output">What it gave.</param>
/// <param name="Error">Why it failed, or what it waits for.</param>
public sealed record WorkflowSimulationResponse(string State, double TookMs, IReadOnlyList<SimulatedStepBody> Steps, JsonElement? Output = null, WorkflowErrorBody? Error = null);

/// <summary>Why a run or a node of it failed.</summary>
/// <param name="Code">In one word.</param>
/// <param name="Detail">For people.</param>
/// <param name="Path">The node where it began; empty for the run itself.</param>
public sealed record WorkflowErrorBody(string Code, string Detail, string Path);

/// <summary>A node of a simulated run.</summary>
/// <param name="Path">Names of nodes, with the numbers of turns.</param>
/// <param name="State"><c>succeeded</c>, <c>failed</c>, <c>skipped</c>, <c>cancelled</c>, or <c>waiting</c>, <c>running</c> and <c>sleeping</c> where the run waits.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Given">The submission or request of its last attempt, with its expressions evaluated.</param>
public sealed record SimulatedStepBody(string Path, string State, int Attempts, WorkflowErrorBody? Error = null, JsonElement? Given = null);
