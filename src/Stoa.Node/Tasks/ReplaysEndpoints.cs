using System.Diagnostics;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Failed tasks, done again: one, or those of a page that meet a filter.</summary>
public static class ReplaysEndpoints
{
    private const int LimitDefault = 50;

    public static void MapReplays(this IEndpointRouteBuilder api)
    {
        var tasks = api.MapGroup("/tasks").WithTags("Tasks");
        tasks.MapPost("/{id}/replay", ReplayAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("replayTask").AuditedInBulk()
            .WithSummary("Do a failed task again")
            .WithDescription("Makes a new task of what was asked for, with a hold of its own: the same input, parameters, limits, priority and regions, and the same agent version. A task with a requirement is chosen for anew, and put out to bids anew when it was. A task is replayed once: to repeat the request gives the same new task.")
            .Produces<TaskResponse>(StatusCodes.Status202Accepted)
            .Refuses([.. TasksEndpoints.SubmissionRefusals, TaskRefusal.TaskUnknown, TaskRefusal.NotReplayable, TaskRefusal.BudgetTooSmall, TaskRefusal.AuctionsTooMany, TaskRefusal.InsufficientFunds, TaskRefusal.BudgetExhausted, TaskRefusal.OpenTasksTooMany, TaskRefusal.SpendingLimitReached]);
        tasks.MapPost("/replays", ReplayManyAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("replayTasks").AuditedInBulk()
            .WithSummary("Do failed tasks again")
            .WithDescription("Looks at one page of your failed tasks, newest first, and replays those that meet the filter, each as replayTask does; what is refused is told of each. One that was replayed before is not done again, and a replay that failed only if again is true. Go on with nextCursor.")
            .Produces<ReplaysResponse>();
    }

    private static async Task<IResult> ReplayAsync(
        Id<AgentTask> id, Caller caller, ReplayTask replay, TaskWorkers workers, CancellationToken cancellationToken)
    {
        if (!(await replay.ReplayAsync(caller.UserId, id, caller.Allowance, Activity.Current?.Id, cancellationToken)).TryGet(out var made, out var refusal))
            return refusal.ToProblem();
        if (made.IsNew)
            workers.Wake();
        return TypedResults.Accepted($"/api/v1/tasks/{made.Task.Id}", made.Task.ToContract());
    }

    private static async Task<IResult> ReplayManyAsync(
        Body<ReplayTasksRequest> body, Caller caller, ITaskStore tasks, ReplayTask replay, TaskWorkers workers, CancellationToken cancellationToken)
    {
        var asked = body.Value;
        if (asked.Limit is < 1 or > ListQuery.LimitMax)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/limit", $"A whole number from 1 to {ListQuery.LimitMax} is expected.")]);
        var page = await tasks.ListAsync(caller.UserId, "failed", new PageRequest(asked.Limit ?? LimitDefault, asked.Cursor), cancellationToken);
        List<ReplayBody> replays = [];
        var failedReplays = 0;
        var found = page.Items.Where(task => IsAsked(task, asked)).ToList();
        var earlier = await tasks.FindReplaysAsync(caller.UserId, [.. found.Select(task => task.Id)], cancellationToken);
        foreach (var task in found)
        {
            if (earlier.TryGetValue(task.Id, out var replayed))
            {
                replays.Add(new ReplayBody(task.Id.ToString(), replayed.ToString(), IsNew: false));
                continue;
            }

            if (task.ReplayOf is not null && asked.Again is not true)
            {
                failedReplays++;
                continue;
            }

            var made = await replay.ReplayAsync(caller.UserId, task.Id, caller.Allowance, Activity.Current?.Id, cancellationToken);
            replays.Add(made.Match(
                submitted => new ReplayBody(task.Id.ToString(), submitted.Task.Id.ToString(), submitted.IsNew),
                refusal => new ReplayBody(task.Id.ToString(), Code: EnumWord.Of(refusal.Code), Detail: refusal.Detail)));
        }

        if (replays.Exists(made => made.IsNew is true))
            workers.Wake();
        return TypedResults.Ok(new ReplaysResponse(replays, page.NextCursor, failedReplays));
    }

    private static bool IsAsked(AgentTask task, ReplayTasksRequest asked) =>
        task.State is TaskState.Failed failed
        && (asked.Agent is null || asked.Agent == task.Agent.ToString() || task.Agent.ToString().StartsWith(asked.Agent + "@", StringComparison.Ordinal))
        && (asked.Code is null || asked.Code == EnumWord.Of(failed.Failure.Code))
        && !(failed.FinishedAt < asked.FailedAfter)
        && !(failed.FinishedAt > asked.FailedBefore);
}
