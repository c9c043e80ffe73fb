using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    private const string LivePrefix = "live-";
    private const string ProgressType = "stoa.task.progress";
    private const string LogType = "stoa.task.log";

    /// <summary><c>GET /api/v1/events</c>: what happens from now on, or after a position, without end. A broken stream is taken up after the last event.</summary>
    /// <param name="afterEventId">Id of the last event that was seen; null for events from now on.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public IAsyncEnumerable<CloudEvent> WatchEventsAsync(string? afterEventId = null, CancellationToken cancellationToken = default) =>
        ReadEventsAsync("events", afterEventId, isOver: null, cancellationToken);

    /// <summary><c>GET /api/v1/tasks/{id}/events</c>: what happens to a task, from its submission to its end, with measured progress
    /// between. Ends with the task. A broken stream is taken up after the last event.</summary>
    /// <param name="id">The task.</param>
    /// <param name="afterEventId">Id of the last event that was seen; null for all.</param>
    /// <param name="cancellationToken">Ends the stream; the task goes on.</param>
    public async IAsyncEnumerable<CloudEvent> WatchTaskAsync(
        string id, string? afterEventId = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var path = TaskPath(id) + "/events";
        await foreach (var happened in ReadEventsAsync(path, afterEventId, IsOverAsync, cancellationToken))
        {
            yield return happened;
            if (IsEnd(happened))
                yield break;
        }

        async Task<bool> IsOverAsync() => (await GetTaskAsync(id, cancellationToken)).FinishedAt is not null;
    }

    /// <summary><c>GET /api/v1/tasks/{id}/log/events</c>: what the agent writes to stderr while it writes it, from what is kept on, through all
    /// attempts, to the end of the task. A broken stream is taken up where it broke.</summary>
    /// <param name="id">The task.</param>
    /// <param name="after"><see cref="TaskLogPiece.Position"/> of the last piece that was seen; null for all.</param>
    /// <param name="cancellationToken">Ends the stream; the task goes on.</param>
    public async IAsyncEnumerable<TaskLogPiece> FollowTaskLogAsync(
        string id, string? after = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // Of a task that has ended the rest of the log comes all the same, and then its end: only that ends this stream.
        await foreach (var happened in ReadEventsAsync(TaskPath(id) + "/log/events", after, isOver: null, cancellationToken))
        {
            if (IsEnd(happened))
                yield break;
            if (happened.Type == LogType)
                yield return new TaskLogPiece(happened.Id, happened.Data.Deserialize(StoaJson.Default.TaskLogData)!);
        }
    }

    /// <summary>Waits for the end of a task.</summary>
    /// <param name="id">The task.</param>
    /// <param name="progress">Told of what the sandbox measures.</param>
    /// <param name="cancellationToken">Ends the waiting; the task goes on.</param>
    /// <returns>The task in its final state.</returns>
    public async Task<TaskResponse> WaitForTaskAsync(
        string id, IProgress<TaskProgressData>? progress = null, CancellationToken cancellationToken = default)
    {
        await foreach (var happened in WatchTaskAsync(id, cancellationToken: cancellationToken))
        {
            if (progress is not null && TryReadProgress(happened, out var measured))
                progress.Report(measured);
        }

        return await GetTaskAsync(id, cancellationToken);
    }

    private static bool IsEnd(CloudEvent happened) => happened.Type is "stoa.task.succeeded" or "stoa.task.failed" or "stoa.task.cancelled";

    /// <summary>Whether an event is measured progress of a task, and which.</summary>
    public static bool TryReadProgress(CloudEvent happened, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TaskProgressData? measured)
    {
        measured = happened.Type == ProgressType ? happened.Data.Deserialize(StoaJson.Default.TaskProgressData) : null;
        return measured is not null;
    }

    /// <summary>Reads a stream and opens it anew when it breaks; gives up after <see cref="StoaClientOptions.MaxAttempts"/> openings without one event.</summary>
    private async IAsyncEnumerable<CloudEvent> ReadEventsAsync(
        string path,
        string? afterEventId,
        Func<Task<bool>>? isOver,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = afterEventId;
        for (var fruitless = 1; ; fruitless++)
        {
            Exception? broken = null;
            using (var response = await OpenEventsAsync(path, last, cancellationToken))
            {
                await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
                await using var guarded = new IdleTimeoutStream(body, Options.EventIdleTimeout, Options.TimeProvider);
                await using var events = SseParser.Create(guarded, (_, data) => JsonSerializer.Deserialize(data, StoaJson.Default.CloudEvent))
                    .EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
                while (true)
                {
                    try
                    {
                        if (!await events.MoveNextAsync())
                            break;
                    }
                    catch (IOException failure)
                    {
                        broken = failure;
                        break;
                    }

                    if (events.Current.Data is not { } happened)
                        continue;
                    fruitless = 0;
                    if (!happened.Id.StartsWith(LivePrefix, StringComparison.Ordinal))
                        last = happened.Id;
                    yield return happened;
                }
            }

            if (isOver is not null && await isOver())
                yield break;
            if (fruitless >= Options.MaxAttempts)
                throw new NodeUnreachableException(Options.Address, broken ?? new IOException("the event stream ends at once, again and again."));
            await PauseAsync(fruitless + 1, asked: null, cancellationToken);
        }
    }

    private Task<HttpResponseMessage> OpenEventsAsync(string path, string? last, CancellationToken cancellationToken) =>
        SendAsync(
            new Call(HttpMethod.Get, path)
            {
                Prepare = request =>
                {
                    request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
                    if (last is not null)
                        request.Headers.Add("Last-Event-ID", last);
                },
            },
            cancellationToken);
}
