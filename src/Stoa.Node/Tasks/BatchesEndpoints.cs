using System.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The outer door of batches. A batch that belongs to somebody else is one that does not exist.</summary>
public static class BatchesEndpoints
{
    // Ten thousand tasks of 3 KiB each: longer inputs are uploaded, and the database is not held up by one submission.
    private const long MaxRequestBytes = 32 << 20;
    private const int CancelledAtOnce = 500;

    public static void MapBatches(this IEndpointRouteBuilder api)
    {
        var batches = api.MapGroup("/batches").WithTags("Batches");
        batches.MapPost("/", SubmitAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("submitBatch").AuditedInBulk()
            .WithSummary("Submit a batch")
            .WithDescription("Up to 10,000 tasks in one transaction: all are checked first, then all are made, or none.")
            .TakesAtMost(MaxRequestBytes)
            .Idempotent()
            .Refuses(TaskRefusal.BatchSizeInvalid, TaskRefusal.BatchInvalid, TaskRefusal.InsufficientFunds, TaskRefusal.BudgetExhausted, TaskRefusal.OpenTasksTooMany, TaskRefusal.SpendingLimitReached);
        batches.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listBatches")
            .WithSummary("List your batches, newest first")
            .WithDescription("Each with how many of its tasks are in each state.");
        batches.MapGet("/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getBatch")
            .WithSummary("Get a batch")
            .WithDescription("How many of its tasks are in each state, and what they have cost so far.")
            .Refuses(TaskRefusal.BatchUnknown);
        batches.MapDelete("/{id}", CancelAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("cancelBatch").AuditedInBulk()
            .WithSummary("Cancel a batch")
            .WithDescription("Ends its tasks that wait; those that run are asked to stop.")
            .Refuses(TaskRefusal.BatchUnknown, TaskRefusal.AlreadyFinal);
        batches.MapGet("/{id}/tasks", ListTasksAsync)
            .Needs(Permission.TasksRead)
            .WithName("listBatchTasks")
            .WithSummary("List the tasks of a batch")
            .WithDescription("In the order in which they were given; all of them, or those in one state.")
            .Refuses(TaskRefusal.BatchUnknown);
        batches.MapGet("/{id}/events", WatchAsync)
            .Needs(Permission.TasksRead)
            .WithName("watchBatch")
            .WithSummary("Watch a batch")
            .WithDescription("Server-sent events, each a CloudEvent: its progress about a hundred times, and its end, after which the stream ends. Last-Event-ID resumes it.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream")
            .Refuses(TaskRefusal.BatchUnknown);
    }

    private static async Task<Results<Accepted<BatchResponse>, ProblemResult>> SubmitAsync(
        Body<SubmitBatchRequest> body, MadeId made, Caller caller, SubmitBatch submit, TaskWorkers workers, CancellationToken cancellationToken)
    {
        // The size first: nobody waits for ten thousand reasons why a million tasks are too many.
        if (SubmitBatch.CheckSize(body.Value.Tasks.Count) is { } wrongSize)
            return wrongSize.ToProblem();
        var requests = body.Value.ToRequests();
        if (caller.Allowance is { } allowance)
            requests = [.. requests.Select(request => request with { Allowance = allowance })];
        var submitted = await submit.SubmitAsync(
            made.For<TaskBatch>(), caller.UserId, requests, Activity.Current?.Id, cancellationToken);
        if (!submitted.TryGet(out var batch, out var refusal))
            return refusal.ToProblem();
        workers.Wake();
        return TypedResults.Accepted(PathOf(batch.Id), new TaskBatchProgress(batch, 0).ToContract());
    }

    private static async Task<Ok<ListResponse<BatchResponse>>> ListAsync(
        [AsParameters] ListQuery list, Caller caller, ITaskBatchStore batches, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(
            await batches.ListAsync(caller.UserId, list.ToPage(), cancellationToken), batch => batch.ToContract()));

    private static async Task<Results<Ok<BatchResponse>, ProblemResult>> GetAsync(
        Id<TaskBatch> id, Caller caller, ITaskBatchStore batches, CancellationToken cancellationToken) =>
        await batches.GetAsync(id, caller.UserId, cancellationToken) is { } progress ? TypedResults.Ok(progress.ToContract()) : Unknown(id);

    private static async Task<Results<Ok<BatchResponse>, ProblemResult>> CancelAsync(
        Id<TaskBatch> id,
        Caller caller,
        ITaskBatchStore batches,
        TaskWorkers workers,
        TaskWaiters waiters,
        SystemAccounts accounts,
        IdSource ids,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        BatchCancellation done;
        do
        {
            var cancelled = await batches.CancelAsync(id, caller.UserId, accounts.Clearing, ids, time.GetUtcNow(), CancelledAtOnce, cancellationToken);
            if (!cancelled.TryGet(out done!, out var refusal))
                return refusal.ToProblem();
            foreach (var task in done.Cancelled)
                waiters.Complete(task);
        }
        while (done.IsMore && done.Batch.FinishedAt is null);

        foreach (var attempt in workers.Running.Where(attempt => attempt.Task.BatchId == id))
            workers.Stop(attempt.Task, StopReason.Cancelled);
        return await batches.GetAsync(id, caller.UserId, cancellationToken) is { } progress ? TypedResults.Ok(progress.ToContract()) : Unknown(id);
    }

    private static async Task<Results<Ok<ListResponse<TaskResponse>>, ProblemResult>> ListTasksAsync(
        Id<TaskBatch> id, [AsParameters] ListQuery list, string? state, Caller caller, ITaskBatchStore batches, CancellationToken cancellationToken)
    {
        if (state is not null && !TaskStateNames.All.Contains(state))
        {
            throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter state is one of {string.Join(", ", TaskStateNames.All)}.")]);
        }

        if (await batches.GetAsync(id, caller.UserId, cancellationToken) is not { } progress)
            return Unknown(id);
        var page = await batches.ListTasksAsync(progress.Batch, state, list.ToPage(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, task => task.ToContract()));
    }

    private static async Task<IResult> WatchAsync(Id<TaskBatch> id, Caller caller, ITaskBatchStore batches, CancellationToken cancellationToken)
    {
        if (await batches.GetAsync(id, caller.UserId, cancellationToken) is null)
            return Unknown(id);
        return new EventStreamResult(
            new EventFilter(caller.UserId, id.ToString(), []), DefaultAfter: 0, EndsWith: told => told.Type is EventTypes.BatchEnded);
    }

    private static string PathOf(Id<TaskBatch> id) => $"/api/v1/batches/{id}";

    private static ProblemResult Unknown(Id<TaskBatch> id) => new Refusal<TaskRefusal>(TaskRefusal.BatchUnknown, $"You have no batch {id}.").ToProblem();
}
