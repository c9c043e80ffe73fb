using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Users, sessions and API keys over HTTP.</summary>
public static class IdentityEndpoints
{
    public static void MapIdentity(this IEndpointRouteBuilder api)
    {
        api.MapPost("/users", RegisterAsync)
            .WithName("registerUser").WithTags("Identity").WithSummary("Open an account")
            .WithDescription("Makes a user with an empty wallet. Every broken rule is listed at once. When registration is closed on this node, only administrators may register users.")
            .AllowAnonymous()
            .LimitedBy(RateLimit.Registration)
            .Idempotent()
            .Produces<UserResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.RegistrationInvalid, IdentityRefusal.HandleTaken, IdentityRefusal.EmailTaken)
            .Refuses(RequestRefusal.Forbidden);
        api.MapPost("/sessions", SignInAsync)
            .WithName("createSession").WithTags("Identity").WithSummary("Sign in")
            .WithDescription("Answers a token that stands for the user until it ends: send it as Authorization: Bearer.")
            .AllowAnonymous()
            .LimitedBy(RateLimit.SignIn)
            .Produces<SessionResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.CredentialsWrong);
        api.MapGet("/users/me", GetMeAsync)
            .WithName("getMe").WithTags("Identity").WithSummary("Who am I?")
            .WithDescription("The user whom the credential stands for.")
            .Produces<UserResponse>();
        api.MapPost("/api-keys", CreateKeyAsync)
            .WithName("createApiKey").WithTags("Identity").WithSummary("Make an API key")
            .WithDescription("The secret is in this answer and never again: only its SHA-256 is kept.")
            .Idempotent()
            .Produces<ApiKeyResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.ApiKeyInvalid, IdentityRefusal.ApiKeysTooMany);
        api.MapGet("/api-keys", ListKeysAsync)
            .WithName("listApiKeys").WithTags("Identity").WithSummary("List API keys")
            .WithDescription("Your keys that were not revoked, newest first, without their secrets.")
            .Produces<ListResponse<ApiKeyResponse>>();
        api.MapDelete("/api-keys/{id}", RevokeKeyAsync)
            .WithName("revokeApiKey").WithTags("Identity").WithSummary("Revoke an API key")
            .WithDescription("The key opens nothing any more, from now on.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(IdentityRefusal.ApiKeyUnknown);
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

    private static async Task<IResult> CreateKeyAsync(
        Body<CreateApiKeyRequest> body, MadeId id, Caller caller, ApiKeys keys, CancellationToken cancellationToken)
    {
        var made = await keys.CreateAsync(id.For<ApiKey>(), caller.UserId, body.Value.Name, body.Value.ExpiresAt, cancellationToken);
        return made.Match<IResult>(
            key => TypedResults.Created($"/api/v1/api-keys/{key.Key.Id}", ToContract(key.Key) with { Secret = key.Secret.Text }),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListKeysAsync(
        [AsParameters] ListQuery query, Caller caller, IUserStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListKeysAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> RevokeKeyAsync(
        Id<ApiKey> id, Caller caller, ApiKeys keys, Credentials credentials, CancellationToken cancellationToken)
    {
        var revoked = await keys.RevokeAsync(id, caller.UserId, cancellationToken);
        if (!revoked.TryGet(out var key, out var refusal))
            return refusal.ToProblem();
        credentials.Revoke(key);
        return TypedResults.NoContent();
    }

    private static UserResponse ToContract(User user) =>
        new(user.Id.ToString(), user.Handle, user.Email, user.Role is UserRole.Admin ? "admin" : "member", user.CreatedAt);

    private static ApiKeyResponse ToContract(ApiKey key) =>
        new(key.Id.ToString(), key.Name, key.Prefix, key.CreatedAt, key.ExpiresAt);
}
