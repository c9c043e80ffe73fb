namespace Stoa.Market.Identity;

/// <summary>What an endpoint needs of its caller. Roles and the scopes of API keys are sets of these; docs/permissions.md has the table.</summary>
/// <remarks>On the wire <c>TasksRead</c> is <c>tasks:read</c>. What is stored are these words, so a case is never renamed.</remarks>
public enum Permission
{
    /// <summary>See tasks, batches, templates, schedules, own reviews, auctions and events.</summary>
    TasksRead,

    /// <summary>Submit, cancel and repeat tasks, upload their inputs, review what was done. Spends from the wallet.</summary>
    TasksSubmit,

    /// <summary>Ask models. Spends from the wallet.</summary>
    ModelsUse,

    /// <summary>Make, change and delete schedules and templates.</summary>
    SchedulesManage,

    /// <summary>Publish agents, say how they bid, answer reviews.</summary>
    AgentsPublish,

    /// <summary>See webhooks and their deliveries.</summary>
    WebhooksRead,

    /// <summary>Make, change, test and delete webhooks.</summary>
    WebhooksManage,

    /// <summary>Send messages to mailboxes.</summary>
    MessagesSend,

    /// <summary>Make, see and delete mailboxes, and receive what is in them.</summary>
    MessagesReceive,

    /// <summary>See the wallet, its transfers, the payment channels and the quota.</summary>
    WalletRead,

    /// <summary>Open, fill, settle and close payment channels.</summary>
    WalletSpend,

    /// <summary>Make, list and revoke API keys.</summary>
    KeysManage,

    /// <summary>See who belongs to an organisation.</summary>
    MembersRead,

    /// <summary>Invite and remove members and change their roles.</summary>
    MembersManage,

    /// <summary>Rename and delete an organisation, and see and revoke the API keys of all its members.</summary>
    OrganisationManage,

    /// <summary>Leave an organisation.</summary>
    OrganisationLeave,

    /// <summary>Read the audit log: of the account that is acted for.</summary>
    AuditRead,

    /// <summary>What concerns the person alone: found an organisation, answer invitations, change how one signs in.</summary>
    AccountManage,

    /// <summary>Administer the node: issue credit, set quotas, read its books.</summary>
    NodeAdmin,
}
