using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Mail;

namespace Stoa.Node.Identity;

/// <summary>Users over HTTP.</summary>
public static class IdentityEndpoints
{
    public static void MapIdentity(this IEndpointRouteBuilder api)
    {
        api.MapPost("/users", RegisterAsync)
            .OpenToAll()
            .WithName("registerUser").WithTags("Identity").WithSummary("Open an account")
            .WithDescription("Makes a user with an empty wallet. Every broken rule is listed at once. When registration is closed on this node, only administrators may register users. Where the node sends e-mail, a code goes to the address, and comes back before the first sign-in; not so when an administrator registers somebody.")
            .LimitedBy(RateLimit.Registration)
            .Idempotent()
            .Produces<UserResponse>(StatusCodes.Status201Created)
            .Refuses(IdentityRefusal.RegistrationInvalid, IdentityRefusal.HandleTaken, IdentityRefusal.EmailTaken)
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/users/me", GetMeAsync)
            .ForAnyCaller()
            .WithName("getMe").WithTags("Identity").WithSummary("Who am I?")
            .WithDescription("The account that is acted for: the user of the credential, or the organisation that the header Stoa-Organisation names; then with the person who acts.")
            .Produces<UserResponse>();
        api.MapSessions();
        api.MapAccounts();
    }

    private static async Task<IResult> RegisterAsync(
        Body<RegisterRequest> body, MadeId id, Caller? caller, Users users, SqlAccountStore accounts, AccountLetters letters, Mailer mailer, IdentityOptions options,
        HttpContext context, CancellationToken cancellationToken)
    {
        if (!options.OpenRegistration && caller is not { IsAdmin: true })
            return RequestRefusal.Forbidden.ToProblem("Registration is closed on this node: ask its administrator for an account.");
        var (handle, email, password) = body.Value;
        var registered = await users.RegisterAsync(id.For<User>(), handle, email, password, cancellationToken);
        if (!registered.TryGet(out var user, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(user.Id);
        // Of whom an administrator registers, he knows the address.
        if (mailer.IsOn && caller is not { IsAdmin: true })
        {
            await accounts.RequireVerificationAsync(user.Id, cancellationToken);
            letters.Send(MailedCodePurpose.Verification, user.Email);
        }

        return TypedResults.Created("/api/v1/users/me", SessionEndpoints.ToContract(user));
    }

    private static async Task<IResult> GetMeAsync(Caller caller, IUserStore store, CancellationToken cancellationToken) =>
        await store.GetAsync(caller.UserId, cancellationToken) is { } user
            ? TypedResults.Ok(SessionEndpoints.ToContract(user) with { Actor = caller.ActorId == caller.UserId ? null : caller.ActorHandle })
            : RequestRefusal.Unauthenticated.ToProblem();
}
