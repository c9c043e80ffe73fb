using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Workflows;

/// <summary>The outer door of workflows.</summary>
public static class WorkflowsEndpoints
{
    private static readonly JsonElement s_noInput = JsonElement.Parse("{}");
    private static readonly JsonElement s_null = JsonElement.Parse("null");

    public static void AddWorkflows(this IHostApplicationBuilder builder) => builder.Services.AddSingleton<CheckWorkflow>();

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
    }

    private static async Task<IResult> ValidateAsync(WorkflowDocument document, Caller caller, CheckWorkflow check, CancellationToken cancellationToken)
    {
        if (!DocumentsBeside.Read(document.Beside).TryGet(out var beside, out var fault))
            return fault.ToProblem();
        return (await check.CheckAsync(caller.UserId, document.Json, beside, cancellationToken)).Match<IResult>(found => TypedResults.Ok(ToContract(found)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> SimulateAsync(Body<SimulateWorkflowRequest> body, Caller caller, CheckWorkflow check, TimeProvider time, CancellationToken cancellationToken)
    {
        var request = body.Value;
        if (!DocumentText.TryJson(request.Workflow, out var json, out var fault))
            return new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInvalid, "The workflow is not the YAML that is expected.", [new FieldError("/workflow", fault)]).ToProblem();

        if (!DocumentsBeside.Read(request.Workflows).TryGet(out var beside, out var unreadable))
            return unreadable.ToProblem();
        if (!(await check.CheckAsync(caller.UserId, json, beside, cancellationToken)).TryGet(out var found, out var refusal))
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
