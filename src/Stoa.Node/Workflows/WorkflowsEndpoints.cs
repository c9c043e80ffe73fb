using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Workflows;

/// <summary>The outer door of workflows.</summary>
public static class WorkflowsEndpoints
{
    public static void AddWorkflows(this IHostApplicationBuilder builder) => builder.Services.AddSingleton<CheckWorkflow>();

    public static void MapWorkflows(this IEndpointRouteBuilder api) => api.MapGroup("/workflows").WithTags("Workflows").MapPost("/validations", ValidateAsync)
        .Needs(Permission.TasksRead)
        .WithName("validateWorkflow").AuditedInBulk().WithSummary("Look at a workflow before anything runs")
        .WithDescription("Checks the document (JSON, or YAML as application/yaml): its form, what nodes read of each other, circles, the agents that are named and their schemas. Says what a run may come to and draws it. Nothing runs, and nothing is kept.")
        .TakesAtMost(Workflow.MaxBytes)
        .Produces<WorkflowValidationResponse>()
        .Refuses(WorkflowRefusal.WorkflowInvalid);

    private static async Task<IResult> ValidateAsync(WorkflowDocument document, Caller caller, CheckWorkflow check, CancellationToken cancellationToken) =>
        (await check.CheckAsync(caller.UserId, document.Json, cancellationToken)).Match<IResult>(found => TypedResults.Ok(ToContract(found)), refusal => refusal.ToProblem());

    private static WorkflowValidationResponse ToContract(CheckedWorkflow found) =>
        new(found.Workflow.Name, found.Workflow.Graph.CountNodes(), found.MostSteps, found.MostPrice?.ToString(), WorkflowPicture.Draw(found.Workflow));
}
