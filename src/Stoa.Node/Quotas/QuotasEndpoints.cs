using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Metering;

namespace Stoa.Node.Quotas;

/// <summary>What users take up and may take up, over HTTP.</summary>
public static class QuotasEndpoints
{
    public static void MapQuotas(this IEndpointRouteBuilder api)
    {
        api.MapGet("/quota", GetOwnAsync)
            .Needs(Permission.WalletRead)
            .WithName("getQuota").WithTags("Quotas").WithSummary("Show what you take up, and may")
            .WithDescription("Tasks that wait or run, and bytes in the content store, each with its limit; what an hour of the latter costs, and what was sent in this month.")
            .Produces<QuotaResponse>();
        api.MapGet("/users/{handle}/quota", GetAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("getUserQuota").WithTags("Quotas").WithSummary("Show what a user takes up, and may")
            .WithDescription("For administrators.")
            .Produces<QuotaResponse>()
            .Refuses(IdentityRefusal.UserUnknown);
        api.MapPut("/users/{handle}/quota", SetAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("setUserQuota").WithTags("Quotas").WithSummary("Say what a user may take up")
            .WithDescription("For administrators. A limit that is left out is that of everybody. What is there already stays when a limit falls below it.")
            .Produces<QuotaResponse>()
            .Refuses(IdentityRefusal.UserUnknown);
        api.MapGet("/storage/unpaid", ListUnpaidAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("listUnpaidStorage").WithTags("Quotas").WithSummary("List users whose storage is not paid")
            .WithDescription("For administrators. Those who could not pay for an hour of what they have in the content store, and have not paid for one since. Nothing of it is deleted; nothing more is taken in.")
            .Produces<ListResponse<UnpaidStorageResponse>>();
    }

    private static async Task<IResult> GetOwnAsync(Caller caller, QuotaDesk desk, CancellationToken cancellationToken) =>
        TypedResults.Ok(await desk.ReadAsync(caller.UserId, caller.Handle, cancellationToken));

    private static async Task<IResult> GetAsync(string handle, IUserStore users, QuotaDesk desk, CancellationToken cancellationToken) =>
        await users.FindByHandleAsync(handle, cancellationToken) is { } user
            ? TypedResults.Ok(await desk.ReadAsync(user.Id, handle, cancellationToken))
            : Unknown(handle);

    private static async Task<IResult> ListUnpaidAsync([AsParameters] ListQuery list, SqlStorageFees storage, UsagePrices prices, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(
            await storage.ListUnpaidAsync(list.ToPage(), cancellationToken),
            user => new UnpaidStorageResponse(user.Handle, user.ContentBytes, prices.For(user.IsOrganisation).HourOf(user.ContentBytes).ToString(), user.UnpaidSince)));

    private static async Task<IResult> SetAsync(
        string handle, Body<SetQuotaRequest> body, IUserStore users, UserUsages usages, QuotaDesk desk, HttpContext context, CancellationToken cancellationToken)
    {
        var (maxOpenTasks, maxContentBytes) = body.Value;
        List<FieldError> errors = [.. Check("/maxOpenTasks", maxOpenTasks), .. Check("/maxContentBytes", maxContentBytes)];
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        if (await users.FindByHandleAsync(handle, cancellationToken) is not { } user)
            return Unknown(handle);
        context.ActedBy(user.Id);
        await usages.SetAsync(user.Id, maxOpenTasks, maxContentBytes, cancellationToken);
        return TypedResults.Ok(await desk.ReadAsync(user.Id, handle, cancellationToken));
    }

    private static IEnumerable<FieldError> Check(string pointer, long? limit) => limit is < 0 or > UserUsage.GreatestLimit
        ? [new FieldError(pointer, $"0 to {UserUsage.GreatestLimit} is expected, or nothing for the limit of everybody.")]
        : [];

    private static ProblemResult Unknown(string handle) =>
        new Refusal<IdentityRefusal>(IdentityRefusal.UserUnknown, $"No user has the handle '{handle}'.").ToProblem();
}
