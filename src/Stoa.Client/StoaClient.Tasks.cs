using System.Globalization;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/tasks</c>: the request as it is. <see cref="SubmitAsync(string, Stream, SubmitOptions?, CancellationToken)"/> takes inputs of any size.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="wait">How long the node holds the line for the end of the task; null for not at all.</param>
    /// <param name="idempotencyKey">The same key with the same request gives the same task, however often it is sent; null for a new one.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; a task that was made goes on.</param>
    public Task<TaskResponse> SubmitAsync(
        SubmitTaskRequest request, TimeSpan? wait = null, string? idempotencyKey = null, CancellationToken cancellationToken = default) =>
        SendAsync(
            Call.Making("tasks" + WaitQuery(wait), () => JsonBody(request, StoaJson.Default.SubmitTaskRequest), idempotencyKey)
                with
            { ResponseTimeout = Options.ResponseTimeout + wait },
            StoaJson.Default.TaskResponse,
            cancellationToken);

    /// <summary><c>POST /api/v1/tasks/quote</c>: what a submission would hold, without making a task.</summary>
    public Task<QuoteResponse> QuoteAsync(SubmitTaskRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("tasks/quote", request, StoaJson.Default.SubmitTaskRequest, StoaJson.Default.QuoteResponse, cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}</c>.</summary>
    public Task<TaskResponse> GetTaskAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(id), StoaJson.Default.TaskResponse, cancellationToken);

    /// <summary><c>GET /api/v1/tasks</c>: the caller's own, newest first, all pages.</summary>
    /// <param name="state">Only tasks in this state, such as <c>running</c>; null for all.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public IAsyncEnumerable<TaskResponse> ListTasksAsync(string? state = null, CancellationToken cancellationToken = default) =>
        ListAsync("tasks" + Query(("state", state)), StoaJson.Default.ListResponseTaskResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/tasks/{id}</c>: ends a queued task at once, asks a running one to stop.</summary>
    public Task<TaskResponse> CancelTaskAsync(string id, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, TaskPath(id)), StoaJson.Default.TaskResponse, cancellationToken);

    /// <summary><c>POST /api/v1/tasks/{id}/execute</c>: runs a queued task now, past the queue, and waits for its end.</summary>
    public Task<TaskResponse> ExecuteTaskAsync(string id, TimeSpan? wait = null, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Post, TaskPath(id) + "/execute" + WaitQuery(wait), IdempotencyKey: NewIdempotencyKey())
            {
                ResponseTimeout = Options.ResponseTimeout + wait,
            },
            StoaJson.Default.TaskResponse,
            cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/result</c>: the output of a task that succeeded, verified against its digest.</summary>
    public Task DownloadResultAsync(
        TaskResponse task, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DownloadAsync(
            TaskPath(task.Id) + "/result",
            task.Result?.Digest ?? throw new ArgumentException($"Task {task.Id} is {task.State}: only a task that succeeded has a result.", nameof(task)),
            destination,
            progress,
            cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/log</c>: the end of what the agent wrote to stderr, in the attempt that ended the task or in the one
    /// that runs; empty when there is nothing.</summary>
    public async Task<TaskLog> GetTaskLogAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Get, TaskPath(id) + "/log"), cancellationToken);
        var skipped = response.Headers.TryGetValues("Log-Skipped-Bytes", out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : 0;
        return new TaskLog(await response.Content.ReadAsStringAsync(cancellationToken), skipped);
    }

    /// <summary><c>GET /api/v1/tasks/{id}/input</c>: what a task read, verified against the digest that a task or a receipt names.</summary>
    public Task DownloadTaskInputAsync(
        string id, string digest, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DownloadAsync(TaskPath(id) + "/input", digest, destination, progress, cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/receipt</c>: what the node signed about the execution.</summary>
    public Task<DsseEnvelope> GetReceiptAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(id) + "/receipt", StoaJson.Default.DsseEnvelope, cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/selection</c>: why who has the task.</summary>
    public Task<SelectionResponse> GetSelectionAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(id) + "/selection", StoaJson.Default.SelectionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/runs</c>: what each executor of a task gave that several of them ran.</summary>
    public async Task<IReadOnlyList<TaskRunBody>> ListTaskRunsAsync(string id, CancellationToken cancellationToken = default) =>
        (await GetAsync(TaskPath(id) + "/runs", StoaJson.Default.ListResponseTaskRunBody, cancellationToken)).Items;

    private static string TaskPath(string id) => $"tasks/{Uri.EscapeDataString(id)}";

    private static string WaitQuery(TimeSpan? wait) =>
        wait is { } time ? Query(("wait", string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###}s"))) : "";
}
