using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Messages;

/// <summary>Where messages for one account are kept until somebody who acts for it has dealt with them.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Whose it is: only who acts for this account receives out of it.</param>
/// <param name="Name">One of the owner's alone; see <see cref="MailboxAddress"/>.</param>
/// <param name="Senders">Who may send to it.</param>
/// <param name="VisibilitySeconds">How long a message that was handed out is held for its receiver, unless that one asks for another time.</param>
/// <param name="MaxDeliveries">A message that was handed out so often without being acknowledged becomes a dead letter.</param>
/// <param name="RetentionSeconds">How long a message is kept, unless its sender asks for less; a dead letter is kept as long again.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Mailbox(
    Id<Mailbox> Id,
    Id<User> OwnerId,
    string Name,
    SenderRule Senders,
    int VisibilitySeconds,
    int MaxDeliveries,
    int RetentionSeconds,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "mbox";
}

/// <summary>Who may send to a mailbox. Its owner always may.</summary>
public enum SenderRule
{
    /// <summary>Nobody else.</summary>
    Owner,

    /// <summary>The accounts that are named.</summary>
    Accounts,

    /// <summary>The members of the organisation that owns it, in their own names.</summary>
    Organisation,

    /// <summary>Every account of the cell.</summary>
    Anyone,
}

/// <summary>Decides who may send.</summary>
public static class SenderRules
{
    /// <summary>Whether an account may send.</summary>
    /// <param name="rule">Of the mailbox.</param>
    /// <param name="isOwner">Whether it owns the mailbox.</param>
    /// <param name="isNamed">Whether the mailbox names it.</param>
    /// <param name="isMember">Whether it is a member of the organisation that owns the mailbox.</param>
    public static bool Admits(this SenderRule rule, bool isOwner, bool isNamed, bool isMember) => isOwner || rule switch
    {
        SenderRule.Owner => false,
        SenderRule.Accounts => isNamed,
        SenderRule.Organisation => isMember,
        SenderRule.Anyone => true,
        _ => throw new ArgumentOutOfRangeException(nameof(rule)),
    };
}
