using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Messages;

/// <summary>A name that mailboxes subscribe to: what is published to it is sent to each of them.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Whose it is.</param>
/// <param name="Name">As of a mailbox; one of the owner's alone.</param>
/// <param name="Senders">Who may publish to it.</param>
/// <param name="Subscribers">Whose mailboxes may subscribe to it, and get what is published as long as they may.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Topic(Id<Topic> Id, Id<User> OwnerId, string Name, SenderRule Senders, SenderRule Subscribers, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "topic";

    /// <summary>Every reason against a topic.</summary>
    /// <param name="senders">How many accounts it names as senders.</param>
    /// <param name="subscribers">How many as subscribers.</param>
    /// <param name="isOfOrganisation">Whether its owner is an organisation.</param>
    public IEnumerable<FieldError> Check(int senders, int subscribers, bool isOfOrganisation)
    {
        if (!MailboxAddress.IsName(Name))
            yield return new FieldError("/name", $"A name has {MailboxAddress.NameRule}.");
        foreach (var error in MessageRules.Check(Senders, senders, isOfOrganisation, "/senders", "/senderAccounts"))
            yield return error;
        foreach (var error in MessageRules.Check(Subscribers, subscribers, isOfOrganisation, "/subscribers", "/subscriberAccounts"))
            yield return error;
    }
}

/// <summary>A mailbox that gets what is published to a topic.</summary>
/// <param name="Topic">The topic's address.</param>
/// <param name="Mailbox">The mailbox's.</param>
/// <param name="CreatedAt">Since when.</param>
/// <param name="Missed">How many messages it did not get, since it was full or its owner might not any more.</param>
public sealed record Subscription(string Topic, string Mailbox, DateTimeOffset CreatedAt, long Missed);

/// <summary>What came of publishing.</summary>
/// <param name="Delivered">Mailboxes that have got the message.</param>
/// <param name="Duplicates">Mailboxes that had it before, by its dedupe key.</param>
/// <param name="Missed">Mailboxes that have not got it, since they are full or their owners may not any more.</param>
public sealed record PublishedMessage(int Delivered, int Duplicates, int Missed);
