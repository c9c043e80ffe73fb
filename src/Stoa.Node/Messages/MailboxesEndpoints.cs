using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Messages;

/// <summary>The outer door of mailboxes. One that belongs to somebody else is one that does not exist.</summary>
/// <remarks>Routes name the owner as <c>{handle}</c>, which the audit log leaves out: it knows persons by their ids.</remarks>
public static class MailboxesEndpoints
{
    /// <summary>The routes below one mailbox.</summary>
    internal const string OfOne = "/{handle}/{name}";

    public static void MapMailboxes(this IEndpointRouteBuilder api)
    {
        var mailboxes = api.MapGroup("/mailboxes").WithTags("Messages");
        mailboxes.MapPost("/", CreateAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("createMailbox").WithSummary("Make a mailbox")
            .WithDescription("Messages that are sent to it are kept until they are acknowledged, or expire. Its address is your handle and its name.")
            .Idempotent()
            .Produces<MailboxResponse>(StatusCodes.Status201Created)
            .Refuses(MessageRefusal.MailboxInvalid, MessageRefusal.MailboxTaken, MessageRefusal.MailboxesTooMany);
        mailboxes.MapGet("/", ListAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("listMailboxes").WithSummary("List your mailboxes, by their names")
            .WithDescription("Each with how full it is.")
            .Produces<ListResponse<MailboxResponse>>();
        mailboxes.MapGet(OfOne, GetAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("getMailbox").WithSummary("Get a mailbox")
            .WithDescription("Who may send to it, its times, and how full it is.")
            .Produces<MailboxResponse>()
            .Refuses(MessageRefusal.MailboxUnknown);
        mailboxes.MapDelete(OfOne, DeleteAsync)
            .Needs(Permission.MessagesReceive)
            .WithName("deleteMailbox").WithSummary("Delete a mailbox")
            .WithDescription("With all messages that are in it, dead letters too.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(MessageRefusal.MailboxUnknown);
    }

    /// <summary>That there is none, or that it is not the caller's.</summary>
    internal static ProblemResult Unknown(string handle, string name) => new Refusal<MessageRefusal>(
        MessageRefusal.MailboxUnknown, $"You have no mailbox {handle}/{name}. List those that you have with GET /api/v1/mailboxes.").ToProblem();

    /// <summary>A mailbox of the caller's; null when it is somebody else's, or there is none.</summary>
    internal static async Task<Mailbox?> FindAsync(string handle, string name, Caller caller, SqlMailboxStore store, CancellationToken cancellationToken) =>
        handle == caller.Handle ? await store.FindAsync(caller.UserId, name, cancellationToken) : null;

    private static async Task<IResult> CreateAsync(
        Body<CreateMailboxRequest> body, MadeId id, Caller caller, SqlMailboxStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var asked = body.Value;
        if (!EnumWord.TryParse<SenderRule>(asked.Senders ?? EnumWord.Of(SenderRule.Owner), out var senders))
        {
            return new Refusal<MessageRefusal>(
                MessageRefusal.MailboxInvalid, "Correct what is listed in errors and try again.", [new FieldError("/senders", $"One of {EnumWord.All<SenderRule>()} is expected.")]).ToProblem();
        }

        var mailbox = new Mailbox(
            id.For<Mailbox>(),
            caller.UserId,
            asked.Name,
            senders,
            asked.VisibilitySeconds ?? MessageRules.DefaultVisibilitySeconds,
            asked.MaxDeliveries ?? MessageRules.DefaultMaxDeliveries,
            asked.RetentionSeconds ?? MessageRules.DefaultRetentionSeconds,
            time.GetUtcNow());
        IReadOnlyList<string> named = [.. (asked.Accounts ?? []).Take(MessageRules.MaxNamed + 1).Distinct(StringComparer.Ordinal)];
        return (await store.AddAsync(mailbox, named, cancellationToken)).Match<IResult>(
            made => TypedResults.Created($"/api/v1/mailboxes/{caller.Handle}/{made.Name}", ToContract(new ShownMailbox(made, caller.Handle, named, 0, 0, 0))),
            refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync([AsParameters] ListQuery query, Caller caller, SqlMailboxStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync(string handle, string name, Caller caller, SqlMailboxStore store, CancellationToken cancellationToken) =>
        handle == caller.Handle && await store.ShowAsync(caller.UserId, name, cancellationToken) is { } mailbox ? TypedResults.Ok(ToContract(mailbox)) : Unknown(handle, name);

    private static async Task<IResult> DeleteAsync(string handle, string name, Caller caller, SqlMailboxStore store, CancellationToken cancellationToken) =>
        handle == caller.Handle && await store.DeleteAsync(caller.UserId, name, cancellationToken) ? TypedResults.NoContent() : Unknown(handle, name);

    private static MailboxResponse ToContract(ShownMailbox shown)
    {
        var mailbox = shown.Mailbox;
        return new MailboxResponse(
            mailbox.Id.ToString(),
            $"{shown.Owner}/{mailbox.Name}",
            EnumWord.Of(mailbox.Senders),
            mailbox.VisibilitySeconds,
            mailbox.MaxDeliveries,
            mailbox.RetentionSeconds,
            shown.Messages,
            shown.Dead,
            shown.Bytes,
            mailbox.CreatedAt,
            mailbox.Senders is SenderRule.Accounts ? shown.Named : null);
    }
}
