using System.Text.Json;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/mailboxes</c>.</summary>
/// <param name="Name">2 to 64 characters of a-z 0-9 -, the first a letter; one of yours alone.</param>
/// <param name="Senders">Who may send to it beside yourself: <c>owner</c> (nobody, the default), <c>accounts</c>, <c>organisation</c> or <c>anyone</c>.</param>
/// <param name="Accounts">With <c>accounts</c>: the handles of those who may, at most 100.</param>
/// <param name="VisibilitySeconds">How long a delivery is held for its receiver, 1 to 43,200; 30 when left out.</param>
/// <param name="MaxDeliveries">Deliveries after which a message is a dead letter, 1 to 100; 5 when left out.</param>
/// <param name="RetentionSeconds">How long messages are kept, 60 to 1,209,600; 345,600, four days, when left out.</param>
public sealed record CreateMailboxRequest(
    string Name, string? Senders = null, IReadOnlyList<string>? Accounts = null, int? VisibilitySeconds = null, int? MaxDeliveries = null, int? RetentionSeconds = null);

/// <summary>A mailbox, and how full it is.</summary>
/// <param name="Id">TypeID with prefix <c>mbox</c>.</param>
/// <param name="Address">Where messages are sent: <c>owner/name</c>.</param>
/// <param name="Senders">As in <see cref="CreateMailboxRequest"/>.</param>
/// <param name="VisibilitySeconds">As in <see cref="CreateMailboxRequest"/>.</param>
/// <param name="MaxDeliveries">As in <see cref="CreateMailboxRequest"/>.</param>
/// <param name="RetentionSeconds">As in <see cref="CreateMailboxRequest"/>.</param>
/// <param name="Messages">That wait or are held.</param>
/// <param name="DeadLetters">That were handed out too often.</param>
/// <param name="Bytes">Of the bodies of both.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Accounts">Who may send, where accounts are named.</param>
public sealed record MailboxResponse(
    string Id,
    string Address,
    string Senders,
    int VisibilitySeconds,
    int MaxDeliveries,
    int RetentionSeconds,
    long Messages,
    long DeadLetters,
    long Bytes,
    DateTimeOffset CreatedAt,
    IReadOnlyList<string>? Accounts = null);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages</c>. The body is one of <paramref name="Body"/> and <paramref name="Base64"/>, of at most 256 KiB.</summary>
/// <param name="Body">JSON, at most 24 levels deep.</param>
/// <param name="Base64">Any bytes.</param>
/// <param name="ContentType">What the bytes are; <c>application/octet-stream</c> when left out.</param>
/// <param name="DedupeKey">A repetition with the same key is recognised, for a day unless the operator says otherwise; 1 to 128 characters.</param>
/// <param name="CorrelationId">What a reply is to say again; in a reply, what the request said.</param>
/// <param name="ReplyTo">The mailbox that a reply is expected in: <c>owner/name</c>.</param>
/// <param name="ExpiresInSeconds">For how long it is of use; as long as the mailbox keeps it when left out.</param>
public sealed record SendMessageRequest(
    JsonElement? Body = null, string? Base64 = null, string? ContentType = null, string? DedupeKey = null, string? CorrelationId = null, string? ReplyTo = null, int? ExpiresInSeconds = null);

/// <summary>A message that was sent.</summary>
/// <param name="Id">TypeID with prefix <c>msg</c>.</param>
/// <param name="Duplicate">Whether it was sent before with the same dedupe key: nothing was sent now.</param>
public sealed record SentMessageResponse(string Id, bool Duplicate);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/batches</c>: all of them are sent, or none.</summary>
/// <param name="Messages">1 to 100, in their order; their bodies have at most 1 MiB together.</param>
public sealed record SendMessagesRequest(IReadOnlyList<SendMessageRequest> Messages);

/// <summary>Messages that were sent.</summary>
/// <param name="Messages">As they were asked for.</param>
public sealed record SentMessagesResponse(IReadOnlyList<SentMessageResponse> Messages);

/// <summary>A message. Its body is in <paramref name="Body"/> when it was sent as JSON, else in <paramref name="Base64"/>.</summary>
/// <param name="Id">The same in every delivery: whoever remembers it acts on each message once.</param>
/// <param name="From">Handle of the account that has sent it.</param>
/// <param name="SentAt">When.</param>
/// <param name="ExpiresAt">It is not handed out any more from then on.</param>
/// <param name="Deliveries">How often it was handed out, this time included.</param>
/// <param name="ContentType">What the body is.</param>
/// <param name="Body">JSON.</param>
/// <param name="Base64">Bytes.</param>
/// <param name="CorrelationId">As its sender said.</param>
/// <param name="ReplyTo">As its sender said.</param>
/// <param name="Topic">The topic that it was published to, <c>owner/name</c>, if it came by one.</param>
/// <param name="Token">Of a delivery: what acknowledges, extends or returns it.</param>
/// <param name="HeldUntil">Of a delivery: nobody else gets it before.</param>
/// <param name="DeadAt">Of a dead letter: since when it is one.</param>
public sealed record MessageResponse(
    string Id,
    string From,
    DateTimeOffset SentAt,
    DateTimeOffset ExpiresAt,
    int Deliveries,
    string ContentType,
    JsonElement? Body = null,
    string? Base64 = null,
    string? CorrelationId = null,
    string? ReplyTo = null,
    string? Topic = null,
    string? Token = null,
    DateTimeOffset? HeldUntil = null,
    DateTimeOffset? DeadAt = null);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/receive</c>.</summary>
/// <param name="Messages">Those of one sender in the order in which they were sent; none when the time was over first.</param>
public sealed record ReceivedResponse(IReadOnlyList<MessageResponse> Messages);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/ack</c>.</summary>
/// <param name="Token">Of the delivery.</param>
public sealed record AcknowledgeRequest(string Token);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/acks</c>.</summary>
/// <param name="Deliveries">1 to 100.</param>
public sealed record AcknowledgeManyRequest(IReadOnlyList<DeliveryMarkBody> Deliveries);

/// <summary>One delivery.</summary>
/// <param name="Id">Of the message.</param>
/// <param name="Token">That came with it.</param>
public sealed record DeliveryMarkBody(string Id, string Token);

/// <summary>What came of acknowledging several.</summary>
/// <param name="Acknowledged">How many are gone.</param>
/// <param name="Refused">The others.</param>
public sealed record AcknowledgedResponse(int Acknowledged, IReadOnlyList<RefusedDeliveryBody> Refused);

/// <summary>A delivery that could not be acknowledged.</summary>
/// <param name="Id">Of the message.</param>
/// <param name="Code"><c>messageUnknown</c> or <c>deliveryOver</c>.</param>
/// <param name="Detail">What happened and what to do next.</param>
public sealed record RefusedDeliveryBody(string Id, string Code, string Detail);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/extend</c>.</summary>
/// <param name="Token">Of the delivery.</param>
/// <param name="VisibilitySeconds">For how long from now on, 1 to 43,200; as the mailbox says when left out.</param>
public sealed record ExtendDeliveryRequest(string Token, int? VisibilitySeconds = null);

/// <summary>Until when a delivery is held.</summary>
/// <param name="HeldUntil">Nobody else gets it before.</param>
public sealed record ExtendedResponse(DateTimeOffset HeldUntil);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/messages/{id}/return</c>.</summary>
/// <param name="Token">Of the delivery.</param>
/// <param name="DelaySeconds">For how long nothing of the same sender is handed out, 0 to 43,200; 0 when left out.</param>
public sealed record ReturnDeliveryRequest(string Token, int? DelaySeconds = null);

/// <summary>What became of a message that was returned.</summary>
/// <param name="Dead">Whether it is a dead letter now.</param>
public sealed record ReturnedResponse(bool Dead);

/// <summary><c>POST /api/v1/mailboxes/{handle}/{name}/redrive</c>.</summary>
/// <param name="Messages">Ids of dead letters, at most 1,000; null for the first 1,000 of all.</param>
public sealed record RedriveRequest(IReadOnlyList<string>? Messages = null);

/// <summary>How many dead letters wait again.</summary>
/// <param name="Redriven">Less than asked for where some are no dead letters.</param>
public sealed record RedrivenResponse(int Redriven);

/// <summary><c>POST /api/v1/topics</c>.</summary>
/// <param name="Name">2 to 64 characters of a-z 0-9 -, the first a letter; one of yours alone.</param>
/// <param name="Senders">Who may publish to it beside yourself: <c>owner</c> (nobody, the default), <c>accounts</c>, <c>organisation</c> or <c>anyone</c>.</param>
/// <param name="SenderAccounts">With <c>accounts</c>: the handles of those who may, at most 100.</param>
/// <param name="Subscribers">Whose mailboxes may subscribe to it; likewise.</param>
/// <param name="SubscriberAccounts">With <c>accounts</c>: their handles.</param>
public sealed record CreateTopicRequest(
    string Name, string? Senders = null, IReadOnlyList<string>? SenderAccounts = null, string? Subscribers = null, IReadOnlyList<string>? SubscriberAccounts = null);

/// <summary>A topic.</summary>
/// <param name="Id">TypeID with prefix <c>topic</c>.</param>
/// <param name="Address">Where messages are published: <c>owner/name</c>.</param>
/// <param name="Senders">As in <see cref="CreateTopicRequest"/>.</param>
/// <param name="Subscribers">As in <see cref="CreateTopicRequest"/>.</param>
/// <param name="Subscriptions">How many mailboxes subscribe to it.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="SenderAccounts">Who may publish, where accounts are named.</param>
/// <param name="SubscriberAccounts">Who may subscribe, where accounts are named.</param>
public sealed record TopicResponse(
    string Id,
    string Address,
    string Senders,
    string Subscribers,
    long Subscriptions,
    DateTimeOffset CreatedAt,
    IReadOnlyList<string>? SenderAccounts = null,
    IReadOnlyList<string>? SubscriberAccounts = null);

/// <summary>What came of publishing a message.</summary>
/// <param name="Delivered">Mailboxes that have got it.</param>
/// <param name="Duplicates">Mailboxes that had it before, by its dedupe key.</param>
/// <param name="Missed">Mailboxes that have not got it, since they are full or their owners may not any more.</param>
public sealed record PublishedResponse(int Delivered, int Duplicates, int Missed);

/// <summary>A mailbox that subscribes to a topic.</summary>
/// <param name="Topic">The topic's address.</param>
/// <param name="Mailbox">The mailbox's.</param>
/// <param name="CreatedAt">Since when.</param>
/// <param name="Missed">How many messages it did not get.</param>
public sealed record TopicSubscriptionResponse(string Topic, string Mailbox, DateTimeOffset CreatedAt, long Missed);
