namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/organisations</c>.</summary>
/// <param name="Handle">As of a user, in the same namespace; the publisher part of its agents, and never changed.</param>
/// <param name="Name">What people call it, 1 to 100 characters.</param>
public sealed record CreateOrganisationRequest(string Handle, string Name);

/// <summary><c>PATCH /api/v1/organisations/{organisation}</c>.</summary>
/// <param name="Name">What people call it, 1 to 100 characters.</param>
public sealed record UpdateOrganisationRequest(string Name);

/// <summary>An organisation as one of its members sees it.</summary>
/// <param name="Id">TypeID with prefix <c>user</c>: it is an account as a user is.</param>
/// <param name="Handle">Names it in addresses, and in the header <c>Stoa-Organisation</c>.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Role">What you are in it: <c>viewer</c>, <c>developer</c> or <c>admin</c>.</param>
/// <param name="JoinedAt">Since when you belong to it.</param>
/// <param name="CreatedAt">When it was founded.</param>
/// <param name="ModelLimits">What may be asked of models in its name; absent without a limit.</param>
public sealed record OrganisationResponse(
    string Id, string Handle, string Name, string Role, DateTimeOffset JoinedAt, DateTimeOffset CreatedAt, ModelLimitsBody? ModelLimits = null);

/// <summary>What may be asked of models in a minute in the name of an organisation. <c>PUT /api/v1/organisations/{organisation}/model-limits</c>.</summary>
/// <param name="CallsPerMinute">Requests, 1 to 1,000,000; null for no limit.</param>
/// <param name="TokensPerMinute">Tokens of requests and answers, 1 to 1,000,000,000; null for no limit.</param>
public sealed record ModelLimitsBody(int? CallsPerMinute = null, int? TokensPerMinute = null);

/// <summary>Who belongs to an organisation.</summary>
/// <param name="Handle">Of the member.</param>
/// <param name="Role"><c>viewer</c>, <c>developer</c> or <c>admin</c>.</param>
/// <param name="JoinedAt">Since when.</param>
public sealed record MemberResponse(string Handle, string Role, DateTimeOffset JoinedAt);

/// <summary><c>PUT /api/v1/organisations/{organisation}/members/{handle}</c>.</summary>
/// <param name="Role"><c>viewer</c>, <c>developer</c> or <c>admin</c>.</param>
public sealed record SetMemberRequest(string Role);

/// <summary><c>POST /api/v1/organisations/{organisation}/invitations</c>: by one of handle and e-mail address.</summary>
/// <param name="Role">What the invited will be: <c>viewer</c>, <c>developer</c> or <c>admin</c>.</param>
/// <param name="Handle">Of who is invited.</param>
/// <param name="Email">Of somebody who may have no account yet.</param>
public sealed record InviteRequest(string Role, string? Handle = null, string? Email = null);

/// <summary>An open invitation.</summary>
/// <param name="Id">TypeID with prefix <c>invite</c>.</param>
/// <param name="Organisation">Handle of the organisation.</param>
/// <param name="Role">What the invited will be.</param>
/// <param name="InvitedBy">Handle of who made it.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">Until when it can be accepted.</param>
/// <param name="Handle">Who is invited; null for an invitation by e-mail address.</param>
/// <param name="Email">The address; null for an invitation by handle.</param>
/// <param name="Code">Needed to accept an invitation by e-mail address. It is there only in the answer that made it, and in the letter where the node sends one.</param>
/// <param name="Mailed">Whether the node has sent it by e-mail; otherwise give id and code to the invited yourself.</param>
public sealed record InvitationResponse(
    string Id,
    string Organisation,
    string Role,
    string InvitedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    string? Handle = null,
    string? Email = null,
    string? Code = null,
    bool? Mailed = null);

/// <summary><c>POST /api/v1/invitations/{id}/acceptance</c>.</summary>
/// <param name="Code">The one that came with an invitation by e-mail address; null for one by handle.</param>
public sealed record AcceptInvitationRequest(string? Code = null);
