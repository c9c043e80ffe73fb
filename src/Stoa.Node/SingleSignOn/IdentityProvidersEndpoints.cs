using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.SingleSignOn;

/// <summary>The identity provider of an organisation over HTTP, for those who administer it.</summary>
public static class IdentityProvidersEndpoints
{
    public static void MapIdentityProviders(this IEndpointRouteBuilder api)
    {
        var provider = api.MapGroup("/organisations/{organisation}/identity-provider").WithTags("Single sign-on");
        provider.MapGet("/", GetAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("getIdentityProvider").WithSummary("Show an organisation's identity provider")
            .WithDescription("With the redirect URI that the provider has to know. The client secret is never shown.")
            .Produces<IdentityProviderResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown)
            .Refuses(SingleSignOnRefusal.IdentityProviderMissing);
        provider.MapPut("/", SetAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("setIdentityProvider").WithSummary("Set an organisation's identity provider")
            .WithDescription("Its people sign in by this OpenID Connect provider from now on: the first sign-in of somebody with an address in one of the domains opens an account and joins the organisation. The secret may be left out to keep the present one, unless issuer or client id change.")
            .Produces<IdentityProviderResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown)
            .Refuses(SingleSignOnRefusal.SingleSignOnOff, SingleSignOnRefusal.IdentityProviderInvalid);
        provider.MapDelete("/", DeleteAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("deleteIdentityProvider").WithSummary("Do without an identity provider")
            .WithDescription("Nobody signs in by it any more. Sessions that are open go on to their end, and members stay members.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.OrganisationUnknown)
            .Refuses(SingleSignOnRefusal.IdentityProviderMissing);
        provider.MapPost("/test", TestAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("testIdentityProvider").WithSummary("Test the connection to the identity provider")
            .WithDescription("Fetches the provider's documents anew and has it check the client's secret, and says of each whether it is as it must be. Whether people are let in shows the first sign-in.")
            .LimitedBy(RateLimit.SignIn)
            .Produces<IdentityProviderTestResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown)
            .Refuses(SingleSignOnRefusal.SingleSignOnOff, SingleSignOnRefusal.IdentityProviderMissing);
    }

    private static async Task<IResult> GetAsync(
        string organisation, Caller caller, SqlIdentityProviderStore store, SingleSignOnOptions options, CancellationToken cancellationToken) =>
        await store.FindAsync(caller.UserId, cancellationToken) is var (provider, _)
            ? TypedResults.Ok(ToContract(provider, organisation, options))
            : SignOnDesk.Missing(organisation).ToProblem();

    private static async Task<IResult> SetAsync(
        string organisation, Body<SetIdentityProviderRequest> body, Caller caller, SqlIdentityProviderStore store, SingleSignOnOptions options, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return SignOnDesk.Off().ToProblem();
        var asked = body.Value;
        var errors = new List<FieldError>();
        var provider = new IdentityProvider(
            caller.UserId, asked.Issuer, asked.ClientId, [.. asked.Domains.Distinct()], asked.TrustsEmail, asked.RoleClaim, ReadRoles(asked.Roles, errors),
            [.. (asked.Scopes ?? []).Distinct()], time.GetUtcNow().ToMilliseconds());
        errors.AddRange(options.Rules.Check(provider, asked.ClientSecret));
        if (errors.Count == 0 && !await store.PutAsync(provider, asked.ClientSecret, cancellationToken))
            errors.Add(new FieldError("/clientSecret", "Give the client secret: none is kept for this issuer and client id."));
        return errors.Count == 0
            ? TypedResults.Ok(ToContract(provider, organisation, options))
            : new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.IdentityProviderInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
    }

    private static async Task<IResult> DeleteAsync(string organisation, Caller caller, SqlIdentityProviderStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(caller.UserId, cancellationToken) ? TypedResults.NoContent() : SignOnDesk.Missing(organisation).ToProblem();

    private static async Task<IResult> TestAsync(
        string organisation, Caller caller, SqlIdentityProviderStore store, ProviderClient client, SingleSignOnOptions options, CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return SignOnDesk.Off().ToProblem();
        if (await store.FindAsync(caller.UserId, cancellationToken) is not var (provider, secret))
            return SignOnDesk.Missing(organisation).ToProblem();
        var checks = await client.TestAsync(provider, secret, organisation, cancellationToken);
        return TypedResults.Ok(new IdentityProviderTestResponse(
            checks.All(check => check.Passed), [.. checks.Select(check => new IdentityProviderCheckBody(check.Name, check.Passed, check.Detail))]));
    }

    private static Dictionary<string, OrganisationRole> ReadRoles(IReadOnlyDictionary<string, string>? asked, List<FieldError> errors)
    {
        var roles = new Dictionary<string, OrganisationRole>(StringComparer.Ordinal);
        foreach (var (value, word) in asked ?? new Dictionary<string, string>())
        {
            if (OrganisationsEndpoints.ReadRole(word) is { } role)
                roles[value] = role;
            else
                errors.Add(new FieldError("/roles", "One of viewer, developer, admin is expected for each value."));
        }

        return roles;
    }

    private static IdentityProviderResponse ToContract(IdentityProvider provider, string organisation, SingleSignOnOptions options) => new(
        provider.Issuer, provider.ClientId, options.IsOn ? options.RedirectUrl(organisation) : "", options.IsOn ? options.StartUrl(organisation) : "", provider.Domains,
        provider.TrustsEmail, provider.Roles.ToDictionary(pair => pair.Key, pair => OrganisationsEndpoints.WordOf(pair.Value)), provider.Scopes, provider.ChangedAt,
        provider.RoleClaim);
}
