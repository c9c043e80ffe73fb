using System.Globalization;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Sign-ins over HTTP, and the keys that their tokens are checked with.</summary>
public static class SessionEndpoints
{
    public static void MapSessions(this IEndpointRouteBuilder api)
    {
        api.MapPost("/sessions", SignInAsync)
            .WithName("createSession").WithTags("Identity").WithSummary("Sign in")
            .WithDescription("Opens a session and answers two tokens. Send the access token as Authorization: Bearer; before it ends, get the next pair with the refresh token. An account with a second factor needs the code of its authenticator, too.")
            .OpenToAll()
            .LimitedBy(RateLimit.SignIn)
            .Produces<SessionResponse>(StatusCodes.Status201Created)
            .Refuses(
                AccountRefusal.CredentialsWrong, AccountRefusal.EmailUnverified, AccountRefusal.SecondFactorNeeded, AccountRefusal.SecondFactorWrong,
                AccountRefusal.SecondFactorLocked, AccountRefusal.ErasurePending);
        api.MapPost("/sessions/refresh", RefreshAsync)
            .WithName("refreshSession").WithTags("Identity").WithSummary("Get the next pair of tokens")
            .WithDescription("Each refresh token is good once. When the answer was lost, the same one gives the same next token for a short while; one that comes later was stolen, or its successor was, and ends the session.")
            .OpenToAll()
            .Produces<SessionResponse>()
            .Refuses(AccountRefusal.RefreshTokenInvalid, AccountRefusal.RefreshTokenReused, AccountRefusal.SessionEnded);
        api.MapGet("/sessions", ListAsync)
            .Needs(Permission.AccountManage)
            .WithName("listSessions").WithTags("Identity").WithSummary("List sessions")
            .WithDescription("Where you are signed in, newest sign-in first.")
            .Produces<ListResponse<ListedSessionResponse>>();
        api.MapDelete("/sessions/{id}", EndAsync)
            .Needs(Permission.AccountManage)
            .WithName("endSession").WithTags("Identity").WithSummary("Sign out of a session")
            .WithDescription("Its tokens open nothing any more: at this node from now on, at others of the cell within the seconds that they remember credentials for. The id current is the session by whose token the request comes.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(AccountRefusal.SessionUnknown);
        api.MapDelete("/sessions", EndAllAsync)
            .Needs(Permission.AccountManage)
            .WithName("endAllSessions").WithTags("Identity").WithSummary("Sign out everywhere")
            .WithDescription("Ends all of your sessions, the one of this request, too. API keys stay in force.")
            .Produces(StatusCodes.Status204NoContent);
    }

    /// <summary>Publishes the keys beside the API, where standard clients look for them.</summary>
    public static void MapSigningKeys(this IEndpointRouteBuilder app) => app.MapGet("/.well-known/jwks.json", PublishAsync)
        .WithName("getSigningKeys").WithTags("Identity").WithSummary("Get the keys that access tokens are checked with")
        .WithDescription("A JWK Set (RFC 7517): the key that signs now, the next one some minutes before it signs, and those whose tokens have not ended. Keep it for as long as Cache-Control says.")
        .OpenToAll()
        .Produces<KeySetResponse>();

    internal static UserResponse ToContract(User user) =>
        new(user.Id.ToString(), user.Handle, user.Kind is UserKind.Person ? user.Email : "", user.Role is UserRole.Admin ? "admin" : "member", user.CreatedAt);

    private static async Task<IResult> SignInAsync(
        Body<LoginRequest> body, Accounts accounts, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        var (login, password, code) = body.Value;
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, Counted(login)) is { } tooOften)
            return tooOften;
        var signedIn = await accounts.SignInAsync(login, password, code, context.Request.Headers.UserAgent.ToString(), cancellationToken);
        if (signedIn.TryGet(out var known, out _))
            context.ActedBy(known.User.Id);
        return signedIn.Match<IResult>(
            accepted => TypedResults.Created($"/api/v1/sessions/{accepted.Tokens.Session.Id}", ToContract(accepted)),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> RefreshAsync(Body<RefreshSessionRequest> body, Accounts accounts, HttpContext context, CancellationToken cancellationToken)
    {
        var refreshed = await accounts.RefreshAsync(body.Value.RefreshToken, cancellationToken);
        if (refreshed.TryGet(out var known, out _))
            context.ActedBy(known.User.Id);
        return refreshed.Match<IResult>(accepted => TypedResults.Ok(ToContract(accepted)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, Caller caller, CurrentSession? current, Sessions sessions, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await sessions.ListAsync(caller.ActorId, query.ToPage(), cancellationToken), session => new ListedSessionResponse(
            session.Id.ToString(), session.Device, session.CreatedAt, session.UsedAt, sessions.EndOf(session), session.Id == current?.Id)));

    private static async Task<IResult> EndAsync(
        string id, Caller caller, CurrentSession? current, Sessions sessions, CancellationToken cancellationToken)
    {
        var meant = id == "current" ? current?.Id : Id<Session>.TryParse(id, out var parsed) ? parsed : null;
        return meant is { } session && await sessions.EndAsync(session, caller.ActorId, cancellationToken)
            ? TypedResults.NoContent()
            : AccountRefusal.SessionUnknown.ToProblem();
    }

    private static async Task<IResult> EndAllAsync(Caller caller, Sessions sessions, CancellationToken cancellationToken)
    {
        await sessions.EndAllAsync(caller.ActorId, cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> PublishAsync(SigningKeys keys, HttpContext context, CancellationToken cancellationToken)
    {
        var set = await keys.PublishAsync(cancellationToken);
        context.Response.Headers.CacheControl = string.Create(CultureInfo.InvariantCulture, $"public, max-age={SigningKeys.MaxAge.TotalSeconds}");
        return TypedResults.Ok(set);
    }

    /// <summary>What attempts for a login are counted under: logins that are too long for any account count as one.</summary>
    internal static string Counted(string login) => login.Length <= RegistrationRules.EmailLengthMax ? Users.Normalise(login) : "";

    internal static SessionResponse ToContract(SignedIn signedIn) => new(
        signedIn.Tokens.AccessToken, signedIn.Tokens.AccessEndsAt, ToContract(signedIn.User), signedIn.Tokens.Session.Id.ToString(), signedIn.Tokens.RefreshToken.Text,
        signedIn.Tokens.RefreshEndsAt);
}
