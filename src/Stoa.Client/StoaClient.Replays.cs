using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/tasks/{id}/replay</c>: does a failed task again; to repeat it gives the same new task.</summary>
    public Task<TaskResponse> ReplayTaskAsync(string id, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Post, TaskPath(id) + "/replay", IdempotencyKey: NewIdempotencyKey()), StoaJson.Default.TaskResponse, cancellationToken);

    /// <summary><c>POST /api/v1/tasks/replays</c>: does failed tasks of one page again.</summary>
    public Task<ReplaysResponse> ReplayTasksAsync(ReplayTasksRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("tasks/replays", request, StoaJson.Default.ReplayTasksRequest, StoaJson.Default.ReplaysResponse, cancellationToken);
}
