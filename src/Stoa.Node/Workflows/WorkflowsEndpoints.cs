using System.ComponentModel;
using System.Text;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Workflows.Durable;
using Stoa.Primitives;

namespace Stoa.Node.Workflows;

/// <summary>The outer door of workflows.</summary>
public static class WorkflowsEndpoints
{
    private static readonly JsonElement s_noInput = JsonElement.Parse("{}");
    private static readonly JsonElement s_null = JsonElement.Parse("null");

    public static void MapWorkflows(this IEndpointRouteBuilder api)
    {
        var workflows = api.MapGroup("/workflows").WithTags("Workflows");
        workflows.MapPost("/validations", ValidateAsync)
            .Needs(Permission.TasksRead)
            .WithName("validateWorkflow").AuditedInBulk().WithSummary("Look at a workflow before anything runs")
            .WithDescription("Checks the document (JSON, or YAML as application/yaml): its form, what nodes read of each other, circles, the agents that are named and their schemas. Says what a run may come to and draws it. Documents that it uses come along in it, under workflows, or beside it: { \"workflow\": …, \"workflows\": { NAME: … } }. Nothing runs, and nothing is kept.")
            .TakesAtMost(Workflow.MaxBytes)
            .Produces<WorkflowValidationResponse>()
            .Refuses(WorkflowRefusal.WorkflowInvalid);
        workflows.MapPost("/simulations", SimulateAsync)
            .Needs(Permission.TasksRead)
            .WithName("simulateWorkflow").AuditedInBulk().WithSummary("Run a workflow without doing anything")
            .WithDescription("Checks it as a validation does, and then runs it: tasks and models come to what outcomes says, waits are over at once, and each step is told with the submission or request that it would have made. Nothing is submitted, held or kept. At most 10,000 attempts.")
            .TakesAtMost(2 * Workflow.MaxBytes)
            .Produces<WorkflowSimulationResponse>()
            .Refuses(WorkflowRefusal.WorkflowInvalid, WorkflowRefusal.WorkflowInputInvalid);
        workflows.MapPost("/", SaveAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("saveWorkflow").WithSummary("Keep a workflow by its name")
            .WithDescription("Checks the document (JSON, or YAML as application/yaml) as a validation does, and keeps it as the next version of its name. The one that is the newest already stays that. Runs that have begun go on with the version that they began with.")
            .TakesAtMost(Workflow.MaxBytes)
            .Idempotent()
            .Produces<WorkflowResponse>(StatusCodes.Status201Created)
            .Refuses(WorkflowRefusal.WorkflowInvalid, WorkflowRefusal.WorkflowsTooMany);
        workflows.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listWorkflows").WithSummary("List the workflows that you keep")
            .WithDescription("The newest version of each, by their names.")
            .Produces<ListResponse<WorkflowResponse>>();
        workflows.MapGet("/{name}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getWorkflow").WithSummary("Get a workflow that you keep")
            .WithDescription("With its document as JSON: the newest version, or the one that version names.")
            .Produces<WorkflowResponse>()
            .Refuses(WorkflowRefusal.WorkflowUnknown);
        workflows.MapGet("/{name}/versions", ListVersionsAsync)
            .Needs(Permission.TasksRead)
            .WithName("listWorkflowVersions").WithSummary("List the versions of a workflow, newest first")
            .WithDescription("Those that are kept; a number is not given twice while a later one is.")
            .Produces<ListResponse<WorkflowResponse>>();
        workflows.MapDelete("/{name}", DeleteAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("deleteWorkflow").WithSummary("Keep a workflow no more")
            .WithDescription("All of its versions, or the one that version names. Runs that have begun go on.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(WorkflowRefusal.WorkflowUnknown);
    }

    private static async Task<IResult> SaveAsync(
        WorkflowDocument document, MadeId made, Caller caller, CheckWorkflow check, SqlSavedWorkflows saved, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!DocumentsBeside.Read(document.Beside).TryGet(out var beside, out var fault))
            return fault.ToProblem();
        if (!(await check.CheckAsync(caller.UserId, document.Json, beside, cancellationToken, saved.LookUpOf(caller.UserId))).TryGet(out var found, out var refusal))
            return refusal.ToProblem();
        var workflow = new SavedWorkflow(made.For<SavedWorkflow>(), caller.UserId, found.Workflow.Name, 0, WorkflowReader.DigestOf(JsonElement.Parse(found.Document.Span)), time.GetUtcNow().ToMilliseconds());
        return (await saved.AddAsync(workflow, Encoding.UTF8.GetString(found.Document.Span), cancellationToken)).Match<IResult>(
            kept => TypedResults.Created($"/api/v1/workflows/{kept.Name}", ToContract(kept)), refused => refused.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery list, Caller caller, SqlSavedWorkflows saved, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await saved.ListAsync(caller.UserId, list.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> ListVersionsAsync([Description("Name of the workflow.")] string name, [AsParameters] ListQuery list, Caller caller, SqlSavedWorkflows saved, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await saved.ListVersionsAsync(caller.UserId, name, list.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync([Description("Name of the workflow.")] string name, [Description("Which version; left out for the newest, or to delete all.")] int? version, Caller caller, SqlSavedWorkflows saved, CancellationToken cancellationToken) =>
        await saved.FindAsync(caller.UserId, name, version, cancellationToken) is { } found
            ? TypedResults.Ok(ToContract(found.Workflow) with { Document = JsonElement.Parse(found.Document) })
            : Unknown(name);

    private static async Task<IResult> DeleteAsync([Description("Name of the workflow.")] string name, [Description("Which version; left out for the newest, or to delete all.")] int? version, Caller caller, SqlSavedWorkflows saved, CancellationToken cancellationToken) =>
        await saved.DeleteAsync(caller.UserId, name, version, cancellationToken) ? TypedResults.NoContent() : Unknown(name);

    private static WorkflowResponse ToContract(SavedWorkflow saved) => new(saved.Name, saved.Version, saved.Digest.ToString(), saved.CreatedAt);

    private static ProblemResult Unknown(string name) =>
        new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowUnknown, $"You keep no such workflow {name}. List those that you keep with GET /api/v1/workflows.").ToProblem();

    private static async Task<IResult> ValidateAsync(WorkflowDocument document, Caller caller, CheckWorkflow check, SqlSavedWorkflows saved, CancellationToken cancellationToken)
    {
        if (!DocumentsBeside.Read(document.Beside).TryGet(out var beside, out var fault))
            return fault.ToProblem();
        return (await check.CheckAsync(caller.UserId, document.Json, beside, cancellationToken, saved.LookUpOf(caller.UserId))).Match<IResult>(found => TypedResults.Ok(ToContract(found)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> SimulateAsync(Body<SimulateWorkflowRequest> body, Caller caller, CheckWorkflow check, SqlSavedWorkflows saved, TimeProvider time, CancellationToken cancellationToken)
    {
        var request = body.Value;
        if (!DocumentText.TryJson(request.Workflow, out var json, out var fault))
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInvalid, "The workflow is not the YAML that is expected.", [new FieldError("/workflow", fault)]).ToProblem();

        if (!DocumentsBeside.Read(request.Workflows).TryGet(out var beside, out var unreadable))
            return unreadable.ToProblem();
        if (!(await check.CheckAsync(caller.UserId, json, beside, cancellationToken, saved.LookUpOf(caller.UserId))).TryGet(out var found, out var refusal))
            return refusal.ToProblem();
        return SimulateWorkflow.Simulate(found.Workflow, request.Input ?? s_noInput, ToScenario(request), time.GetUtcNow())
            .Match<IResult>(run => TypedResults.Ok(ToContract(run)), misfit => misfit.ToProblem());
    }

    private static Scenario ToScenario(SimulateWorkflowRequest request) => new(
        (request.Outcomes ?? new Dictionary<string, SimulatedOutcomeBody>()).ToDictionary(
            outcome => outcome.Key, outcome => new SimulatedOutcome(outcome.Value.Output ?? s_null, outcome.Value.Content ?? s_null, outcome.Value.Failure, outcome.Value.Failures), StringComparer.Ordinal),
        request.Events ?? new Dictionary<string, JsonElement>(),
        request.Answers ?? new Dictionary<string, bool>());

    private static WorkflowValidationResponse ToContract(CheckedWorkflow found) =>
        new(found.Workflow.Name, found.Workflow.Graph.CountNodes(), found.MostSteps, found.MostPrice?.ToString(), WorkflowPicture.Draw(found.Workflow));

    private static WorkflowSimulationResponse ToContract(SimulatedRun run) => new(
        EnumWord.Of(run.State),
        run.Took.TotalMilliseconds,
        [.. run.Steps.Select(step => new SimulatedStepBody(step.Path, EnumWord.Of(step.State), step.Attempts, ToContract(step.Error), step.Given))],
        run.Output,
        ToContract(run.Error));

    private static WorkflowErrorBody? ToContract(StepError? error) => error is null ? null : new WorkflowErrorBody(error.Code, error.Detail, error.Path);
}
