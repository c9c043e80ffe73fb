namespace Stoa.Market.Identity;

/// <summary>What a member of an organisation is there.</summary>
public enum OrganisationRole
{
    /// <summary>Sees what the organisation has and does.</summary>
    Viewer,

    /// <summary>Works: submits tasks, publishes agents, makes keys of at most these rights.</summary>
    Developer,

    /// <summary>Also decides who belongs to it, and disposes of its wallet.</summary>
    Admin,
}

/// <summary>Who has which permissions: the one place that says so.</summary>
public static class Rights
{
    private static readonly PermissionSet s_viewer = PermissionSet.Of(
        Permission.TasksRead, Permission.WebhooksRead, Permission.WalletRead, Permission.MembersRead, Permission.OrganisationLeave);

    private static readonly PermissionSet s_developer = new(s_viewer.Bits | PermissionSet.Of(
        Permission.TasksSubmit, Permission.ModelsUse, Permission.SchedulesManage, Permission.AgentsPublish, Permission.WebhooksManage,
        Permission.MessagesSend, Permission.MessagesReceive, Permission.KeysManage).Bits);

    private static readonly PermissionSet s_admin = new(s_developer.Bits | PermissionSet.Of(
        Permission.WalletSpend, Permission.MembersManage, Permission.OrganisationManage, Permission.AuditRead).Bits);

    /// <summary>What only concerns an organisation, so that nobody has it of his own account.</summary>
    private static readonly PermissionSet s_ofOrganisations = PermissionSet.Of(
        Permission.MembersRead, Permission.MembersManage, Permission.OrganisationManage, Permission.OrganisationLeave);

    /// <summary>What a key that belongs to an organisation never may: it is not a person.</summary>
    private static readonly PermissionSet s_personal = PermissionSet.Of(Permission.AccountManage, Permission.OrganisationLeave);

    /// <summary>What a key with a spending limit never may: each of these spends, or has others spend, outside of the limit.</summary>
    public static PermissionSet PastSpendingLimits { get; } = PermissionSet.Of(
        Permission.SchedulesManage, Permission.WalletSpend, Permission.KeysManage, Permission.MembersManage, Permission.OrganisationManage,
        Permission.AccountManage, Permission.NodeAdmin);

    /// <summary>What a person may on the own account.</summary>
    public static PermissionSet OfPerson(UserRole role) => role switch
    {
        UserRole.Member => PermissionSet.All.Without(s_ofOrganisations).Without(PermissionSet.Of(Permission.NodeAdmin)),
        UserRole.Admin => PermissionSet.All.Without(s_ofOrganisations),
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    /// <summary>What a member may in the name of the organisation.</summary>
    public static PermissionSet OfMember(OrganisationRole role) => role switch
    {
        OrganisationRole.Viewer => s_viewer,
        OrganisationRole.Developer => s_developer,
        OrganisationRole.Admin => s_admin,
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    /// <summary>What a key may: no more than its scopes, nor than its maker may now.</summary>
    /// <param name="key">The key.</param>
    /// <param name="maker">What its maker may now where it is used.</param>
    /// <param name="ofOrganisation">Whether the key belongs to an organisation.</param>
    public static PermissionSet OfKey(ApiKey key, PermissionSet maker, bool ofOrganisation)
    {
        var rights = key.Scopes is { } scopes ? maker.And(scopes) : maker;
        if (key.SpendPerDay is not null)
            rights = rights.Without(PastSpendingLimits);
        return ofOrganisation ? rights.Without(s_personal) : rights;
    }
}
