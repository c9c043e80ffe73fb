using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>The outer door of topics.</summary>
public static class TopicsEndpoints
{
    public static void MapTopics(this IEndpointRouteBuilder api)
    {
        var topics = api.MapGroup("/topics").WithTags("Messages");
        topics.MapPost("/", CreateAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("createTopic").WithSummary("Make a topic")
            .WithDescription("A name that mailboxes subscribe to. Who may publish and whose mailboxes may subscribe beside your own is said now.")
            .Idempotent()
            .Produces<TopicResponse>(StatusCodes.Status201Created)
            .Refuses(MessageRefusal.TopicInvalid, MessageRefusal.TopicTaken, MessageRefusal.TopicsTooMany);
        topics.MapGet("/", ListAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("listTopics").WithSummary("List your topics, by their names")
            .WithDescription("Each with how many mailboxes subscribe to it.")
            .Produces<ListResponse<TopicResponse>>();
        topics.MapGet(MailboxesEndpoints.OfOne, GetAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("getTopic").WithSummary("Get a topic of yours")
            .WithDescription("Who may publish and subscribe to it.")
            .Produces<TopicResponse>()
            .Refuses(MessageRefusal.TopicUnknown);
        topics.MapDelete(MailboxesEndpoints.OfOne, DeleteAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("deleteTopic").WithSummary("Delete a topic")
            .WithDescription("With its subscriptions. What was published stays in the mailboxes.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(MessageRefusal.TopicUnknown);
        topics.MapPost(MailboxesEndpoints.OfOne + "/messages", PublishAsync)
            .Needs(Permission.MessagesSend)
            .WithName("publishMessage").AuditedInBulk().WithSummary("Publish a message")
            .WithDescription("Sends it to every mailbox that subscribes, in one transaction. One that is full misses it and holds up no other. With a dedupe key a repetition is sent only where the first was missed.")
            .TakesAtMost(MessagesEndpoints.MaxRequestBytes)
            .Produces<PublishedResponse>()
            .Refuses(MessageRefusal.TopicUnknown, MessageRefusal.MessageInvalid, MessageRefusal.DedupeKeyReused)
            .LimitedBy(RateLimit.Messages)
            .Refuses(RequestRefusal.RateLimited);
        topics.MapGet(MailboxesEndpoints.OfOne + "/subscriptions", ListOfTopicAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("listTopicSubscriptions").WithSummary("List who subscribes to a topic of yours")
            .WithDescription("All of them, at most 100, each with how many messages it has missed.")
            .Produces<ListResponse<TopicSubscriptionResponse>>()
            .Refuses(MessageRefusal.TopicUnknown);
        var mailbox = api.MapGroup("/mailboxes" + MailboxesEndpoints.OfOne + "/subscriptions").WithTags("Messages");
        mailbox.MapGet("/", ListOfMailboxAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("listMailboxSubscriptions").WithSummary("List what a mailbox subscribes to")
            .WithDescription("All of it, at most 100 topics, each with how many messages were missed.")
            .Produces<ListResponse<TopicSubscriptionResponse>>()
            .Refuses(MessageRefusal.MailboxUnknown);
        mailbox.MapPut("/{publisher}/{topic}", SubscribeAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("subscribeMailbox").WithSummary("Subscribe a mailbox to a topic")
            .WithDescription("It gets what is published from now on, whoever may send to it otherwise. Again it changes nothing.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.TopicUnknown, MessageRefusal.SubscriptionsTooMany);
        mailbox.MapDelete("/{publisher}/{topic}", UnsubscribeAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("unsubscribeMailbox").WithSummary("End a subscription")
            .WithDescription("What was published before stays in the mailbox.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.TopicUnknown);
    }

    private static async Task<IResult> CreateAsync(Body<CreateTopicRequest> body, MadeId id, Caller caller, SqlTopicStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var asked = body.Value;
        List<FieldError> errors = [];
        var topic = new Topic(id.For<Topic>(), caller.UserId, asked.Name, Read(asked.Senders, "/senders", errors), Read(asked.Subscribers, "/subscribers", errors), time.GetUtcNow());
        if (errors.Count > 0)
            return new Refusal<MessageRefusal>(MessageRefusal.TopicInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
        var (senders, subscribers) = (Named(asked.SenderAccounts), Named(asked.SubscriberAccounts));
        return (await store.AddAsync(topic, senders, subscribers, cancellationToken)).Match<IResult>(
            made => TypedResults.Created($"/api/v1/topics/{caller.Handle}/{made.Name}", ToContract(new ShownTopic(made, caller.Handle, senders, subscribers, 0))), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlTopicStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync(string handle, string name, Caller caller, SqlTopicStore store, CancellationToken cancellationToken) =>
        await FindAsync(handle, name, caller, store, cancellationToken) is { } topic ? TypedResults.Ok(ToContract(topic)) : Unknown(handle, name);

    private static async Task<IResult> DeleteAsync(string handle, string name, Caller caller, SqlTopicStore store, CancellationToken cancellationToken) =>
        handle == caller.Handle && await store.DeleteAsync(caller.UserId, name, cancellationToken) ? TypedResults.NoContent() : Unknown(handle, name);

    private static async Task<IResult> PublishAsync(string handle, string name, Body<SendMessageRequest> body, Caller caller, SqlMessages messages, CancellationToken cancellationToken)
    {
        List<FieldError> errors = [];
        var message = MessageContracts.Read(body.Value, errors);
        if (errors.Count > 0)
            return new Refusal<MessageRefusal>(MessageRefusal.MessageInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
        if (MailboxAddress.Of(handle, name) is not { } to)
            return Unknown(handle, name);
        return (await messages.PublishAsync(to, caller.UserId, message, cancellationToken)).Match<IResult>(
            published => TypedResults.Ok(new PublishedResponse(published.Delivered, published.Duplicates, published.Missed)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListOfTopicAsync(string handle, string name, Caller caller, SqlTopicStore store, CancellationToken cancellationToken) =>
        await FindAsync(handle, name, caller, store, cancellationToken) is { } topic
            ? TypedResults.Ok(ToContract(await store.ListOfTopicAsync(topic.Topic.Id, cancellationToken)))
            : Unknown(handle, name);

    private static async Task<IResult> ListOfMailboxAsync(string handle, string name, Caller caller, SqlMailboxStore mailboxes, SqlTopicStore store, CancellationToken cancellationToken) =>
        await MailboxesEndpoints.FindAsync(handle, name, caller, mailboxes, cancellationToken) is { } mailbox
            ? TypedResults.Ok(ToContract(await store.ListOfMailboxAsync(mailbox.Id, cancellationToken)))
            : MailboxesEndpoints.Unknown(handle, name);

    private static async Task<IResult> SubscribeAsync(
        string handle, string name, string publisher, string topic, Caller caller, SqlMailboxStore mailboxes, SqlTopicStore store, CancellationToken cancellationToken)
    {
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, mailboxes, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        if (MailboxAddress.Of(publisher, topic) is not { } to)
            return Unknown(publisher, topic);
        return (await store.SubscribeAsync(to, mailbox, cancellationToken)).Match<IResult>(_ => TypedResults.NoContent(), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> UnsubscribeAsync(
        string handle, string name, string publisher, string topic, Caller caller, SqlMailboxStore mailboxes, SqlTopicStore store, CancellationToken cancellationToken)
    {
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, mailboxes, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        return MailboxAddress.Of(publisher, topic) is { } to && await store.UnsubscribeAsync(to, mailbox.Id, cancellationToken) ? TypedResults.NoContent() : Unknown(publisher, topic);
    }

    private static async Task<ShownTopic?> FindAsync(string handle, string name, Caller caller, SqlTopicStore store, CancellationToken cancellationToken) =>
        handle == caller.Handle ? await store.ShowAsync(caller.UserId, name, cancellationToken) : null;

    private static SenderRule Read(string? word, string pointer, List<FieldError> errors)
    {
        if (word is null)
            return SenderRule.Owner;
        if (!EnumWord.TryParse<SenderRule>(word, out var rule))
            errors.Add(new FieldError(pointer, $"One of {EnumWord.All<SenderRule>()} is expected."));
        return rule;
    }

    private static string[] Named(IReadOnlyList<string>? accounts) => [.. (accounts ?? []).Take(MessageRules.MaxNamed + 1).Distinct(StringComparer.Ordinal)];

    private static TopicResponse ToContract(ShownTopic shown) => new(
        shown.Topic.Id.ToString(),
        $"{shown.Owner}/{shown.Topic.Name}",
        EnumWord.Of(shown.Topic.Senders),
        EnumWord.Of(shown.Topic.Subscribers),
        shown.Subscriptions,
        shown.Topic.CreatedAt,
        shown.Topic.Senders is SenderRule.Accounts ? shown.Senders : null,
        shown.Topic.Subscribers is SenderRule.Accounts ? shown.Subscribers : null);

    private static ListResponse<TopicSubscriptionResponse> ToContract(IReadOnlyList<Subscription> subscriptions) =>
        new([.. subscriptions.Select(one => new TopicSubscriptionResponse(one.Topic, one.Mailbox, one.CreatedAt, one.Missed))], null);

    private static ProblemResult Unknown(string handle, string name) => new Refusal<MessageRefusal>(
        MessageRefusal.TopicUnknown, $"There is no topic {handle}/{name}, or you may not do this with it. List your own with GET /api/v1/topics.").ToProblem();
}
