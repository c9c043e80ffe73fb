using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;

namespace Stoa.Node.Identity;

/// <summary>Users and sessions over HTTP.</summary>
public static class IdentityEndpoints
{
    public static void MapIdentity(this IEndpointRouteBuilder api)
    {
        api.MapPost("/users", RegisterAsync)
            .OpenToAll()
            .WithName("registerUser").WithTags("Identity").WithSummary("Open an account")
            .WithDescription("Makes a user with an empty wallet. Every broken rule is listed at once. When registration is closed on this node, only administrators may register users.")
            .LimitedBy(RateLimit.Registration)
            .Idempotent()
            .Produces<UserResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.RegistrationInvalid, IdentityRefusal.HandleTaken, IdentityRefusal.EmailTaken)
            .Refuses(RequestRefusal.Forbidden);
        api.MapPost("/sessions", SignInAsync)
            .OpenToAll()
            .WithName("createSession").WithTags("Identity").WithSummary("Sign in")
            .WithDescription("Answers a token that stands for the user until it ends: send it as Authorization: Bearer.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<SessionResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.CredentialsWrong);
        api.MapGet("/users/me", GetMeAsync)
            .ForAnyCaller()
            .WithName("getMe").WithTags("Identity").WithSummary("Who am I?")
            .WithDescription("The account that is acted for: the user of the credential, or the organisation that the header Stoa-Organisation names.")
            .Produces<UserResponse>();
    }

    private static async Task<IResult> RegisterAsync(
        Body<RegisterRequest> body, MadeId id, Caller? caller, Users users, IdentityOptions options, HttpContext context, CancellationToken cancellationToken)
    {
        if (!options.OpenRegistration && caller is not { IsAdmin: true })
            return RequestRefusal.Forbidden.ToProblem("Registration is closed on this node: ask its administrator for an account.");
        var (handle, email, password) = body.Value;
        var registered = await users.RegisterAsync(id.For<User>(), handle, email, password, cancellationToken);
        if (registered.TryGet(out var made, out _))
            context.ActedBy(made.Id);
        return registered.Match<IResult>(
            user => TypedResults.Created("/api/v1/users/me", ToContract(user)),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> SignInAsync(
        Body<LoginRequest> body, Users users, Sessions sessions, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        var (login, password) = body.Value;
        // Logins that are too long for any account are counted as one.
        var counted = login.Length <= RegistrationRules.EmailLengthMax ? login.ToLowerInvariant() : "";
        if (limits.Refuse(context, RateLimit.SignInOfOneLogin, counted) is { } tooOften)
            return tooOften;
        var signedIn = await users.SignInAsync(login, password, cancellationToken);
        if (!signedIn.TryGet(out var user, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(user.Id);
        var (token, expiresAt) = sessions.Create(user);
        return TypedResults.Created("/api/v1/users/me", new SessionResponse(token, expiresAt, ToContract(user)));
    }

    private static async Task<IResult> GetMeAsync(Caller caller, IUserStore store, CancellationToken cancellationToken) =>
        await store.GetAsync(caller.UserId, cancellationToken) is { } user
            ? TypedResults.Ok(ToContract(user))
            : RequestRefusal.Unauthenticated.ToProblem();

    private static UserResponse ToContract(User user) => new(
        user.Id.ToString(), user.Handle, user.Kind is UserKind.Person ? user.Email : "", user.Role is UserRole.Admin ? "admin" : "member", user.CreatedAt);
}
