using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary>A version of a workflow that is kept. <c>POST /api/v1/workflows</c>.</summary>
/// <param name="Name">As the document says.</param>
/// <param name="Version">From 1.</param>
/// <param name="Digest">SHA-256 of the document as JSON.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Document">Of a single one.</param>
public sealed record WorkflowResponse(string Name, int Version, string Digest, DateTimeOffset CreatedAt, JsonElement? Document = null);

/// <summary><c>POST /api/v1/workflow-runs</c>: exactly one of <c>workflow</c> and <c>document</c>.</summary>
/// <param name="Workflow">A workflow that is kept: <c>name</c> for its newest version, or <c>name@3</c>.</param>
/// <param name="Document">A document as a JSON object, or as a text in YAML.</param>
/// <param name="Input">What the run is given, at most 64 KiB; an empty object when left out.</param>
/// <param name="MaxPrice">US dollars that all of it may cost at most; it is never more than <c>limits.price</c> of the document.</param>
/// <param name="Workflows">Documents that <c>document</c> uses, by what they are called there; those that are kept need not be given.</param>
public sealed record StartWorkflowRunRequest(
    string? Workflow = null, JsonElement? Document = null, JsonElement? Input = null, string? MaxPrice = null, IReadOnlyDictionary<string, JsonElement>? Workflows = null);

/// <summary><c>POST /api/v1/workflow-runs/{id}/resumptions</c>.</summary>
/// <param name="MaxPrice">US dollars that all of it may cost at most from now on, what it has cost already included; never more than <c>limits.price</c> of the document. As before when left out.</param>
public sealed record ResumeWorkflowRunRequest(string? MaxPrice = null);

/// <summary>A run of a workflow. <c>GET /api/v1/workflow-runs/{id}</c>.</summary>
/// <param name="Id">Begins with <c>run_</c>.</param>
/// <param name="Workflow">The name in its document.</param>
/// <param name="Digest">SHA-256 of the document that it began with, and ends with.</param>
/// <param name="State"><c>running</c>, <c>stopping</c>, <c>succeeded</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Spent">What it has cost so far, in US dollars.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Version">Of the workflow that is kept; left out where the document came with the start.</param>
/// <param name="MaxPrice">The most that it may cost; left out for no limit but the account's.</param>
/// <param name="CancelRequestedAt">When somebody asked to stop it.</param>
/// <param name="EndedAt">When it was over.</param>
/// <param name="Output">What it gave; of a single one.</param>
/// <param name="Error">Why it failed; of a single one.</param>
/// <param name="Waits">What it waits for; of a single one that is not over, and the first hundred.</param>
public sealed record WorkflowRunResponse(
    string Id,
    string Workflow,
    string Digest,
    string State,
    string Spent,
    DateTimeOffset CreatedAt,
    int? Version = null,
    string? MaxPrice = null,
    DateTimeOffset? CancelRequestedAt = null,
    DateTimeOffset? EndedAt = null,
    JsonElement? Output = null,
    WorkflowErrorBody? Error = null,
    IReadOnlyList<WorkflowWaitBody>? Waits = null);

/// <summary>What a run waits for.</summary>
/// <param name="Path">The node.</param>
/// <param name="Event">An event of this name.</param>
/// <param name="Until">This instant.</param>
/// <param name="Asks">An answer to this.</param>
/// <param name="By">Handles of who may answer; left out for whoever may run the workflow.</param>
public sealed record WorkflowWaitBody(string Path, string? Event = null, DateTimeOffset? Until = null, string? Asks = null, IReadOnlyList<string>? By = null);

/// <summary>A node of a run. <c>GET /api/v1/workflow-runs/{id}/steps</c>.</summary>
/// <param name="Path">Names of nodes, with the numbers of turns.</param>
/// <param name="State"><c>waiting</c>, <c>running</c>, <c>sleeping</c>, <c>succeeded</c>, <c>failed</c>, <c>skipped</c> or <c>cancelled</c>.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="TaskId">The task of its last attempt.</param>
/// <param name="Price">What that cost, in US dollars.</param>
/// <param name="Error">Why it failed.</param>
public sealed record WorkflowStepBody(string Path, string State, int Attempts, string? TaskId = null, string? Price = null, WorkflowErrorBody? Error = null);

/// <summary><c>POST /api/v1/workflow-runs/{id}/signals</c>: an event for the nodes that wait for it, or will.</summary>
/// <param name="Name">As the document has it.</param>
/// <param name="Value">What comes with it, at most 64 KiB; null when left out.</param>
public sealed record SignalWorkflowRunRequest(string Name, JsonElement? Value = null);

/// <summary><c>POST /api/v1/workflow-runs/{id}/approvals</c>: what a person says.</summary>
/// <param name="Path">The node that asks.</param>
/// <param name="Approve">Yes or no.</param>
/// <param name="Comment">At most 1,000 characters.</param>
public sealed record AnswerWorkflowRunRequest(string Path, bool Approve, string? Comment = null);

/// <summary>A picture of a run. <c>GET /api/v1/workflow-runs/{id}/graph</c>.</summary>
/// <param name="Graph">A flowchart in Mermaid's language, its nodes coloured by their states; left out with more than 500 nodes.</param>
public sealed record WorkflowGraphResponse(string? Graph = null);
