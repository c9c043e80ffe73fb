using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Privacy;

/// <summary>Being erased, over HTTP.</summary>
public static class ErasureEndpoints
{
    public static void MapErasure(this IEndpointRouteBuilder api)
    {
        api.MapGet("/users/me/erasure", GetAsync)
            .Needs(Permission.AccountManage)
            .WithName("getErasure").WithTags("Identity").WithSummary("See what is in the way of an erasure")
            .WithDescription("For how many days an erasure can be undone here, and everything that would be in its way now.")
            .Produces<ErasureResponse>();
        api.MapPut("/users/me/erasure", RequestAsync)
            .Needs(Permission.AccountManage)
            .WithName("requestErasure").WithTags("Identity").WithSummary("Have all that is stored about you erased")
            .WithDescription("Needs the password and, where there is one, a code of the second factor. Refused with every reason at once while something is in the way. All sessions and keys end at once, and until the time in the answer nothing is possible but to undo it; then it is done for good. What comes into the wallet meanwhile is given up to the platform. What is kept, and why, is in docs/privacy.md.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<ErasureResponse>(StatusCodes.Status202Accepted)
            .Refuses(
                AccountRefusal.PasswordWrong, AccountRefusal.SecondFactorNeeded, AccountRefusal.SecondFactorWrong, AccountRefusal.SecondFactorLocked,
                AccountRefusal.ErasureBlocked);
        api.MapPost("/erasure-cancellations", CancelAsync)
            .WithName("cancelErasure").WithTags("Identity").WithSummary("Undo an erasure that has not begun")
            .WithDescription("Needs what signing in needs. Afterwards the account can be signed in to; keys stay revoked and schedules paused.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(
                AccountRefusal.CredentialsWrong, AccountRefusal.EmailUnverified, AccountRefusal.SecondFactorNeeded, AccountRefusal.SecondFactorWrong,
                AccountRefusal.SecondFactorLocked, AccountRefusal.ErasureUnknown);
    }

    private static async Task<IResult> GetAsync(Caller caller, SqlErasureRequests erasures, PrivacyOptions options, CancellationToken cancellationToken)
    {
        var obstacles = await erasures.ListObstaclesAsync(caller.ActorId, forfeits: false, cancellationToken);
        return TypedResults.Ok(new ErasureResponse(options.ErasureGraceDays, Obstacles: [.. obstacles.Select(obstacle => new ProblemError(obstacle.Pointer, obstacle.Reason))]));
    }

    private static async Task<IResult> RequestAsync(
        Body<RequestErasureRequest> body, Caller caller, Accounts accounts, SqlErasureRequests erasures, Sessions sessions, Credentials credentials, PrivacyOptions options,
        RateLimits limits, TimeProvider time, HttpContext context, CancellationToken cancellationToken)
    {
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, caller.ActorHandle) is { } tooOften)
            return tooOften;
        var (password, code, forfeit) = body.Value;
        if (await accounts.ProveAsync(caller.ActorId, password, code, cancellationToken) is { } unproven)
            return unproven.ToProblem();
        var now = time.GetUtcNow();
        var requested = await erasures.RequestAsync(caller.ActorId, forfeit ?? false, now, now.AddDays(options.ErasureGraceDays), cancellationToken);
        if (!requested.TryGet(out var accepted, out var refusal))
            return refusal.ToProblem();
        sessions.NoteEnded(accepted.Ended);
        credentials.Forget();
        return TypedResults.Accepted(
            (string?)null, new ErasureResponse(options.ErasureGraceDays, accepted.Erasure.RequestedAt, accepted.Erasure.DueAt, []));
    }

    private static async Task<IResult> CancelAsync(
        Body<CancelErasureRequest> body, Accounts accounts, SqlErasureRequests erasures, RateLimits limits, TimeProvider time, HttpContext context, CancellationToken cancellationToken)
    {
        var (login, password, code) = body.Value;
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, SessionEndpoints.Counted(login)) is { } tooOften)
            return tooOften;
        if (!(await accounts.KnowAsync(login, password, code, cancellationToken)).TryGet(out var user, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(user.Id);
        return await erasures.CancelAsync(user.Id, time.GetUtcNow(), cancellationToken)
            ? TypedResults.NoContent()
            : AccountRefusal.ErasureUnknown.ToProblem();
    }
}
