using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>People who act as one account: it has a handle, a wallet and everything else that a user has, but no password.</summary>
/// <param name="Id">Of the account.</param>
/// <param name="Handle">As of a user, and in the same namespace. It is part of the names of agents, so it never changes.</param>
/// <param name="Name">What people call it; may change.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Organisation(Id<User> Id, string Handle, string Name, DateTimeOffset CreatedAt)
{
    /// <summary>What may be asked of models in its name in a minute.</summary>
    public ModelLimits ModelLimits { get; init; } = ModelLimits.None;
}

/// <summary>An organisation as one of its members sees it.</summary>
public sealed record JoinedOrganisation(Organisation Organisation, OrganisationRole Role, DateTimeOffset JoinedAt);

/// <summary>A member as the organisation sees it.</summary>
public sealed record Member(Id<User> Id, string Handle, OrganisationRole Role, DateTimeOffset JoinedAt);

/// <summary>An offer to join an organisation.</summary>
/// <param name="Id">Names it.</param>
/// <param name="OrganisationId">Which.</param>
/// <param name="Organisation">Its handle.</param>
/// <param name="Invited">Handle of who is invited; null for an invitation by e-mail address.</param>
/// <param name="Email">In lower case; null for an invitation by handle.</param>
/// <param name="Role">What the invited will be.</param>
/// <param name="InvitedBy">Handle of who made it.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ExpiresAt">UTC.</param>
public sealed record OrganisationInvitation(
    Id<OrganisationInvitation> Id,
    Id<User> OrganisationId,
    string Organisation,
    string? Invited,
    string? Email,
    OrganisationRole Role,
    string InvitedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt) : IIdentified
{
    public static string IdPrefix => "invite";
}
