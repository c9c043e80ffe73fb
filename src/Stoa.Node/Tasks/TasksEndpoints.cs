using System.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Metering;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>The outer door of tasks. A task that belongs to somebody else is one that does not exist.</summary>
public static class TasksEndpoints
{
    // Base64 of the largest inline input, and room for the rest of the request.
    private const long MaxRequestBytes = (TaskInput.MaxInlineBytes * 4L / 3) + (256 << 10);

    private static readonly TimeSpan s_executeWait = TimeSpan.FromSeconds(30);

    public static void MapTasks(this IEndpointRouteBuilder api)
    {
        var tasks = api.MapGroup("/tasks").WithTags("Tasks");
        tasks.MapPost("/", SubmitAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("submitTask").AuditedInBulk()
            .WithSummary("Submit a task")
            .WithDescription("Holds the price at the task's limits and queues the task; an idle node begins at once, unless it is put off by dueAt. With wait the line is held until the task has ended (201) or the time is over (202).")
            .TakesAtMost(MaxRequestBytes)
            .TakesIdempotencyKey()
            .Refuses([.. SubmissionRefusals, TaskRefusal.BudgetTooSmall, TaskRefusal.AuctionsTooMany, TaskRefusal.DueTooLate, TaskRefusal.InsufficientFunds, TaskRefusal.BudgetExhausted, TaskRefusal.OpenTasksTooMany, TaskRefusal.SpendingLimitReached, TaskRefusal.IdempotencyKeyReused]);
        tasks.MapPost("/quote", QuoteAsync)
            .Needs(Permission.TasksRead)
            .WithName("quoteTask").AuditedInBulk()
            .WithSummary("Ask what a task would hold")
            .WithDescription("Checks everything that a submission checks but the wallet, and makes no task.")
            .TakesAtMost(MaxRequestBytes)
            .Refuses(SubmissionRefusals);
        tasks.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listTasks")
            .WithSummary("List your tasks, newest first")
            .WithDescription("All of them, or those in one state.");
        tasks.MapGet("/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTask")
            .WithSummary("Get a task")
            .WithDescription("With wait the line is held until the task has ended or the time is over.")
            .Refuses(TaskRefusal.TaskUnknown);
        tasks.MapDelete("/{id}", CancelAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("cancelTask").AuditedInBulk()
            .WithSummary("Cancel a task")
            .WithDescription("Ends a queued task at once (200). A running one is asked to stop (202): it ends as cancelled, or as it ends by itself if it is faster.")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.AlreadyFinal);
        tasks.MapPost("/{id}/execute", ExecuteAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("executeTask").AuditedInBulk()
            .WithSummary("Run a task now and wait for it")
            .WithDescription("Moves a queued task before your other ones that wait, due at once, and holds the line until it has ended (200) or the time is over (202).")
            .Refuses(TaskRefusal.TaskUnknown);
        tasks.MapGet("/{id}/result", GetResultAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskResult")
            .WithSummary("Download what a task produced")
            .WithDescription("The bytes, in the media type of the agent's output; of a sealed task they are the sealed output, which its consumer alone can open. Takes ranges; the ETag is the digest. Above 64 KiB it counts as transfer.")
            .Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.NoResult, TaskRefusal.ResultDeleted, TaskRefusal.StorageUnpaid)
            .Refuses(Enum.GetValues<TransferFeeRefusal>());
        tasks.MapGet("/{id}/input", GetInputAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskInput")
            .WithSummary("Download what a task read")
            .WithDescription("The bytes, to look at them or to run the receipt again. Takes ranges; the ETag is the digest. What was uploaded beforehand counts as transfer.")
            .Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.InputUnknown, TaskRefusal.StorageUnpaid)
            .Refuses(Enum.GetValues<TransferFeeRefusal>());
        tasks.MapGet("/{id}/receipt", GetReceiptAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskReceipt")
            .WithSummary("Get the signed receipt of a task")
            .WithDescription("A DSSE envelope; its payload says what ran, on what, what was measured and what was charged. Anyone can verify it, and run it again.")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.NoResult);
        tasks.MapGet("/{id}/runs", ListRunsAsync)
            .Needs(Permission.TasksRead)
            .WithName("listTaskRuns")
            .WithSummary("See what each executor of a task gave")
            .WithDescription("Of a task that several executors ran: the digest of what each gave, what it comes to, and the receipt that it has signed. Empty before the task has ended, and of a task that one executor ran.")
            .Refuses(TaskRefusal.TaskUnknown);
        tasks.MapGet("/{id}/selection", GetSelectionAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskSelection")
            .WithSummary("Explain who was chosen for a task")
            .WithDescription("Every choice that was made for a task with a requirement: the best candidates with all parts of their scores, why each was chosen or was not, and how many agents did not fit by reason.")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.NoSelection);
        tasks.MapGet("/{id}/events", WatchAsync)
            .Needs(Permission.TasksRead)
            .WithName("watchTask")
            .WithSummary("Watch a task")
            .WithDescription("Server-sent events, each a CloudEvent: all that has happened to the task, its progress four times a second while it runs (what the sandbox measures, and done, total and message as the agent tells them; nothing of this of a sealed task), and the end, after which the stream ends. Last-Event-ID resumes it.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream")
            .Refuses(TaskRefusal.TaskUnknown, TaskRefusal.ToldOfBatch);
    }

    internal static TaskRefusal[] SubmissionRefusals =>
    [
        TaskRefusal.AgentUnknown, TaskRefusal.AgentWithdrawn, TaskRefusal.NotSupplied, TaskRefusal.SupplierUnavailable, TaskRefusal.ExecutorsTooFew, TaskRefusal.NoCandidate, TaskRefusal.RegionUnserved, TaskRefusal.ParametersInvalid, TaskRefusal.LimitsInvalid, TaskRefusal.InputInvalid,
        TaskRefusal.InputTooLarge, TaskRefusal.InputUnknown, TaskRefusal.StorageUnpaid, TaskRefusal.SealInvalid, TaskRefusal.SealingKeyUnknown, TaskRefusal.SealingOff, TaskRefusal.CallsNotSealed, TaskRefusal.PriceOutOfRange,
    ];

    internal static async Task<Results<Created<TaskResponse>, Accepted<TaskResponse>, ProblemResult>> SubmitAsync(
        Body<SubmitTaskRequest> body,
        string? wait,
        Caller caller,
        HttpRequest http,
        SubmitTask submit,
        TaskWorkers workers,
        TaskWaiters waiters,
        CancellationToken cancellationToken)
    {
        var time = WaitQuery.Parse(wait ?? "").Time;
        var request = body.Value.ToRequest();
        if (caller.Allowance is { } allowance)
            request = request with { Allowance = allowance };
        var key = IdempotencyKeyHeader.Read(http);
        Outcome<Submitted, TaskRefusal> submitted;
        TaskWaiters.Waiter? end;
        TaskWorkers.Reservation? room = null;
        try
        {
            submitted = await submit.SubmitAsync(
                caller.UserId,
                request,
                key,
                task => (room = workers.TryReserve(task))?.Claim,
                Activity.Current?.Id,
                cancellationToken);
            if (!submitted.TryGet(out var made, out var refusal))
                return refusal.ToProblem();
            end = time is null ? null : waiters.Listen(made.Task.Id);
            if (made.IsNew && made.Task.State is TaskState.Running)
                room!.Begin(made.Task, (request.Input as RequestedInput.Inline)?.Bytes);
            else if (made.IsNew)
                workers.Wake();
        }
        finally
        {
            // Room that was kept and not needed is others' again before the wait begins.
            room?.Dispose();
        }

        using var waiter = end;
        var task = submitted.Value.Task;
        if (time is { } longest)
            task = await waiter!.WaitAsync(task, longest, cancellationToken);
        return task.State.IsFinal
            ? TypedResults.Created(PathOf(task.Id), task.ToContract())
            : TypedResults.Accepted(PathOf(task.Id), task.ToContract());
    }

    private static async Task<Results<Ok<QuoteResponse>, ProblemResult>> QuoteAsync(
        Body<SubmitTaskRequest> body, Caller caller, SubmitTask submit, CancellationToken cancellationToken) =>
        (await submit.QuoteAsync(caller.UserId, body.Value.ToRequest(), cancellationToken)).Match<Results<Ok<QuoteResponse>, ProblemResult>>(
            quote => TypedResults.Ok(quote.ToContract()), refusal => refusal.ToProblem());

    private static async Task<Ok<ListResponse<TaskResponse>>> ListAsync(
        [AsParameters] ListQuery list, string? state, Caller caller, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (state is not null && !TaskStateNames.All.Contains(state))
        {
            throw new RequestRefusedException(
                RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter state is one of {string.Join(", ", TaskStateNames.All)}.")]);
        }

        return TypedResults.Ok(ListQuery.Answer(await tasks.ListAsync(caller.UserId, state, list.ToPage(), cancellationToken), task => task.ToContract()));
    }

    private static async Task<Results<Ok<TaskResponse>, ProblemResult>> GetAsync(
        Id<AgentTask> id, string? wait, Caller caller, ITaskStore tasks, TaskWaiters waiters, CancellationToken cancellationToken)
    {
        var time = WaitQuery.Parse(wait ?? "").Time;
        using var end = time is null ? null : waiters.Listen(id);
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);

        if (time is { } longest)
            task = await end!.WaitAsync(task, longest, cancellationToken);
        return TypedResults.Ok(task.ToContract());
    }

    private static async Task<Results<Ok<TaskResponse>, Accepted<TaskResponse>, ProblemResult>> CancelAsync(
        Id<AgentTask> id,
        Caller caller,
        ITaskStore tasks,
        TaskWorkers workers,
        TaskWaiters waiters,
        SystemAccounts accounts,
        IdSource ids,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var cancelled = await tasks.CancelAsync(id, caller.UserId, ids.Next<Transfer>(), accounts.Clearing, time.GetUtcNow(), cancellationToken);
        if (!cancelled.TryGet(out var task, out var refusal))
            return refusal.ToProblem();
        if (task.State.IsFinal)
        {
            waiters.Complete(task);
            return TypedResults.Ok(task.ToContract());
        }

        workers.Stop(task, StopReason.Cancelled);
        return TypedResults.Accepted(PathOf(id), task.ToContract());
    }

    private static async Task<Results<Ok<TaskResponse>, Accepted<TaskResponse>, ProblemResult>> ExecuteAsync(
        Id<AgentTask> id,
        string? wait,
        Caller caller,
        ITaskStore tasks,
        TaskWorkers workers,
        TaskWaiters waiters,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var longest = WaitQuery.Parse(wait ?? "").Time ?? s_executeWait;
        using var end = waiters.Listen(id);
        if (await tasks.ExpediteAsync(id, caller.UserId, time.GetUtcNow(), cancellationToken) is not { } task)
            return Unknown(id);

        workers.Wake();
        task = await end.WaitAsync(task, longest, cancellationToken);
        return task.State.IsFinal ? TypedResults.Ok(task.ToContract()) : TypedResults.Accepted(PathOf(id), task.ToContract());
    }

    private static async Task<Results<MeteredContentResult, FileContentHttpResult, ProblemResult>> GetResultAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, IContentStore content, IContentOwners owners, HttpResponse http, CancellationToken cancellationToken)
    {
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        if (task.State is not TaskState.Succeeded { Result: var result })
            return NoResult(task);
        // What an agent made is not to be trusted by a browser that is signed in here, whatever it calls itself.
        http.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        http.Headers.XContentTypeOptions = "nosniff";
        http.Headers.CacheControl = "private, no-store";
        var etag = new EntityTagHeaderValue($"\"{result.Output}\"");
        if (result.IsInline)
        {
            return await tasks.ReadOutputAsync(id, cancellationToken) is { } bytes
                ? TypedResults.Bytes(bytes, result.MediaType, enableRangeProcessing: true, entityTag: etag)
                : throw new IOException($"The output of {id} is not in the database.");
        }

        // What its owner has given up is not to be had by way of the task, although others may have the same.
        return await owners.MayReadAsync(result.Output, task.OwnerId, cancellationToken) && await content.OpenAsync(result.Output, cancellationToken) is { } stream
            ? new MeteredContentResult(TypedResults.Stream(stream, result.MediaType, enableRangeProcessing: true, entityTag: etag), caller)
            : new Refusal<TaskRefusal>(TaskRefusal.ResultDeleted, $"The output {result.Output} of the task is not stored here any more.").ToProblem();
    }

    private static async Task<Results<MeteredContentResult, FileContentHttpResult, ProblemResult>> GetInputAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, IContentStore content, IContentOwners owners, HttpResponse http, CancellationToken cancellationToken)
    {
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        // What a consumer brought is not a page of this node either.
        http.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        http.Headers.XContentTypeOptions = "nosniff";
        http.Headers.CacheControl = "private, no-store";
        const string mediaType = "application/octet-stream";
        var etag = new EntityTagHeaderValue($"\"{task.Input.Digest}\"");
        if (await tasks.ReadInputAsync(id, cancellationToken) is { } bytes)
            return TypedResults.Bytes(bytes, mediaType, enableRangeProcessing: true, entityTag: etag);
        return await owners.MayReadAsync(task.Input.Digest, task.OwnerId, cancellationToken) && await content.OpenAsync(task.Input.Digest, cancellationToken) is { } stream
            ? new MeteredContentResult(TypedResults.Stream(stream, mediaType, enableRangeProcessing: true, entityTag: etag), caller)
            : new Refusal<TaskRefusal>(TaskRefusal.InputUnknown, $"The input {task.Input.Digest} of the task is not stored here any more.").ToProblem();
    }

    private static async Task<Results<Ok<DsseEnvelope>, ProblemResult>> GetReceiptAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        return await tasks.GetReceiptAsync(id, cancellationToken) is { } receipt ? TypedResults.Ok(receipt.Envelope) : NoResult(task);
    }

    private static async Task<Results<Ok<ListResponse<TaskRunBody>>, ProblemResult>> ListRunsAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, CancellationToken cancellationToken) => await FindAsync(tasks, id, caller, cancellationToken) is null
        ? Unknown(id)
        : TypedResults.Ok(new ListResponse<TaskRunBody>([.. (await tasks.ListRunsAsync(id, cancellationToken)).Select(run => run.ToContract())]));

    private static async Task<Results<Ok<SelectionResponse>, ProblemResult>> GetSelectionAsync(
        Id<AgentTask> id, Caller caller, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        return await tasks.FindSelectionAsync(id, cancellationToken) is { } selection
            ? TypedResults.Ok(selection.ToContract(task))
            : new Refusal<TaskRefusal>(TaskRefusal.NoSelection, $"The task was submitted to {task.Agent} by name.").ToProblem();
    }

    private static async Task<IResult> WatchAsync(Id<AgentTask> id, Caller caller, ITaskStore tasks, CancellationToken cancellationToken)
    {
        if (await FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        if (task.BatchId is { } batch)
            return new Refusal<TaskRefusal>(TaskRefusal.ToldOfBatch, $"The task is of {batch}, and is told of with it: watch GET /api/v1/batches/{batch}/events.").ToProblem();
        return new EventStreamResult(
            new EventFilter(caller.UserId, id.ToString(), []),
            DefaultAfter: 0,
            EndsWith: told => told.Type is EventTypes.TaskSucceeded or EventTypes.TaskFailed or EventTypes.TaskCancelled);
    }

    internal static async Task<AgentTask?> FindAsync(ITaskStore tasks, Id<AgentTask> id, Caller caller, CancellationToken cancellationToken) =>
        await tasks.GetAsync(id, cancellationToken) is { } task && task.OwnerId == caller.UserId ? task : null;

    private static string PathOf(Id<AgentTask> id) => $"/api/v1/tasks/{id}";

    internal static ProblemResult Unknown(Id<AgentTask> id) =>
        new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}. List yours with GET /api/v1/tasks.").ToProblem();

    private static ProblemResult NoResult(AgentTask task) => new Refusal<TaskRefusal>(
        TaskRefusal.NoResult,
        task.State.IsFinal
            ? $"The task has {task.State.Name}: there is no result. GET {PathOf(task.Id)} says why."
            : $"The task is {task.State.Name}. Wait for its end with GET {PathOf(task.Id)}?wait=30s.").ToProblem();
}
