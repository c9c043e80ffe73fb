using System.ComponentModel;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>The outer door of runs. One that belongs to somebody else is one that does not exist, but for who is asked in it.</summary>
internal static class WorkflowRunsEndpoints
{
    private const int MaxComment = 1_000;
    private const int MaxEventName = 64;

    public static void MapWorkflowRuns(this IEndpointRouteBuilder api)
    {
        var runs = api.MapGroup("/workflow-runs").WithTags("Workflows");
        runs.MapPost("/", StartAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("startWorkflowRun").AuditedInBulk().WithSummary("Run a workflow")
            .WithDescription("One that is kept, by its name, or a document that comes with the request and is checked as a validation does. The run goes on whatever becomes of nodes, and ends with the document that it began with. Each of its tasks holds its own price when it is submitted; maxPrice bounds what all of them hold and have cost together.")
            .TakesAtMost(2 * Workflow.MaxBytes)
            .Idempotent()
            .Produces<WorkflowRunResponse>(StatusCodes.Status202Accepted)
            .Refuses(WorkflowRefusal.WorkflowInvalid, WorkflowRefusal.WorkflowInputInvalid, WorkflowRefusal.WorkflowUnknown, WorkflowRefusal.RunsTooMany, WorkflowRefusal.ModelsNotAllowed);
        runs.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listWorkflowRuns").WithSummary("List your runs of workflows, newest first")
            .WithDescription("All of them, those in one state, or those of one workflow.")
            .Produces<ListResponse<WorkflowRunResponse>>();
        runs.MapGet("/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getWorkflowRun").WithSummary("Get a run of a workflow")
            .WithDescription("With what it gave or why it failed, and with what it waits for.")
            .Produces<WorkflowRunResponse>()
            .Refuses(WorkflowRefusal.RunUnknown);
        runs.MapGet("/{id}/steps", ListStepsAsync)
            .Needs(Permission.TasksRead)
            .WithName("listWorkflowRunSteps").WithSummary("List the steps of a run")
            .WithDescription("In the order in which they came to be: where each is, how often it was tried, its task and what that cost. All of them, or those in one state.")
            .Produces<ListResponse<WorkflowStepBody>>()
            .Refuses(WorkflowRefusal.RunUnknown);
        runs.MapGet("/{id}/events", WatchAsync)
            .Needs(Permission.TasksRead)
            .WithName("watchWorkflowRun").WithSummary("Watch a run of a workflow")
            .WithDescription("Server-sent events, each a CloudEvent: its begin, how far it is, what it asks people, what comes to it, and its end, after which the stream ends. Last-Event-ID resumes it. What becomes of its tasks is told of each task.")
            .Produces<CloudEvent>(StatusCodes.Status200OK, "text/event-stream")
            .Refuses(WorkflowRefusal.RunUnknown);
        runs.MapGet("/{id}/graph", DrawAsync)
            .Needs(Permission.TasksRead)
            .WithName("drawWorkflowRun").WithSummary("Draw a run of a workflow")
            .WithDescription("A flowchart in Mermaid's language, each node in the colour of its state.")
            .Produces<WorkflowGraphResponse>()
            .Refuses(WorkflowRefusal.RunUnknown);
        runs.MapDelete("/{id}", CancelAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("cancelWorkflowRun").AuditedInBulk().WithSummary("Cancel a run of a workflow")
            .WithDescription("Nothing new begins in it, its tasks are cancelled, and what was done is undone where the document says how. It is over once all of that has ended.")
            .Produces<WorkflowRunResponse>(StatusCodes.Status202Accepted)
            .Refuses(WorkflowRefusal.RunUnknown, WorkflowRefusal.RunEnded);
        runs.MapPost("/{id}/resumptions", ResumeAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("resumeWorkflowRun").AuditedInBulk().WithSummary("Have a run go on from where it ended")
            .WithDescription("One that has failed or was cancelled, with the document that it began with: what has failed, was cancelled or was undone is done anew, and what waited for it; all else keeps what it came to, and is not paid for twice. maxPrice is of all of it, what it has cost already included. One that is not over is answered as it is.")
            .Produces<WorkflowRunResponse>(StatusCodes.Status202Accepted)
            .Refuses(WorkflowRefusal.RunUnknown, WorkflowRefusal.RunSucceeded, WorkflowRefusal.RunsTooMany, WorkflowRefusal.ModelsNotAllowed, WorkflowRefusal.WorkflowInputInvalid);
        runs.MapPost("/{id}/signals", SignalAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("signalWorkflowRun").AuditedInBulk().WithSummary("Send an event to a run")
            .WithDescription("For all nodes that wait for an event of that name. Where none does, it waits for the first that will.")
            .Idempotent()
            .Produces<WorkflowRunResponse>(StatusCodes.Status202Accepted)
            .Refuses(WorkflowRefusal.RunUnknown, WorkflowRefusal.RunEnded, WorkflowRefusal.SignalsTooMany, WorkflowRefusal.WorkflowInputInvalid);
        runs.MapPost("/{id}/approvals", AnswerAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("answerWorkflowRun").AuditedInBulk().WithSummary("Answer what a run asks")
            .WithDescription("For the node that asks. Those whom it names may, also where the run is somebody else's; where it names nobody, whoever may run the workflow.")
            .Idempotent()
            .Produces<WorkflowRunResponse>(StatusCodes.Status202Accepted)
            .Refuses(WorkflowRefusal.RunUnknown, WorkflowRefusal.ApprovalUnknown, WorkflowRefusal.ApproverOther, WorkflowRefusal.WorkflowInputInvalid, WorkflowRefusal.SignalsTooMany);
    }

    private static async Task<IResult> StartAsync(Body<StartWorkflowRunRequest> body, MadeId made, Caller caller, StartRun start, CancellationToken cancellationToken) =>
        (await start.StartAsync(made.For<DurableRun>(), caller, body.Value, cancellationToken)).Match<IResult>(Accepted, refusal => refusal.ToProblem());

    private static async Task<IResult> ListAsync([AsParameters] ListQuery list, string? state, [Description("Only those of the workflow of this name.")] string? workflow, Caller caller, SqlRunStore runs, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await runs.ListAsync(caller.UserId, StateOf<RunState>(state), workflow, list.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync(Id<DurableRun> id, Caller caller, SqlRunStore runs, CancellationToken cancellationToken) =>
        await runs.FindAsync(id, caller.UserId, cancellationToken) is { } found ? TypedResults.Ok(ToContract(found)) : Unknown(id);

    private static async Task<IResult> ListStepsAsync(Id<DurableRun> id, [AsParameters] ListQuery list, string? state, Caller caller, RunLooks looks, CancellationToken cancellationToken)
    {
        var (page, wanted) = (list.ToPage(), StateOf<StepState>(state));
        if (await looks.FindAsync(id, caller.UserId, cancellationToken) is not { } look)
            return Unknown(id);
        var from = int.TryParse(page.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place : 0;
        var found = look.Replayed.Machine.Steps.Index().Skip(from).Where(step => wanted is null || step.Item.State == wanted).Take(page.Limit + 1).ToList();
        return TypedResults.Ok(new ListResponse<WorkflowStepBody>(
            [.. found.Take(page.Limit).Select(step => ToContract(look, step.Item))],
            found.Count > page.Limit ? found[page.Limit].Index.ToString(CultureInfo.InvariantCulture) : null));
    }

    private static async Task<IResult> WatchAsync(Id<DurableRun> id, Caller caller, SqlRunStore runs, CancellationToken cancellationToken) =>
        await runs.FindAsync(id, caller.UserId, cancellationToken) is null
            ? Unknown(id)
            : new EventStreamResult(new EventFilter(caller.UserId, id.ToString(), []), DefaultAfter: await runs.FindBeginAsync(id, cancellationToken), EndsWith: told => told.Type is EventTypes.WorkflowEnded);

    private static async Task<IResult> DrawAsync(Id<DurableRun> id, Caller caller, RunLooks looks, CancellationToken cancellationToken) =>
        await looks.FindAsync(id, caller.UserId, cancellationToken) is { } look
            ? TypedResults.Ok(new WorkflowGraphResponse(RunPicture.Draw(look.Workflow, look.Replayed.Machine.Steps.Select(step => (step.Path, step.State)))))
            : Unknown(id);

    private static async Task<IResult> CancelAsync(Id<DurableRun> id, Caller caller, SqlRunStore runs, RunCarrier carrier, TimeProvider time, CancellationToken cancellationToken) =>
        Answer(await runs.SignalAsync(id, caller.UserId, SignalKind.Cancel, "", "null", time.GetUtcNow(), cancellationToken), carrier);

    private static async Task<IResult> ResumeAsync(Id<DurableRun> id, Body<ResumeWorkflowRunRequest> body, Caller caller, ResumeRun resume, CancellationToken cancellationToken) =>
        (await resume.ResumeAsync(id, caller, body.Value, cancellationToken)).Match<IResult>(Accepted, refusal => refusal.ToProblem());

    private static async Task<IResult> SignalAsync(
        Id<DurableRun> id, Body<SignalWorkflowRunRequest> body, Caller caller, SqlRunStore runs, RunCarrier carrier, TimeProvider time, CancellationToken cancellationToken)
    {
        var (name, value) = body.Value;
        if (name.Length is 0 or > MaxEventName)
            return Invalid("/name", $"The name of an event has 1 to {MaxEventName} characters.");
        var json = value?.GetRawText() ?? "null";
        if (Encoding.UTF8.GetByteCount(json) > DurableRun.MaxValueBytes)
            return Invalid("/value", $"What comes with an event has at most {DurableRun.MaxValueBytes} bytes. Upload what is large with POST /api/v1/blobs, and give its digest.");
        if (!StepOutcomes.TryJson(Encoding.UTF8.GetBytes(json), out _))
            return Invalid("/value", "It is nested too deep, has a member twice or one with too long a name, or a text in it is no Unicode.");
        return Answer(await runs.SignalAsync(id, caller.UserId, SignalKind.Event, name, json, time.GetUtcNow(), cancellationToken), carrier);
    }

    private static async Task<IResult> AnswerAsync(
        Id<DurableRun> id, Body<AnswerWorkflowRunRequest> body, Caller caller, SqlRunStore runs, RunCarrier carrier, TimeProvider time, CancellationToken cancellationToken)
    {
        var (path, isYes, comment) = body.Value;
        if (comment is { Length: > MaxComment } || comment?.Any(char.IsSurrogate) is true && !IsUnicode(comment))
            return Invalid("/comment", $"A comment is a text of at most {MaxComment} characters.");
        return Answer(await runs.AnswerAsync(id, caller.UserId, caller.ActorHandle, path, isYes, comment ?? "", time.GetUtcNow(), cancellationToken), carrier);
    }

    private static bool IsUnicode(string text) => text.EnumerateRunes().All(rune => rune != Rune.ReplacementChar) || text.Contains('\uFFFD', StringComparison.Ordinal);

    private static IResult Answer(Outcome<DurableRun, WorkflowRefusal> done, RunCarrier carrier)
    {
        if (!done.TryGet(out var run, out var refusal))
            return refusal.ToProblem();
        carrier.Wake();
        return Accepted(run);
    }

    private static IResult Accepted(DurableRun run) => TypedResults.Accepted($"/api/v1/workflow-runs/{run.Id}", ToContract(run));

    private static T? StateOf<T>(string? word)
        where T : struct, Enum
    {
        if (word is null)
            return null;
        return EnumWord.TryParse<T>(word, out var state)
            ? state
            : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter state is one of {EnumWord.All<T>()}.")]);
    }

    private static WorkflowRunResponse ToContract(DurableRun run) => new(
        run.Id.ToString(), run.Workflow, run.Digest.ToString(), EnumWord.Of(run.State), run.Spent.ToString(), run.CreatedAt, run.Version, run.MaxPrice?.ToString(), run.CancelRequestedAt, run.EndedAt);

    private static WorkflowRunResponse ToContract(FoundRun found) => ToContract(found.Run) with
    {
        Output = found.Output is null ? null : JsonElement.Parse(found.Output),
        Error = ToContract(found.Error),
        Waits = found.Run.EndedAt is null && found.Waits.Count > 0 ? [.. found.Waits.Select(ToContract)] : null,
    };

    private static WorkflowWaitBody ToContract(WaitRow wait) => wait.Kind switch
    {
        StepKind.Event => new WorkflowWaitBody(wait.Path, Event: wait.Text),
        StepKind.Approval => new WorkflowWaitBody(wait.Path, Asks: wait.Text, By: wait.Asked is null ? null : JsonSerializer.Deserialize<List<string>>(wait.Asked)),
        _ => new WorkflowWaitBody(wait.Path, Until: wait.DueAt),
    };

    private static WorkflowStepBody ToContract(RunLook look, (string Path, StepState State, int Attempt, StepError? Error) step)
    {
        var last = look.Replayed.LastOf(step.Path);
        var task = look.Open[step.Path].Select(open => open.TaskId).FirstOrDefault(id => id is not null) ?? last?.Task;
        return new WorkflowStepBody(step.Path, EnumWord.Of(step.State), step.Attempt, task?.ToString(), last?.Price.ToString(), ToContract(step.Error));
    }

    private static WorkflowErrorBody? ToContract(StepError? error) => error is null ? null : new WorkflowErrorBody(error.Code, error.Detail, error.Path);

    private static ProblemResult Unknown(Id<DurableRun> id) =>
        new Refusal<WorkflowRefusal>(WorkflowRefusal.RunUnknown, $"You have no run {id}. List those that you have with GET /api/v1/workflow-runs.").ToProblem();

    private static ProblemResult Invalid(string pointer, string reason) =>
        new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInputInvalid, "Nothing was sent to the run.", [new FieldError(pointer, reason)]).ToProblem();
}
