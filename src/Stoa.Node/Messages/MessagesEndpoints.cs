using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>The outer door of what is in mailboxes: sending to those that let one, receiving out of one's own.</summary>
public static class MessagesEndpoints
{
    // Base64 takes four characters for three bytes, JSON may be written with escapes; beside it are keys and an address.
    internal const long MaxRequestBytes = (2 * MessageRules.MaxBodyBytes) + (16 * 1024);

    private const long MaxBatchBytes = (2 * MessageRules.MaxSentBytes) + (128 * 1024);

    // A thousand ids.
    private const long MaxIdsBytes = 64 * 1024;

    private const string TokenRule = "The token that came with the delivery, 16 hexadecimal digits, is expected.";

    public static void MapMessages(this IEndpointRouteBuilder api)
    {
        var box = api.MapGroup("/mailboxes" + MailboxesEndpoints.OfOne).WithTags("Messages");
        box.MapPost("/messages", SendAsync)
            .Needs(Permission.MessagesSend)
            .WithName("sendMessage").AuditedInBulk().WithSummary("Send a message")
            .WithDescription("It is durable once this is answered (201). With a dedupe key a repetition is answered with the first one's id (200) and sends nothing. Messages of one sender are handed out in the order in which they were sent.")
            .TakesAtMost(MaxRequestBytes)
            .LimitedBy(RateLimit.Messages)
            .Produces<SentMessageResponse>(StatusCodes.Status201Created)
            .Produces<SentMessageResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid, MessageRefusal.MailboxFull, MessageRefusal.DedupeKeyReused)
            .Refuses(RequestRefusal.RateLimited);
        box.MapPost("/batches", SendManyAsync)
            .Needs(Permission.MessagesSend)
            .WithName("sendMessages").AuditedInBulk().WithSummary("Send several messages")
            .WithDescription("In their order, all of them or none: 1 to 100, with 1 MiB of bodies together. What was sent before with the same dedupe key is answered as a duplicate.")
            .TakesAtMost(MaxBatchBytes)
            .Produces<SentMessagesResponse>(StatusCodes.Status201Created)
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid, MessageRefusal.MailboxFull, MessageRefusal.DedupeKeyReused)
            .Refuses(RequestRefusal.RateLimited);
        box.MapPost("/receive", ReceiveAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("receiveMessages").AuditedInBulk().WithSummary("Receive messages")
            .WithDescription("Up to max (1 to 50; 1 when left out), held for visibility seconds (as the mailbox says when left out): acknowledge each before that is over, or it is handed out again. With wait, such as 20s, the line is held until there is one or the time is over, at most a minute.")
            .Produces<ReceivedResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid);
        box.MapPost("/acks", AcknowledgeManyAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("acknowledgeMessages").AuditedInBulk().WithSummary("Acknowledge several messages")
            .WithDescription("Those that can be are gone afterwards; of each of the others it is said why not.")
            .Produces<AcknowledgedResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid);
        box.MapPost("/messages/{id}/ack", AcknowledgeAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("acknowledgeMessage").AuditedInBulk().WithSummary("Acknowledge a message")
            .WithDescription("It is dealt with, and gone. The token is that of the delivery.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid, MessageRefusal.MessageUnknown, MessageRefusal.DeliveryOver);
        box.MapPost("/messages/{id}/extend", ExtendAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("extendDelivery").AuditedInBulk().WithSummary("Hold a delivery for longer")
            .WithDescription("From now on, with all others of the same sender that were handed out with it.")
            .Produces<ExtendedResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid, MessageRefusal.MessageUnknown, MessageRefusal.DeliveryOver);
        box.MapPost("/messages/{id}/return", ReturnAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("returnDelivery").AuditedInBulk().WithSummary("Give a delivery back")
            .WithDescription("It is handed out again, after a delay if one is asked for, or is a dead letter if that was its last delivery. Later ones of the same sender that were handed out with it come back, too: their order stays.")
            .Produces<ReturnedResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid, MessageRefusal.MessageUnknown, MessageRefusal.DeliveryOver);
        box.MapGet("/dead", ListDeadAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("listDeadLetters").WithSummary("List dead letters")
            .WithDescription("What was handed out as often as the mailbox allows without being acknowledged, with bodies. They are kept as long as the mailbox keeps messages, from when they died.")
            .Produces<ListResponse<MessageResponse>>()
            .Refuses(MessageRefusal.MailboxUnknown);
        box.MapPost("/redrive", RedriveAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("redriveDeadLetters").AuditedInBulk().WithSummary("Let dead letters wait again")
            .WithDescription("Behind all that waits, as if they had just been sent, and with all of their deliveries before them. At most 1,000 at once.")
            .TakesAtMost(MaxIdsBytes)
            .Produces<RedrivenResponse>()
            .Refuses(MessageRefusal.MailboxUnknown, MessageRefusal.MessageInvalid);
    }

    private static async Task<IResult> SendAsync(string handle, string name, Body<SendMessageRequest> body, Caller caller, SqlMessages messages, CancellationToken cancellationToken)
    {
        List<FieldError> errors = [];
        var message = MessageContracts.Read(body.Value, errors);
        if (errors.Count > 0)
            return Invalid(errors);
        if (MailboxAddress.Of(handle, name) is not { } to)
            return MailboxesEndpoints.Unknown(handle, name);
        return (await messages.SendAsync(to, caller.UserId, [message], cancellationToken)).Match<IResult>(
            sent => sent[0].IsDuplicate ? TypedResults.Ok(ToContract(sent[0])) : TypedResults.Created((string?)null, ToContract(sent[0])),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> SendManyAsync(
        string handle, string name, Body<SendMessagesRequest> body, HttpContext context, Caller caller, SqlMessages messages, RateLimits limits, CancellationToken cancellationToken)
    {
        var asked = body.Value.Messages;
        List<FieldError> errors = [];
        if (asked.Count is 0 or > MessageRules.MaxSent)
            return Invalid([new FieldError("/messages", $"1 to {MessageRules.MaxSent} messages are sent at once.")]);
        List<NewMessage> read = [];
        for (var index = 0; index < asked.Count; index++)
        {
            List<FieldError> own = [];
            read.Add(MessageContracts.Read(asked[index], own));
            errors.AddRange(own.Select(error => error with { Pointer = $"/messages/{index}{error.Pointer}" }));
        }

        if (read.Sum(message => (long)message.Body.Length) > MessageRules.MaxSentBytes)
            errors.Add(new FieldError("/messages", $"The bodies of all have at most {MessageRules.MaxSentBytes} bytes."));
        if (errors.Count > 0)
            return Invalid(errors);
        if (limits.Refuse(context, RateLimit.Messages, RateLimits.KeyOf(context, RateLimit.Messages), asked.Count) is { } tooMany)
            return tooMany;
        if (MailboxAddress.Of(handle, name) is not { } to)
            return MailboxesEndpoints.Unknown(handle, name);
        return (await messages.SendAsync(to, caller.UserId, read, cancellationToken)).Match<IResult>(
            sent => TypedResults.Created((string?)null, new SentMessagesResponse([.. sent.Select(ToContract)])), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ReceiveAsync(
        string handle, string name, int? max, int? visibility, string? wait, Caller caller, SqlMailboxStore store, MailboxReceiver receiver, CancellationToken cancellationToken)
    {
        var time = WaitQuery.Parse(wait ?? "").Time ?? TimeSpan.Zero;
        List<FieldError> errors = [];
        if (max is < 1 or > MessageRules.MaxReceived)
            errors.Add(new FieldError("", $"The parameter max is a whole number from 1 to {MessageRules.MaxReceived}."));
        if (visibility is < 1 or > MessageRules.MaxVisibilitySeconds)
            errors.Add(new FieldError("", $"The parameter visibility is a whole number of seconds from 1 to {MessageRules.MaxVisibilitySeconds}."));
        if (errors.Count > 0)
            return Invalid(errors);
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        var got = await receiver.ReceiveAsync(mailbox, max ?? 1, TimeSpan.FromSeconds(visibility ?? mailbox.VisibilitySeconds), time, cancellationToken);
        return TypedResults.Ok(new ReceivedResponse([.. got.Select(MessageContracts.Show)]));
    }

    private static async Task<IResult> AcknowledgeAsync(
        string handle, string name, Id<Message> id, Body<AcknowledgeRequest> body, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken)
    {
        if (!DeliveryToken.TryParse(body.Value.Token, null, out var token))
            return BadToken("/token");
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        var refusal = (await messages.AcknowledgeAsync(mailbox.Id, [new DeliveryMark(id, token)], cancellationToken))[0];
        return refusal is null ? TypedResults.NoContent() : refusal.ToProblem();
    }

    private static async Task<IResult> AcknowledgeManyAsync(
        string handle, string name, Body<AcknowledgeManyRequest> body, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken)
    {
        var asked = body.Value.Deliveries;
        List<FieldError> errors = [];
        if (asked.Count is 0 or > MessageRules.MaxMarks)
            errors.Add(new FieldError("/deliveries", $"1 to {MessageRules.MaxMarks} deliveries are acknowledged at once."));
        List<DeliveryMark> marks = [];
        for (var index = 0; index < Math.Min(asked.Count, MessageRules.MaxMarks); index++)
        {
            if (!Id<Message>.TryParse(asked[index].Id, out var id))
                errors.Add(new FieldError($"/deliveries/{index}/id", "The id of a message, msg_…, is expected."));
            if (!DeliveryToken.TryParse(asked[index].Token, null, out var token))
                errors.Add(new FieldError($"/deliveries/{index}/token", TokenRule));
            marks.Add(new DeliveryMark(id, token));
        }

        if (errors.Count > 0)
            return Invalid(errors);
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        var refusals = await messages.AcknowledgeAsync(mailbox.Id, marks, cancellationToken);
        return TypedResults.Ok(new AcknowledgedResponse(
            refusals.Count(refusal => refusal is null),
            [.. refusals.Zip(marks).Where(one => one.First is not null).Select(one => new RefusedDeliveryBody(one.Second.Id.ToString(), EnumWord.Of(one.First!.Code), one.First.Detail))]));
    }

    private static async Task<IResult> ExtendAsync(
        string handle, string name, Id<Message> id, Body<ExtendDeliveryRequest> body, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken)
    {
        if (!DeliveryToken.TryParse(body.Value.Token, null, out var token))
            return BadToken("/token");
        if (body.Value.VisibilitySeconds is < 1 or > MessageRules.MaxVisibilitySeconds)
            return Invalid([new FieldError("/visibilitySeconds", $"1 to {MessageRules.MaxVisibilitySeconds} seconds are expected.")]);
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        var visibility = TimeSpan.FromSeconds(body.Value.VisibilitySeconds ?? mailbox.VisibilitySeconds);
        return (await messages.ExtendAsync(mailbox.Id, new DeliveryMark(id, token), visibility, cancellationToken)).Match<IResult>(
            until => TypedResults.Ok(new ExtendedResponse(until)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ReturnAsync(
        string handle, string name, Id<Message> id, Body<ReturnDeliveryRequest> body, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken)
    {
        if (!DeliveryToken.TryParse(body.Value.Token, null, out var token))
            return BadToken("/token");
        if (body.Value.DelaySeconds is < 0 or > MessageRules.MaxVisibilitySeconds)
            return Invalid([new FieldError("/delaySeconds", $"0 to {MessageRules.MaxVisibilitySeconds} seconds are expected.")]);
        if (await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is not { } mailbox)
            return MailboxesEndpoints.Unknown(handle, name);
        return (await messages.ReturnAsync(mailbox, new DeliveryMark(id, token), TimeSpan.FromSeconds(body.Value.DelaySeconds ?? 0), cancellationToken)).Match<IResult>(
            dead => TypedResults.Ok(new ReturnedResponse(dead)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListDeadAsync(
        string handle, string name, [AsParameters] ListQuery query, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken) =>
        await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is { } mailbox
            ? TypedResults.Ok(ListQuery.Answer(await messages.ListDeadAsync(mailbox.Id, query.ToPage(), cancellationToken), MessageContracts.Show))
            : MailboxesEndpoints.Unknown(handle, name);

    private static async Task<IResult> RedriveAsync(
        string handle, string name, Body<RedriveRequest> body, Caller caller, SqlMailboxStore store, SqlMessages messages, CancellationToken cancellationToken)
    {
        List<Id<Message>>? asked = null;
        if (body.Value.Messages is { } texts)
        {
            asked = [];
            foreach (var text in texts.Take(MessageRules.MaxRedriven + 1))
            {
                if (!Id<Message>.TryParse(text, out var id))
                    return Invalid([new FieldError($"/messages/{asked.Count}", "The id of a message, msg_…, is expected.")]);
                asked.Add(id);
            }

            if (asked.Count is 0 or > MessageRules.MaxRedriven)
                return Invalid([new FieldError("/messages", $"1 to {MessageRules.MaxRedriven} ids are expected; leave the member out for all.")]);
        }

        return await MailboxesEndpoints.FindAsync(handle, name, caller, store, cancellationToken) is { } mailbox
            ? TypedResults.Ok(new RedrivenResponse(await messages.RedriveAsync(mailbox, asked, cancellationToken)))
            : MailboxesEndpoints.Unknown(handle, name);
    }

    private static SentMessageResponse ToContract(SentMessage sent) => new(sent.Id.ToString(), sent.IsDuplicate);

    private static ProblemResult BadToken(string pointer) => Invalid([new FieldError(pointer, TokenRule)]);

    private static ProblemResult Invalid(IReadOnlyList<FieldError> errors) =>
        new Refusal<MessageRefusal>(MessageRefusal.MessageInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
}
