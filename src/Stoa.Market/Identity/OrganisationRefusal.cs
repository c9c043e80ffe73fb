namespace Stoa.Market.Identity;

/// <summary>Every reason for which an act on organisations is refused.</summary>
public enum OrganisationRefusal
{
    /// <summary>No such organisation, or the caller does not belong to it.</summary>
    OrganisationUnknown,

    /// <summary>Handle, name or role break their rules; every reason is listed.</summary>
    OrganisationInvalid,

    /// <summary>Somebody else has the handle.</summary>
    HandleTaken,

    /// <summary>The person belongs to as many organisations as are allowed.</summary>
    OrganisationsTooMany,

    /// <summary>The organisation has no such member.</summary>
    MemberUnknown,

    /// <summary>It would leave the organisation without an administrator.</summary>
    LastAdmin,

    /// <summary>Whom to invite is not said, or not as it must be.</summary>
    InvitationInvalid,

    /// <summary>No such invitation, or it is for somebody else, was withdrawn, or has expired.</summary>
    InvitationUnknown,

    /// <summary>The invited belongs to it already.</summary>
    AlreadyMember,

    /// <summary>The organisation has as many members and open invitations as are allowed.</summary>
    MembersTooMany,

    /// <summary>It still has money, work or agents; every reason is listed.</summary>
    OrganisationInUse,
}
