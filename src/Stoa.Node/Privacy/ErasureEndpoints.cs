using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.SingleSignOn;
using Stoa.Primitives;

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
            .WithDescription("Needs the password and, where there is one, a code of the second factor; for an account that opens by an identity provider alone, the token of a session. Refused with every reason at once while something is in the way. All sessions and keys end at once, and until the time in the answer nothing is possible but to undo it; then it is done for good. What comes into the wallet meanwhile is given up to the platform. What is kept, and why, is in docs/privacy.md.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<ErasureResponse>(StatusCodes.Status202Accepted)
            .Refuses(
                AccountRefusal.PasswordWrong, AccountRefusal.SecondFactorNeeded, AccountRefusal.SecondFactorWrong, AccountRefusal.SecondFactorLocked,
                AccountRefusal.ErasureBlocked)
            .Refuses(SingleSignOnRefusal.SessionNeeded);
        api.MapPost("/erasure-cancellations", CancelAsync)
            .WithName("cancelErasure").WithTags("Identity").WithSummary("Undo an erasure that has not begun")
            .WithDescription("Needs what signing in needs: login and password, or signOnCode and verifier of a sign-in at the provider of an organisation. Afterwards the account can be signed in to; keys stay revoked and schedules paused.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(
                AccountRefusal.CredentialsWrong, AccountRefusal.EmailUnverified, AccountRefusal.SecondFactorNeeded, AccountRefusal.SecondFactorWrong,
                AccountRefusal.SecondFactorLocked, AccountRefusal.ErasureUnknown)
            .Refuses(SingleSignOnRefusal.SignOnCodeWrong);
    }

    private static async Task<IResult> GetAsync(Caller caller, SqlErasureRequests erasures, PrivacyOptions options, CancellationToken cancellationToken)
    {
        var obstacles = await erasures.ListObstaclesAsync(caller.ActorId, forfeits: false, cancellationToken);
        return TypedResults.Ok(new ErasureResponse(options.ErasureGraceDays, Obstacles: [.. obstacles.Select(obstacle => new ProblemError(obstacle.Pointer, obstacle.Reason))]));
    }

    private static async Task<IResult> RequestAsync(
        Body<RequestErasureRequest> body, Caller caller, CurrentSession? current, Accounts accounts, SqlErasureRequests erasures, Sessions sessions, Credentials credentials, PrivacyOptions options,
        RateLimits limits, TimeProvider time, HttpContext context, CancellationToken cancellationToken)
    {
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, caller.ActorHandle) is { } tooOften)
            return tooOften;
        var (password, code, forfeit) = body.Value;
        // Where there is no password to ask for, a key that has come into wrong hands must not be enough.
        if (current is null && !(await accounts.GetSecurityAsync(caller.ActorId, cancellationToken)).HasPassword)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.SessionNeeded, "This account has no password to ask for: sign in, and ask again with the token of that session. A key, or a signature, cannot have it erased.").ToProblem();
        }

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
        Body<CancelErasureRequest> body, Accounts accounts, SignOnCodes signOns, SqlErasureRequests erasures, RateLimits limits, TimeProvider time, HttpContext context,
        CancellationToken cancellationToken)
    {
        switch (body.Value)
        {
            case { Login: { } login, Password: { } password, SignOnCode: null, Verifier: null }:
                if (limits.Refuse(context, RateLimit.SignInOfOneLogin, SessionEndpoints.Counted(login)) is { } tooOften)
                    return tooOften;
                return (await accounts.KnowAsync(login, password, body.Value.Code, cancellationToken)).TryGet(out var user, out var refusal)
                    ? await CancelOfAsync(user.Id)
                    : refusal.ToProblem();
            case { SignOnCode: { } code, Verifier: { } verifier, Login: null, Password: null }:
                return (await signOns.KnowAsync(code, verifier, body.Value.Code, cancellationToken)).TryGet(out var known, out var wrong)
                    ? await CancelOfAsync(known)
                    : wrong.ToProblem();
            default:
                throw new RequestRefusedException(
                    RequestRefusal.RequestInvalid, errors: [new FieldError("", "Give login and password, or signOnCode and verifier of a sign-in at the provider of an organisation.")]);
        }

        async Task<IResult> CancelOfAsync(Id<User> user)
        {
            context.ActedBy(user);
            return await erasures.CancelAsync(user, time.GetUtcNow(), cancellationToken)
                ? TypedResults.NoContent()
                : AccountRefusal.ErasureUnknown.ToProblem();
        }
    }
}
