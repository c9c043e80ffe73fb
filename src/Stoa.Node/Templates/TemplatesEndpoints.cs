using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Market.Templates;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Templates;

/// <summary>The outer door of templates.</summary>
public static class TemplatesEndpoints
{
    public static void AddTemplates(this IHostApplicationBuilder builder) => builder.Services.AddSingleton<SqlTemplateStore>();

    public static void MapTemplates(this IEndpointRouteBuilder api)
    {
        var templates = api.MapGroup("/templates").WithTags("Templates");
        templates.MapPost("/", CreateAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("createTemplate").WithSummary("Keep a submission with blanks")
            .WithDescription("Texts of the task may hold blanks such as {{width}}, each of which is a parameter with a type and, if wanted, a default. A template never changes.")
            .Idempotent()
            .Produces<TemplateResponse>(StatusCodes.Status201Created)
            .Refuses(TemplateRefusal.TemplateInvalid, TemplateRefusal.TemplateNameTaken, TemplateRefusal.TemplatesTooMany);
        templates.MapGet("/", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listTemplates").WithSummary("List your templates, newest first")
            .WithDescription("Each with its parameters.")
            .Produces<ListResponse<TemplateResponse>>();
        templates.MapGet("/{id}", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTemplate").WithSummary("Get a template")
            .WithDescription("The submission with its blanks, and the parameters.")
            .Produces<TemplateResponse>()
            .Refuses(TemplateRefusal.TemplateUnknown);
        templates.MapDelete("/{id}", DeleteAsync)
            .Needs(Permission.SchedulesManage)
            .WithName("deleteTemplate").WithSummary("Delete a template")
            .WithDescription("Its tasks stay. While schedules fill it in it is only deleted with force=true; they are refused at each tick from then on.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(TemplateRefusal.TemplateUnknown, TemplateRefusal.TemplateInUse);
        templates.MapPost("/{id}/tasks", SubmitAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("submitTemplate").AuditedInBulk().WithSummary("Fill in a template and submit it")
            .WithDescription("Checks and holds as a submission of the filled-in task does. With wait the line is held until the task has ended (201) or the time is over (202).")
            .TakesIdempotencyKey()
            .Refuses(TemplateRefusal.TemplateUnknown, TemplateRefusal.TemplateValuesInvalid)
            .Refuses([.. TasksEndpoints.SubmissionRefusals, TaskRefusal.BudgetTooSmall, TaskRefusal.InsufficientFunds, TaskRefusal.BudgetExhausted, TaskRefusal.OpenTasksTooMany, TaskRefusal.SpendingLimitReached, TaskRefusal.IdempotencyKeyReused]);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateTemplateRequest> body, MadeId id, Caller caller, SqlTemplateStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var parameters = TemplateContracts.ReadParameters(body.Value.Parameters, errors);
        var task = TemplateContracts.ToNode(body.Value.Task);
        errors.AddRange(TemplateBlanks.Check(body.Value.Name, parameters, task));
        if (errors.Count > 0)
            return new Refusal<TemplateRefusal>(TemplateRefusal.TemplateInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
        var template = new TaskTemplate(id.For<TaskTemplate>(), caller.UserId, body.Value.Name, task.ToJsonString(), parameters, time.GetUtcNow());
        return (await store.AddAsync(template, cancellationToken)).Match<IResult>(
            made => TypedResults.Created($"/api/v1/templates/{made.Id}", made.ToContract()), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlTemplateStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), template => template.ToContract()));

    private static async Task<IResult> GetAsync(Id<TaskTemplate> id, Caller caller, SqlTemplateStore store, CancellationToken cancellationToken) =>
        await store.FindAsync(id, caller.UserId, cancellationToken) is { } template ? TypedResults.Ok(template.ToContract()) : Unknown(id).ToProblem();

    private static async Task<IResult> DeleteAsync(Id<TaskTemplate> id, bool? force, Caller caller, SqlTemplateStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller.UserId, force ?? false, cancellationToken) is { } refusal ? refusal.ToProblem() : TypedResults.NoContent();

    private static async Task<Results<Created<TaskResponse>, Accepted<TaskResponse>, ProblemResult>> SubmitAsync(
        Id<TaskTemplate> id,
        Body<SubmitTemplateRequest> body,
        string? wait,
        Caller caller,
        HttpRequest http,
        SqlTemplateStore store,
        SubmitTask submit,
        TaskWorkers workers,
        TaskWaiters waiters,
        CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, caller.UserId, cancellationToken) is not { } template)
            return Unknown(id).ToProblem();
        if (!template.Fill(body.Value.Parameters).TryGet(out var request, out var refusal))
            return refusal.ToProblem();
        return await TasksEndpoints.SubmitAsync(
            new Body<SubmitTaskRequest>(request, default), wait, caller, http, submit, workers, waiters, cancellationToken);
    }

    /// <summary>Says that the caller has no such template.</summary>
    internal static Refusal<TemplateRefusal> Unknown(Id<TaskTemplate> id) =>
        new(TemplateRefusal.TemplateUnknown, $"You have no template {id}. List those that you have with GET /api/v1/templates.");
}
