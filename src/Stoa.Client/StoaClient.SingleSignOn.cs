using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/single-sign-on/{handle}</c>: where people of an organisation sign in.</summary>
    public Task<SingleSignOnResponse> GetSingleSignOnAsync(string organisation, CancellationToken cancellationToken = default) =>
        GetAsync($"single-sign-on/{Uri.EscapeDataString(organisation)}", StoaJson.Default.SingleSignOnResponse, cancellationToken);

    /// <summary><c>POST /api/v1/sessions/single-sign-on</c>: opens a session after a sign-in at a provider, as <see cref="LoginAsync"/> does by a password.</summary>
    public Task<SessionResponse> LoginBySingleSignOnAsync(SingleSignOnRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("sessions/single-sign-on", request, StoaJson.Default.SingleSignOnRequest, StoaJson.Default.SessionResponse, cancellationToken);

    /// <summary><c>GET /api/v1/users/me/identities</c>: those that open your account.</summary>
    public IAsyncEnumerable<IdentityResponse> ListIdentitiesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("users/me/identities", StoaJson.Default.ListResponseIdentityResponse, cancellationToken);

    /// <summary><c>POST /api/v1/users/me/identities</c>: has an identity of a provider open your account.</summary>
    public Task<IdentityResponse> LinkIdentityAsync(LinkIdentityRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("users/me/identities", request, StoaJson.Default.LinkIdentityRequest, StoaJson.Default.IdentityResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/users/me/identities/{id}</c>.</summary>
    public Task UnlinkIdentityAsync(string id, CancellationToken cancellationToken = default) =>
        DeleteAsync($"users/me/identities/{Uri.EscapeDataString(id)}", cancellationToken);

    /// <summary><c>GET /api/v1/organisations/{organisation}/identity-provider</c>.</summary>
    public Task<IdentityProviderResponse> GetIdentityProviderAsync(string organisation, CancellationToken cancellationToken = default) =>
        GetAsync(PathOfOrganisation(organisation) + "/identity-provider", StoaJson.Default.IdentityProviderResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/organisations/{organisation}/identity-provider</c>: sets it in place of the one before.</summary>
    public Task<IdentityProviderResponse> SetIdentityProviderAsync(
        string organisation, SetIdentityProviderRequest request, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Put, PathOfOrganisation(organisation) + "/identity-provider", () => JsonBody(request, StoaJson.Default.SetIdentityProviderRequest)),
            StoaJson.Default.IdentityProviderResponse,
            cancellationToken);

    /// <summary><c>DELETE /api/v1/organisations/{organisation}/identity-provider</c>.</summary>
    public Task DeleteIdentityProviderAsync(string organisation, CancellationToken cancellationToken = default) =>
        DeleteAsync(PathOfOrganisation(organisation) + "/identity-provider", cancellationToken);

    /// <summary><c>POST /api/v1/organisations/{organisation}/identity-provider/test</c>: tries what can be tried without a person.</summary>
    public Task<IdentityProviderTestResponse> TestIdentityProviderAsync(string organisation, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Post, PathOfOrganisation(organisation) + "/identity-provider/test"), StoaJson.Default.IdentityProviderTestResponse, cancellationToken);
}
