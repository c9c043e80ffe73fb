using System.Globalization;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Http;
using Stoa.Node.Mail;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Invitations to organisations over HTTP: for those who invite, and for those who are invited.</summary>
public static class InvitationsEndpoints
{
    private const int CodeLengthMax = 100;

    public static void MapInvitations(this IEndpointRouteBuilder api)
    {
        var ofOrganisation = api.MapGroup("/organisations/{organisation}/invitations").WithTags("Organisations");
        ofOrganisation.MapPost("/", InviteAsync)
            .Needs(Permission.MembersManage)
            .WithName("createInvitation").WithSummary("Invite somebody into an organisation")
            .WithDescription("By handle, or by the e-mail address of somebody who may have no account yet. One by address has a code, which is in this answer and never again, and in a letter to the address where the node sends e-mail: it is accepted with the code, by an account with that address. An invitation ends after seven days; a new one for the same person takes its place.")
            .LimitedBy(RateLimit.Invitations)
            .Idempotent()
            .Produces<InvitationResponse>(StatusCodes.Status201Created)
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.InvitationInvalid, OrganisationRefusal.AlreadyMember, OrganisationRefusal.MembersTooMany);
        ofOrganisation.MapGet("/", ListOfAsync)
            .Needs(Permission.MembersManage)
            .WithName("listInvitationsOfOrganisation").WithSummary("List the open invitations of an organisation")
            .WithDescription("Newest first, without their codes.")
            .Produces<ListResponse<InvitationResponse>>()
            .Refuses(OrganisationRefusal.OrganisationUnknown);
        ofOrganisation.MapDelete("/{id}", WithdrawAsync)
            .Needs(Permission.MembersManage)
            .WithName("withdrawInvitation").WithSummary("Withdraw an invitation")
            .WithDescription("It cannot be accepted any more.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.InvitationUnknown);
        var invitations = api.MapGroup("/invitations").WithTags("Organisations");
        invitations.MapGet("/", ListForAsync)
            .Needs(Permission.AccountManage)
            .WithName("listInvitations").WithSummary("List your invitations")
            .WithDescription("Those by handle that are open, newest first. One by e-mail address you know by the letter, or from who invited you.")
            .Produces<ListResponse<InvitationResponse>>();
        invitations.MapPost("/{id}/acceptance", AcceptAsync)
            .Needs(Permission.AccountManage)
            .WithName("acceptInvitation").WithSummary("Accept an invitation")
            .WithDescription("You belong to the organisation from now on. An invitation by e-mail address needs its code, and an account with that address.")
            .Idempotent()
            .Produces<OrganisationResponse>(StatusCodes.Status201Created)
            .Refuses(OrganisationRefusal.InvitationUnknown, OrganisationRefusal.AlreadyMember, OrganisationRefusal.OrganisationsTooMany);
        invitations.MapDelete("/{id}", DeclineAsync)
            .Needs(Permission.AccountManage)
            .WithName("declineInvitation").WithSummary("Decline an invitation")
            .WithDescription("It cannot be accepted any more.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.InvitationUnknown);
    }

    private static async Task<IResult> InviteAsync(
        string organisation,
        Body<InviteRequest> body,
        MadeId made,
        Caller caller,
        SqlInvitationStore store,
        Mailer mailer,
        Random random,
        TimeProvider time,
        ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        var asked = body.Value;
        var email = asked.Email?.ToLowerInvariant();
        List<FieldError> errors = [.. OrganisationRules.CheckInvited(asked.Handle, email)];
        var role = OrganisationsEndpoints.ReadRole(asked.Role);
        if (role is null)
            errors.Add(OrganisationsEndpoints.NoRole);
        if (errors.Count > 0)
            return new Refusal<OrganisationRefusal>(OrganisationRefusal.InvitationInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();

        var now = time.GetUtcNow();
        var invitation = new OrganisationInvitation(
            made.For<OrganisationInvitation>(), caller.UserId, organisation, asked.Handle, email, role!.Value, caller.ActorHandle, now, now + OrganisationRules.InvitationLifetime);
        var code = email is null ? null : OrganisationRules.NewCode(random);
        var added = await store.AddAsync(invitation, caller.ActorId, code is null ? null : OrganisationRules.HashOf(code), cancellationToken);
        if (added.Refusal is { } refusal)
            return refusal.ToProblem();
        var isMailed = code is not null && await MailAsync(invitation, code, mailer, loggers, cancellationToken);
        return TypedResults.Created(
            $"/api/v1/organisations/{organisation}/invitations", ToContract(invitation) with { Code = code, Mailed = code is null ? null : isMailed });
    }

    private static async Task<IResult> ListOfAsync(
        string organisation, [AsParameters] ListQuery query, Caller caller, SqlInvitationStore store, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListOfAsync(caller.UserId, time.GetUtcNow(), query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> WithdrawAsync(
        string organisation, Id<OrganisationInvitation> id, Caller caller, SqlInvitationStore store, CancellationToken cancellationToken) =>
        await store.WithdrawAsync(id, caller.UserId, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    private static async Task<IResult> ListForAsync(
        [AsParameters] ListQuery query, Caller caller, SqlInvitationStore store, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListForAsync(caller.ActorId, time.GetUtcNow(), query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> AcceptAsync(
        Id<OrganisationInvitation> id,
        Body<AcceptInvitationRequest> body,
        Caller caller,
        SqlInvitationStore store,
        Credentials credentials,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (body.Value.Code is { Length: > CodeLengthMax })
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new FieldError("/code", $"A code has at most {CodeLengthMax} characters.")]);
        ContentHash? hash = body.Value.Code is { } code ? OrganisationRules.HashOf(code) : null;
        if (!(await store.AcceptAsync(id, caller.ActorId, hash, time.GetUtcNow(), cancellationToken)).TryGet(out var membership, out var refusal))
            return refusal.ToProblem();
        credentials.ForgetMembers(membership.Organisation.Handle);
        return TypedResults.Created($"/api/v1/organisations/{membership.Organisation.Handle}", OrganisationsEndpoints.ToContract(membership));
    }

    private static async Task<IResult> DeclineAsync(Id<OrganisationInvitation> id, Caller caller, SqlInvitationStore store, CancellationToken cancellationToken) =>
        await store.DeclineAsync(id, caller.ActorId, cancellationToken) ? TypedResults.NoContent() : Unknown(id);

    /// <summary>Sends the code where the node sends e-mail; whether that went well is told, so that who invites can do it himself.</summary>
    private static async Task<bool> MailAsync(OrganisationInvitation invitation, string code, Mailer mailer, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (!mailer.IsOn)
            return false;
        var until = invitation.ExpiresAt.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        try
        {
            await mailer.SendAsync(
                new Letter(
                    invitation.Email!,
                    $"{invitation.InvitedBy} invites you to {invitation.Organisation} on Stoa",
                    $"""
                    {invitation.InvitedBy} invites you to join {invitation.Organisation} as {OrganisationsEndpoints.WordOf(invitation.Role)}.

                    Open an account with this e-mail address, if you have none, and accept until {until} UTC:

                        stoa organisation accept {invitation.Id} --code {code}

                    If you do not know {invitation.InvitedBy}, do nothing: without the code nobody can accept.

                    """),
                cancellationToken);
            return true;
        }
        catch (MailException failure)
        {
            loggers.CreateLogger(typeof(InvitationsEndpoints)).LogWarning(failure, "The letter of the invitation {Invitation} was not sent.", invitation.Id);
            return false;
        }
    }

    private static InvitationResponse ToContract(OrganisationInvitation invitation) => new(
        invitation.Id.ToString(),
        invitation.Organisation,
        OrganisationsEndpoints.WordOf(invitation.Role),
        invitation.InvitedBy,
        invitation.CreatedAt,
        invitation.ExpiresAt,
        invitation.Invited,
        invitation.Email);

    private static ProblemResult Unknown(Id<OrganisationInvitation> id) => new Refusal<OrganisationRefusal>(
        OrganisationRefusal.InvitationUnknown, $"There is no open invitation {id} that you can withdraw or decline.").ToProblem();
}
