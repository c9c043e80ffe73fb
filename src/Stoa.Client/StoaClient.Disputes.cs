using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/tasks/{id}/dispute</c>: has the receipt of a task checked by running it again. The same task again answers the same dispute.</summary>
    /// <param name="taskId">A task of yours that was paid for.</param>
    /// <param name="reason">What is wrong with the result.</param>
    /// <param name="cancellationToken">Stops waiting for the answer.</param>
    public Task<DisputeResponse> DisputeTaskAsync(string taskId, string reason, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Post, TaskPath(taskId) + "/dispute", () => JsonBody(new OpenDisputeRequest(reason), StoaJson.Default.OpenDisputeRequest)),
        StoaJson.Default.DisputeResponse,
        cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/dispute</c>: how it stands.</summary>
    public Task<DisputeResponse> GetTaskDisputeAsync(string taskId, CancellationToken cancellationToken = default) =>
        GetAsync(TaskPath(taskId) + "/dispute", StoaJson.Default.DisputeResponse, cancellationToken);

    /// <summary><c>GET /api/v1/disputes</c>: yours, newest first, all pages.</summary>
    public IAsyncEnumerable<DisputeResponse> ListDisputesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("disputes", StoaJson.Default.ListResponseDisputeResponse, cancellationToken);
}
