using System.ComponentModel;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.SingleSignOn;

/// <summary>Sign-ins by identity providers over HTTP, and the identities that open an account.</summary>
public static class SingleSignOnEndpoints
{
    public static void MapSingleSignOn(this IEndpointRouteBuilder api)
    {
        api.MapGet("/single-sign-on/{handle}", FindAsync)
            .OpenToAll()
            .WithName("getSingleSignOn").WithTags("Single sign-on").WithSummary("Find where people of an organisation sign in")
            .WithDescription("The address to open in a browser, with code_challenge (S256), state, and port where a program listens on 127.0.0.1 for the answer; without port the browser shows the code. The code goes with its verifier to POST /api/v1/sessions/single-sign-on.")
            .Produces<SingleSignOnResponse>()
            .Refuses(SingleSignOnRefusal.SingleSignOnOff, SingleSignOnRefusal.IdentityProviderMissing);
        api.MapPost("/sessions/single-sign-on", SignInAsync)
            .OpenToAll()
            .WithName("createSessionBySingleSignOn").WithTags("Single sign-on").WithSummary("Sign in by an identity provider")
            .WithDescription("Takes the code of a sign-in that went through the provider of an organisation, and opens a session. The first one opens the account and joins the organisation; later ones set the role, where the organisation has roles given by its provider.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<SessionResponse>(StatusCodes.Status201Created)
            .Refuses(
                SingleSignOnRefusal.SignOnCodeWrong, SingleSignOnRefusal.IdentityUnlinked, SingleSignOnRefusal.NewAccountsOff, SingleSignOnRefusal.MembersTooMany,
                SingleSignOnRefusal.OrganisationsTooMany, SingleSignOnRefusal.SecondFactorNeeded, SingleSignOnRefusal.SecondFactorWrong, SingleSignOnRefusal.SecondFactorLocked,
                SingleSignOnRefusal.ErasurePending);
        api.MapGet("/users/me/identities", ListAsync)
            .Needs(Permission.AccountManage)
            .WithName("listIdentities").WithTags("Single sign-on").WithSummary("List the identities that open your account")
            .WithDescription("Issuer and subject at each provider, oldest first.")
            .Produces<ListResponse<IdentityResponse>>();
        api.MapPost("/users/me/identities", LinkAsync)
            .Needs(Permission.AccountManage)
            .WithName("linkIdentity").WithTags("Single sign-on").WithSummary("Have an identity of a provider open your account")
            .WithDescription("Takes the code of a sign-in at the provider of an organisation, which you belong to from then on. Needs a session: a key cannot add a way to sign in.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<IdentityResponse>(StatusCodes.Status201Created)
            .Refuses(
                SingleSignOnRefusal.SessionNeeded, SingleSignOnRefusal.SignOnCodeWrong, SingleSignOnRefusal.IdentityTaken, SingleSignOnRefusal.MembersTooMany,
                SingleSignOnRefusal.OrganisationsTooMany);
        api.MapDelete("/users/me/identities/{id}", UnlinkAsync)
            .Needs(Permission.AccountManage)
            .WithName("unlinkIdentity").WithTags("Single sign-on").WithSummary("Have an identity open your account no longer")
            .WithDescription("Sessions and memberships stay. The last one of an account without a password stays, too: nothing else opens it.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(SingleSignOnRefusal.IdentityUnknown, SingleSignOnRefusal.IdentityLast);
    }

    private static async Task<IResult> FindAsync(
        [Description("Handle of the organisation.")] string handle, SqlIdentityProviderStore store, SingleSignOnOptions options, CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return SignOnDesk.Off().ToProblem();
        return Names.IsHandle(handle) && await store.FindAsync(handle, cancellationToken) is not null
            ? TypedResults.Ok(new SingleSignOnResponse(handle, options.StartUrl(handle)))
            : SignOnDesk.Missing(handle).ToProblem();
    }

    private static async Task<IResult> SignInAsync(
        Body<SingleSignOnRequest> body, SignOnCodes codes, RateLimits limits, HttpContext context, CancellationToken cancellationToken)
    {
        var (code, verifier, secondFactor) = body.Value;
        // Whoever has a provider of his own could have it let in as many people as he likes.
        if (await codes.FindNewcomerAsync(code, verifier, cancellationToken) is { } organisation
            && limits.Refuse(context, RateLimit.RegistrationByProvider, organisation.ToString()) is { } tooMany)
        {
            return tooMany;
        }

        var signedIn = await codes.SignInAsync(code, verifier, secondFactor, context.Request.Headers.UserAgent.ToString(), cancellationToken);
        if (signedIn.TryGet(out var known, out _))
            context.ActedBy(known.User.Id);
        return signedIn.Match<IResult>(
            accepted => TypedResults.Created($"/api/v1/sessions/{accepted.Tokens.Session.Id}", SessionEndpoints.ToContract(accepted)),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(Caller caller, SqlSignOnStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListResponse<IdentityResponse>([.. (await store.ListAsync(caller.ActorId, cancellationToken)).Select(ToContract)]));

    private static async Task<IResult> LinkAsync(
        Body<LinkIdentityRequest> body, Caller caller, CurrentSession? current, SignOnCodes codes, CancellationToken cancellationToken)
    {
        if (current is null)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.SessionNeeded, "Sign in with POST /api/v1/sessions and ask again with the token of that session: a key, or a signature, cannot add a way to sign in.").ToProblem();
        }

        var linked = await codes.LinkAsync(caller.ActorId, body.Value.Code, body.Value.Verifier, cancellationToken);
        return linked.Match<IResult>(identity => TypedResults.Created($"/api/v1/users/me/identities/{identity.Id}", ToContract(identity)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> UnlinkAsync(string id, Caller caller, SqlSignOnStore store, CancellationToken cancellationToken)
    {
        var refusal = Id<ProviderIdentity>.TryParse(id, out var parsed)
            ? await store.UnlinkAsync(parsed, caller.ActorId, cancellationToken)
            : SingleSignOnRefusal.IdentityUnknown;
        return refusal is { } why ? why.ToProblem() : TypedResults.NoContent();
    }

    private static IdentityResponse ToContract(ProviderIdentity identity) => new(
        identity.Id.ToString(), identity.Issuer, identity.Subject, identity.Email, identity.CreatedAt, identity.UsedAt);
}
