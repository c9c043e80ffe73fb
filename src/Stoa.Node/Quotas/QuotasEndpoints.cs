using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Quotas;

/// <summary>What users take up and may take up, over HTTP.</summary>
public static class QuotasEndpoints
{
    public static void MapQuotas(this IEndpointRouteBuilder api)
    {
        api.MapGet("/quota", GetOwnAsync)
            .Needs(Permission.WalletRead)
            .WithName("getQuota").WithTags("Quotas").WithSummary("Show what you take up, and may")
            .WithDescription("Tasks that wait or run, and bytes in the content store, each with its limit.")
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
    }

    private static async Task<IResult> GetOwnAsync(Caller caller, UserUsages usages, CancellationToken cancellationToken) =>
        TypedResults.Ok(ToContract(caller.Handle, await usages.FindAsync(caller.UserId, cancellationToken), usages.Everybody));

    private static async Task<IResult> GetAsync(string handle, IUserStore users, UserUsages usages, CancellationToken cancellationToken) =>
        await users.FindByHandleAsync(handle, cancellationToken) is { } user
            ? TypedResults.Ok(ToContract(handle, await usages.FindAsync(user.Id, cancellationToken), usages.Everybody))
            : Unknown(handle);

    private static async Task<IResult> SetAsync(
        string handle, Body<SetQuotaRequest> body, IUserStore users, UserUsages usages, HttpContext context, CancellationToken cancellationToken)
    {
        var (maxOpenTasks, maxContentBytes) = body.Value;
        List<FieldError> errors = [.. Check("/maxOpenTasks", maxOpenTasks), .. Check("/maxContentBytes", maxContentBytes)];
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        if (await users.FindByHandleAsync(handle, cancellationToken) is not { } user)
            return Unknown(handle);
        context.ActedBy(user.Id);
        return TypedResults.Ok(ToContract(handle, await usages.SetAsync(user.Id, maxOpenTasks, maxContentBytes, cancellationToken), usages.Everybody));
    }

    private static IEnumerable<FieldError> Check(string pointer, long? limit) => limit is < 0 or > UserUsage.GreatestLimit
        ? [new FieldError(pointer, $"0 to {UserUsage.GreatestLimit} is expected, or nothing for the limit of everybody.")]
        : [];

    private static ProblemResult Unknown(string handle) =>
        new Refusal<IdentityRefusal>(IdentityRefusal.UserUnknown, $"No user has the handle '{handle}'.").ToProblem();

    private static QuotaResponse ToContract(string handle, UserUsage usage, UserQuota everybody)
    {
        var quota = usage.QuotaWithin(everybody);
        return new QuotaResponse(handle, usage.OpenTasks, quota.OpenTasks, usage.ContentBytes, quota.ContentBytes);
    }
}
