using System.ComponentModel;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>The log of a task over HTTP: what there is of it, and as it comes.</summary>
public static class LogEndpoints
{
    /// <summary>Says how many bytes of the log came before those of the answer and are kept no more.</summary>
    public const string SkippedHeader = "Log-Skipped-Bytes";

    public static void MapLogs(this IEndpointRouteBuilder api)
    {
        var logs = api.MapGroup("/tasks/{id}/log").WithTags("Tasks");
        logs.MapGet("/", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskLog")
            .WithSummary("Get the end of what the agent wrote to stderr")
            .WithDescription("The log of the attempt that ended the task, or of the one that runs, as it came: its end, up to the task's limit and never more than 64 KiB. The header Log-Skipped-Bytes says how much came before it and is kept no more. It is a stranger's text: clean it of control characters before a terminal shows it. Of a sealed task nothing is kept: it is empty.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain")
            .Refuses(TaskRefusal.TaskUnknown);
        logs.MapGet("/events", FollowAsync)
            .Needs(Permission.TasksRead)
            .WithName("followTaskLog")
            .WithSummary("Follow the log of a task")
            .WithDescription("Server-sent events: what the agent writes to stderr while it writes it, each piece a CloudEvent of type stoa.task.log whose data has the attempt, the offset and the text; then the event of the task's end, after which the stream ends. It begins with what is kept, and goes on through all attempts, whichever node of the cell runs them. A reader who is slower than the agent is told how many bytes it missed (skippedBytes), and never slows the agent down. Last-Event-ID resumes it. Of a sealed task nothing is told but its end.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream")
            .Refuses(RequestRefusal.RequestInvalid)
            .Refuses(TaskRefusal.TaskUnknown);
    }

    private static async Task<Results<FileContentHttpResult, ProblemResult>> GetAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, LogFollower follower, HttpResponse http, CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return TasksEndpoints.Unknown(id);
        var log = await follower.SnapshotAsync(task, cancellationToken);
        http.Headers.XContentTypeOptions = "nosniff";
        http.Headers.CacheControl = "private, no-store";
        http.Headers[SkippedHeader] = log.Start.ToString(CultureInfo.InvariantCulture);
        return TypedResults.Bytes(log.Bytes, "text/plain; charset=utf-8");
    }

    private static async Task<IResult> FollowAsync(
        Id<AgentTask> id,
        Caller caller,
        ITaskStore tasks,
        LogFollower follower,
        [FromQuery, Description("Id of the last event that you have; left out to begin with the oldest text that is kept. The header Last-Event-ID is heeded first.")] string? after,
        [FromHeader(Name = "Last-Event-ID"), Description("As after; browsers send it by themselves when they reconnect.")] string? lastEventId,
        CancellationToken cancellationToken)
    {
        var position = LogPosition.Parse(lastEventId is { Length: > 0 } ? lastEventId : after);
        return await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is null
            ? TasksEndpoints.Unknown(id)
            : new Stream(follower, id, position);
    }

    /// <summary>The stream of one reader.</summary>
    private sealed class Stream(LogFollower follower, Id<AgentTask> id, LogPosition position) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => ServerSentEvents.SendAsync(
            httpContext,
            cancellationToken => Task.FromResult(ReadAsync(
                httpContext.RequestServices.GetRequiredService<PublicKey>().PeerId,
                httpContext.RequestServices.GetRequiredService<TimeProvider>(),
                cancellationToken)));

        private async IAsyncEnumerable<ServerSentEvents.Frame> ReadAsync(
            PeerId node, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var step in follower.FollowAsync(id, position, cancellationToken))
            {
                yield return step switch
                {
                    LogStep.Piece piece => FrameOf(piece, node, time.GetUtcNow()),
                    LogStep.Ended ended => FrameOf(ended, node),
                    _ => throw new InvalidOperationException("Unknown step of a log."),
                };
            }
        }

        private ServerSentEvents.Frame FrameOf(LogStep.Piece piece, PeerId node, DateTimeOffset now)
        {
            var data = new TaskLogData(id.ToString(), piece.Attempt, piece.Start.Token, piece.Start.Offset, piece.SkippedBytes, piece.Text);
            var position = piece.End.ToString();
            return new ServerSentEvents.Frame(position, new CloudEvent(
                "1.0", position, $"stoa://{node}", EventTypes.TaskLog, data.TaskId, now, JsonSerializer.SerializeToElement(data, StoaJson.Default.TaskLogData)));
        }

        private static ServerSentEvents.Frame FrameOf(LogStep.Ended ended, PeerId node)
        {
            // The same event as elsewhere, but for its id: what is resumed is the log.
            var position = ended.End.ToString();
            return new ServerSentEvents.Frame(position, new FeedEvent(null, TaskEvents.Ended(ended.Task, ended.Task.ToContract().FinishedAt!.Value)).ToContract(node) with { Id = position });
        }
    }
}
