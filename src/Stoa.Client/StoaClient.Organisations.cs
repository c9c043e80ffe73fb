using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/organisations</c>: founds an organisation, of which you are the administrator.</summary>
    public Task<OrganisationResponse> CreateOrganisationAsync(CreateOrganisationRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("organisations", request, StoaJson.Default.CreateOrganisationRequest, StoaJson.Default.OrganisationResponse, cancellationToken);

    /// <summary><c>GET /api/v1/organisations</c>: those that you belong to, all pages.</summary>
    public IAsyncEnumerable<OrganisationResponse> ListOrganisationsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("organisations", StoaJson.Default.ListResponseOrganisationResponse, cancellationToken);

    /// <summary><c>GET /api/v1/organisations/{organisation}</c>.</summary>
    public Task<OrganisationResponse> GetOrganisationAsync(string organisation, CancellationToken cancellationToken = default) =>
        GetAsync(PathOfOrganisation(organisation), StoaJson.Default.OrganisationResponse, cancellationToken);

    /// <summary><c>PATCH /api/v1/organisations/{organisation}</c>: gives it another name.</summary>
    public Task<OrganisationResponse> UpdateOrganisationAsync(
        string organisation, UpdateOrganisationRequest request, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Patch, PathOfOrganisation(organisation), () => JsonBody(request, StoaJson.Default.UpdateOrganisationRequest)),
            StoaJson.Default.OrganisationResponse,
            cancellationToken);

    /// <summary><c>PUT /api/v1/organisations/{organisation}/model-limits</c>: limits what is asked of models in its name, in place of what was said before.</summary>
    public Task<OrganisationResponse> LimitModelsAsync(string organisation, ModelLimitsBody limits, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Put, PathOfOrganisation(organisation) + "/model-limits", () => JsonBody(limits, StoaJson.Default.ModelLimitsBody)),
            StoaJson.Default.OrganisationResponse,
            cancellationToken);

    /// <summary><c>DELETE /api/v1/organisations/{organisation}</c>: refused as long as it has money, work or agents.</summary>
    /// <param name="organisation">Its handle.</param>
    /// <param name="forfeit">Whether what is in the wallet, and credit, is given up to the platform; otherwise that is in the way.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public Task DeleteOrganisationAsync(string organisation, bool forfeit = false, CancellationToken cancellationToken = default) =>
        DeleteAsync(PathOfOrganisation(organisation) + (forfeit ? "?forfeit=true" : ""), cancellationToken);

    /// <summary><c>GET /api/v1/organisations/{organisation}/members</c>, all pages.</summary>
    public IAsyncEnumerable<MemberResponse> ListMembersAsync(string organisation, CancellationToken cancellationToken = default) =>
        ListAsync(PathOfOrganisation(organisation) + "/members", StoaJson.Default.ListResponseMemberResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/organisations/{organisation}/members/{handle}</c>: gives a member another role.</summary>
    public Task<MemberResponse> SetMemberAsync(
        string organisation, string handle, SetMemberRequest request, CancellationToken cancellationToken = default) =>
        SendAsync(
            new Call(HttpMethod.Put, $"{PathOfOrganisation(organisation)}/members/{Uri.EscapeDataString(handle)}", () => JsonBody(request, StoaJson.Default.SetMemberRequest)),
            StoaJson.Default.MemberResponse,
            cancellationToken);

    /// <summary><c>DELETE /api/v1/organisations/{organisation}/members/{handle}</c>.</summary>
    public Task RemoveMemberAsync(string organisation, string handle, CancellationToken cancellationToken = default) =>
        DeleteAsync($"{PathOfOrganisation(organisation)}/members/{Uri.EscapeDataString(handle)}", cancellationToken);

    /// <summary><c>DELETE /api/v1/organisations/{organisation}/membership</c>: leaves it.</summary>
    public Task LeaveOrganisationAsync(string organisation, CancellationToken cancellationToken = default) =>
        DeleteAsync(PathOfOrganisation(organisation) + "/membership", cancellationToken);

    /// <summary><c>POST /api/v1/organisations/{organisation}/invitations</c>.</summary>
    public Task<InvitationResponse> InviteAsync(string organisation, InviteRequest request, CancellationToken cancellationToken = default) =>
        PostAsync(
            PathOfOrganisation(organisation) + "/invitations", request, StoaJson.Default.InviteRequest, StoaJson.Default.InvitationResponse, cancellationToken);

    /// <summary><c>GET /api/v1/organisations/{organisation}/invitations</c>: its open ones, all pages.</summary>
    public IAsyncEnumerable<InvitationResponse> ListInvitationsOfAsync(string organisation, CancellationToken cancellationToken = default) =>
        ListAsync(PathOfOrganisation(organisation) + "/invitations", StoaJson.Default.ListResponseInvitationResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/organisations/{organisation}/invitations/{id}</c>: withdraws one.</summary>
    public Task WithdrawInvitationAsync(string organisation, string id, CancellationToken cancellationToken = default) =>
        DeleteAsync($"{PathOfOrganisation(organisation)}/invitations/{Uri.EscapeDataString(id)}", cancellationToken);

    /// <summary><c>GET /api/v1/invitations</c>: your open ones, all pages.</summary>
    public IAsyncEnumerable<InvitationResponse> ListInvitationsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("invitations", StoaJson.Default.ListResponseInvitationResponse, cancellationToken);

    /// <summary><c>POST /api/v1/invitations/{id}/acceptance</c>.</summary>
    public Task<OrganisationResponse> AcceptInvitationAsync(string id, AcceptInvitationRequest request, CancellationToken cancellationToken = default) =>
        PostAsync(
            $"invitations/{Uri.EscapeDataString(id)}/acceptance", request, StoaJson.Default.AcceptInvitationRequest, StoaJson.Default.OrganisationResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/invitations/{id}</c>: declines one.</summary>
    public Task DeclineInvitationAsync(string id, CancellationToken cancellationToken = default) =>
        DeleteAsync($"invitations/{Uri.EscapeDataString(id)}", cancellationToken);

    private static string PathOfOrganisation(string organisation) => $"organisations/{Uri.EscapeDataString(organisation)}";
}
