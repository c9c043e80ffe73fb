using Stoa.Market.Messages;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

public static partial class Problems
{
    public static ProblemKind Of(MessageRefusal refusal) => refusal switch
    {
        MessageRefusal.MailboxUnknown => Row(refusal, 404, "No such mailbox",
            "There is no mailbox of this address, or the caller may not do this with it. Which of the two is not said, so that nobody can probe for mailboxes.",
            "Check the address, OWNER/NAME. List your own with GET /api/v1/mailboxes; to send to somebody else's, ask the owner to let your account send."),
        MessageRefusal.MailboxInvalid => Row(refusal, 422, "Mailbox breaks the rules",
            "The name, the senders or the times of the mailbox are not as they must be.",
            "Correct what is listed in errors and try again."),
        MessageRefusal.MailboxTaken => Row(refusal, 409, "Name of another mailbox",
            "You have a mailbox of this name.",
            "Choose another name, or use that mailbox."),
        MessageRefusal.MailboxesTooMany => Row(refusal, 409, "Too many mailboxes",
            "You have as many mailboxes as one account may have.",
            "Delete those that are not used any more with DELETE /api/v1/mailboxes/{handle}/{name}."),
        MessageRefusal.MailboxFull => Row(refusal, 409, "Mailbox full",
            "The mailbox has as many messages, dead letters too, or as many bytes, as one may have. Nothing was sent.",
            "Send again later, with the same dedupe key if you like: its owner has to acknowledge messages, to take back or delete dead letters, or they expire."),
        MessageRefusal.MessageInvalid => Row(refusal, 422, "Message breaks the rules",
            "The body, a key, the address for replies or a time is not as it must be.",
            "Correct what is listed in errors and try again."),
        MessageRefusal.MessageUnknown => Row(refusal, 404, "No such message",
            "The mailbox has no such message: it was acknowledged, has expired, or never was there. Whoever repeats an acknowledgement whose answer was lost gets this, too.",
            "There is nothing left to do with it: receive the next one."),
        MessageRefusal.DeliveryOver => Row(refusal, 409, "Delivery over",
            "The token is that of a delivery which is over: its time had passed and the message was handed out again, or it was returned, or is a dead letter.",
            "Receive the message again and use the token that comes with it. Ask for a longer visibility, or extend in time, if the work takes longer."),
        MessageRefusal.DedupeKeyReused => Row(refusal, 422, "Dedupe key used for another message",
            "You have sent another message with this dedupe key to this mailbox. One key stands for one message, so that a repetition is recognised.",
            "Give a new message a new key; repeat a message with its own key and exactly the same content."),
        MessageRefusal.TopicUnknown => Row(refusal, 404, "No such topic",
            "There is no topic of this address, or the caller may not do this with it, or does not subscribe to it.",
            "Check the address, OWNER/NAME. List your own with GET /api/v1/topics; ask the owner of another one to let your account."),
        MessageRefusal.TopicInvalid => Row(refusal, 422, "Topic breaks the rules",
            "The name of the topic, or who may publish and subscribe, is not as it must be.",
            "Correct what is listed in errors and try again."),
        MessageRefusal.TopicTaken => Row(refusal, 409, "Name of another topic",
            "You have a topic of this name.",
            "Choose another name, or use that topic."),
        MessageRefusal.TopicsTooMany => Row(refusal, 409, "Too many topics",
            "You have as many topics as one account may have.",
            "Delete those that are not used any more with DELETE /api/v1/topics/{handle}/{name}."),
        MessageRefusal.SubscriptionsTooMany => Row(refusal, 409, "Too many subscriptions",
            "The topic has as many mailboxes, or the mailbox as many topics, as one may have.",
            "End subscriptions that are not used any more, or have one mailbox pass messages on."),
    };
}
