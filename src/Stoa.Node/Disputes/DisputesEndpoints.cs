using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Disputes;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Disputes;

/// <summary>Disputes over HTTP.</summary>
public static class DisputesEndpoints
{
    public static void MapDisputes(this IEndpointRouteBuilder api)
    {
        api.MapPost("/tasks/{id}/dispute", OpenAsync)
            .Needs(Permission.TasksSubmit)
            .WithName("disputeTask").WithTags("Disputes").WithSummary("Dispute the receipt of a task")
            .WithDescription("For a task of yours that succeeded and was paid for. The node runs the program of the receipt again on the input. When it comes to something else you have the price back; when it confirms the receipt, the deposit, as much as the price, pays for the run. A task is disputed once: the same request again answers the same dispute, and says that it does.")
            .Produces<DisputeResponse>(StatusCodes.Status202Accepted)
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(DisputeRefusal.DisputeInvalid, DisputeRefusal.NothingToDispute, DisputeRefusal.DisputeTooLate, DisputeRefusal.InsufficientFunds);
        api.MapGet("/tasks/{id}/dispute", GetAsync)
            .Needs(Permission.TasksRead)
            .WithName("getTaskDispute").WithTags("Disputes").WithSummary("Get the dispute about a task")
            .WithDescription("Open, or with its verdict and what the run found.")
            .Produces<DisputeResponse>()
            .Refuses(TaskRefusal.TaskUnknown)
            .Refuses(DisputeRefusal.DisputeUnknown);
        api.MapGet("/disputes", ListAsync)
            .Needs(Permission.TasksRead)
            .WithName("listDisputes").WithTags("Disputes").WithSummary("List your disputes, newest first")
            .WithDescription("Open and decided ones.")
            .Produces<ListResponse<DisputeResponse>>();
    }

    private static async Task<IResult> OpenAsync(
        Id<AgentTask> id,
        Body<OpenDisputeRequest> body,
        Caller caller,
        ITaskStore tasks,
        SqlDisputeStore store,
        DisputeWorker worker,
        DisputesOptions options,
        IdSource ids,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is not { } task)
            return Unknown(id);
        var now = time.GetUtcNow().ToMilliseconds();
        if (!DisputeRules.Open(ids.Next<Dispute>(), ids.Next<Transfer>(), task, body.Value.Reason, TimeSpan.FromDays(options.WindowDays), now).TryGet(out var dispute, out var refusal))
            return refusal.ToProblem();
        if (!(await store.OpenAsync(dispute, cancellationToken)).TryGet(out var opened, out var refused))
            return refused.ToProblem();
        worker.Wake();
        return TypedResults.Accepted($"/api/v1/tasks/{id}/dispute", ToContract(opened) with { IsRepeat = opened.Id == dispute.Id ? null : true });
    }

    private static async Task<IResult> GetAsync(Id<AgentTask> id, Caller caller, ITaskStore tasks, SqlDisputeStore store, CancellationToken cancellationToken)
    {
        if (await TasksEndpoints.FindAsync(tasks, id, caller, cancellationToken) is null)
            return Unknown(id);
        return await store.FindAsync(id, caller.UserId, cancellationToken) is { } dispute
            ? TypedResults.Ok(ToContract(dispute))
            : new Refusal<DisputeRefusal>(DisputeRefusal.DisputeUnknown, $"The task {id} is not disputed. Dispute it with POST /api/v1/tasks/{id}/dispute.").ToProblem();
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlDisputeStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static ProblemResult Unknown(Id<AgentTask> id) =>
        new Refusal<TaskRefusal>(TaskRefusal.TaskUnknown, $"You have no task {id}. List yours with GET /api/v1/tasks.").ToProblem();

    private static DisputeResponse ToContract(Dispute dispute)
    {
        var decided = dispute.State as DisputeState.Decided;
        return new DisputeResponse(
            dispute.Id.ToString(),
            dispute.TaskId.ToString(),
            decided is null ? "open" : DisputeEvents.Name(decided.Verdict),
            dispute.Reason,
            dispute.Price.ToString(),
            dispute.OpenedAt,
            decided?.At,
            decided?.Detail);
    }
}
