using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/workflow-runs</c>: begins a run.</summary>
    /// <param name="request">Which workflow, and what it is given.</param>
    /// <param name="idempotencyKey">The same key with the same request gives the same run, however often it is sent; null for a new one.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; a run that was begun goes on.</param>
    public Task<WorkflowRunResponse> StartWorkflowRunAsync(StartWorkflowRunRequest request, string? idempotencyKey = null, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making("workflow-runs", () => JsonBody(request, StoaJson.Default.StartWorkflowRunRequest), idempotencyKey), StoaJson.Default.WorkflowRunResponse, cancellationToken);

    /// <summary><c>GET /api/v1/workflow-runs/{id}</c>.</summary>
    public Task<WorkflowRunResponse> GetWorkflowRunAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(WorkflowRunPath(id), StoaJson.Default.WorkflowRunResponse, cancellationToken);

    /// <summary><c>GET /api/v1/workflow-runs</c>: newest first, all pages.</summary>
    /// <param name="state">Only those in this state; null for all.</param>
    /// <param name="workflow">Only those of the workflow of this name; null for all.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public IAsyncEnumerable<WorkflowRunResponse> ListWorkflowRunsAsync(string? state = null, string? workflow = null, CancellationToken cancellationToken = default) =>
        ListAsync("workflow-runs" + Query(("state", state), ("workflow", workflow)), StoaJson.Default.ListResponseWorkflowRunResponse, cancellationToken);

    /// <summary><c>GET /api/v1/workflow-runs/{id}/steps</c>: in the order in which they came to be, all pages.</summary>
    /// <param name="id">The run.</param>
    /// <param name="state">Only those in this state; null for all.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public IAsyncEnumerable<WorkflowStepBody> ListWorkflowRunStepsAsync(string id, string? state = null, CancellationToken cancellationToken = default) =>
        ListAsync(WorkflowRunPath(id) + "/steps" + Query(("state", state)), StoaJson.Default.ListResponseWorkflowStepBody, cancellationToken);

    /// <summary><c>GET /api/v1/workflow-runs/{id}/events</c>: from its begin to its end. A broken stream is taken up after the last event.</summary>
    /// <param name="id">The run.</param>
    /// <param name="cancellationToken">Ends the stream; the run goes on.</param>
    public async IAsyncEnumerable<CloudEvent> WatchWorkflowRunAsync(string id, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var happened in ReadEventsAsync(WorkflowRunPath(id) + "/events", null, IsOverAsync, cancellationToken))
        {
            yield return happened;
            if (happened.Type == "stoa.workflow.ended")
                yield break;
        }

        async Task<bool> IsOverAsync() => (await GetWorkflowRunAsync(id, cancellationToken)).EndedAt is not null;
    }

    /// <summary><c>GET /api/v1/workflow-runs/{id}/graph</c>: a flowchart in Mermaid's language; null with more than 500 nodes.</summary>
    public async Task<string?> DrawWorkflowRunAsync(string id, CancellationToken cancellationToken = default) =>
        (await GetAsync(WorkflowRunPath(id) + "/graph", StoaJson.Default.WorkflowGraphResponse, cancellationToken)).Graph;

    /// <summary><c>DELETE /api/v1/workflow-runs/{id}</c>: has it stopped. It is over once its tasks have ended, and what was done is undone.</summary>
    public Task<WorkflowRunResponse> CancelWorkflowRunAsync(string id, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, WorkflowRunPath(id)), StoaJson.Default.WorkflowRunResponse, cancellationToken);

    /// <summary><c>POST /api/v1/workflow-runs/{id}/resumptions</c>: has one that has failed or was cancelled go on from where it ended; one that is not over is answered as it is.</summary>
    /// <param name="id">The run.</param>
    /// <param name="maxPrice">US dollars that all of it may cost at most from now on; null for as before.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<WorkflowRunResponse> ResumeWorkflowRunAsync(string id, string? maxPrice = null, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Post, WorkflowRunPath(id) + "/resumptions", () => JsonBody(new ResumeWorkflowRunRequest(maxPrice), StoaJson.Default.ResumeWorkflowRunRequest)),
        StoaJson.Default.WorkflowRunResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/workflow-runs/{id}/signals</c>: sends an event.</summary>
    /// <param name="id">The run.</param>
    /// <param name="name">Of the event.</param>
    /// <param name="value">What comes with it; null for nothing.</param>
    /// <param name="idempotencyKey">Sent again with the same key it comes once; null for a new one.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<WorkflowRunResponse> SignalWorkflowRunAsync(string id, string name, JsonElement? value = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) => SendAsync(
        Call.Making(WorkflowRunPath(id) + "/signals", () => JsonBody(new SignalWorkflowRunRequest(name, value), StoaJson.Default.SignalWorkflowRunRequest), idempotencyKey),
        StoaJson.Default.WorkflowRunResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/workflow-runs/{id}/approvals</c>: answers what it asks.</summary>
    /// <param name="id">The run.</param>
    /// <param name="path">The node that asks.</param>
    /// <param name="approve">Yes or no.</param>
    /// <param name="comment">Goes with it; null for none.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<WorkflowRunResponse> AnswerWorkflowRunAsync(string id, string path, bool approve, string? comment = null, CancellationToken cancellationToken = default) => PostAsync(
        WorkflowRunPath(id) + "/approvals", new AnswerWorkflowRunRequest(path, approve, comment), StoaJson.Default.AnswerWorkflowRunRequest, StoaJson.Default.WorkflowRunResponse, cancellationToken);

    private static string WorkflowRunPath(string id) => "workflow-runs/" + Uri.EscapeDataString(id);
}
