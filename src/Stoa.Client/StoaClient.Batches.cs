using System.Runtime.CompilerServices;
using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/batches</c>: all tasks are made, or none.</summary>
    /// <param name="request">The tasks, at most 10,000.</param>
    /// <param name="idempotencyKey">The same key with the same request gives the same batch, however often it is sent; null for a new one.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; a batch that was made goes on.</param>
    public Task<BatchResponse> SubmitBatchAsync(SubmitBatchRequest request, string? idempotencyKey = null, CancellationToken cancellationToken = default) =>
        SendAsync(Call.Making("batches", () => JsonBody(request, StoaJson.Default.SubmitBatchRequest), idempotencyKey), StoaJson.Default.BatchResponse, cancellationToken);

    /// <summary><c>GET /api/v1/batches/{id}</c>.</summary>
    public Task<BatchResponse> GetBatchAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(BatchPath(id), StoaJson.Default.BatchResponse, cancellationToken);

    /// <summary><c>GET /api/v1/batches</c>: the caller's own, newest first, all pages.</summary>
    public IAsyncEnumerable<BatchResponse> ListBatchesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("batches", StoaJson.Default.ListResponseBatchResponse, cancellationToken);

    /// <summary><c>GET /api/v1/batches/{id}/tasks</c>: in the order in which they were given, all pages.</summary>
    /// <param name="id">The batch.</param>
    /// <param name="state">Only tasks in this state; null for all.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public IAsyncEnumerable<TaskResponse> ListBatchTasksAsync(string id, string? state = null, CancellationToken cancellationToken = default) =>
        ListAsync(BatchPath(id) + "/tasks" + Query(("state", state)), StoaJson.Default.ListResponseTaskResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/batches/{id}</c>: ends its tasks that wait, asks those that run to stop.</summary>
    public Task<BatchResponse> CancelBatchAsync(string id, CancellationToken cancellationToken = default) =>
        SendAsync(new Call(HttpMethod.Delete, BatchPath(id)), StoaJson.Default.BatchResponse, cancellationToken);

    /// <summary><c>GET /api/v1/batches/{id}/events</c>: its progress, step by step. Ends with the batch. A broken stream is taken up after the last event.</summary>
    /// <param name="id">The batch.</param>
    /// <param name="cancellationToken">Ends the stream; the batch goes on.</param>
    public async IAsyncEnumerable<BatchEventData> WatchBatchAsync(string id, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var happened in ReadEventsAsync(BatchPath(id) + "/events", null, IsOverAsync, cancellationToken))
        {
            yield return happened.Data.Deserialize(StoaJson.Default.BatchEventData)!;
            if (happened.Type == "stoa.batch.ended")
                yield break;
        }

        async Task<bool> IsOverAsync() => (await GetBatchAsync(id, cancellationToken)).FinishedAt is not null;
    }

    private static string BatchPath(string id) => "batches/" + Uri.EscapeDataString(id);
}
