namespace Stoa.Market.Messages;

/// <summary>Every reason for which an act on a mailbox or a message is refused.</summary>
public enum MessageRefusal
{
    /// <summary>No such mailbox, or the caller may not do this with it: whose mailboxes there are is not told.</summary>
    MailboxUnknown,

    /// <summary>Name, senders or times of a mailbox are not as they must be; every reason is listed.</summary>
    MailboxInvalid,

    /// <summary>The owner has a mailbox of this name.</summary>
    MailboxTaken,

    /// <summary>The owner has as many mailboxes as one may have.</summary>
    MailboxesTooMany,

    /// <summary>The mailbox has as many messages, or bytes, as one may have.</summary>
    MailboxFull,

    /// <summary>A message, or what is asked of one, is not as it must be; every reason is listed.</summary>
    MessageInvalid,

    /// <summary>The mailbox has no such message: it was acknowledged, has expired, or never was there.</summary>
    MessageUnknown,

    /// <summary>The delivery that the token stands for is over: the message was returned, handed out again or became a dead letter.</summary>
    DeliveryOver,

    /// <summary>The dedupe key came before with another message.</summary>
    DedupeKeyReused,

    /// <summary>No such topic, or the caller may not do this with it.</summary>
    TopicUnknown,

    /// <summary>Name or rules of a topic are not as they must be; every reason is listed.</summary>
    TopicInvalid,

    /// <summary>The owner has a topic of this name.</summary>
    TopicTaken,

    /// <summary>The owner has as many topics as one may have.</summary>
    TopicsTooMany,

    /// <summary>The topic has as many mailboxes, or the mailbox as many topics, as one may have.</summary>
    SubscriptionsTooMany,
}
