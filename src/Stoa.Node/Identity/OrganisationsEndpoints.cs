using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Audit;
using Stoa.Node.Http;

namespace Stoa.Node.Identity;

/// <summary>Organisations and who belongs to them, over HTTP. To whoever does not belong to one there is none such.</summary>
public static class OrganisationsEndpoints
{
    public static void MapOrganisations(this IEndpointRouteBuilder api)
    {
        var organisations = api.MapGroup("/organisations").WithTags("Organisations");
        organisations.MapPost("/", CreateAsync)
            .Needs(Permission.AccountManage)
            .WithName("createOrganisation").WithSummary("Found an organisation")
            .WithDescription("An account of several people with a handle and a wallet of its own; you are its administrator. To act for it send the header Stoa-Organisation with its handle, or use an API key that was made so. The handle is not given to anybody else, even when the organisation is deleted.")
            .LimitedBy(RateLimit.Registration)
            .Idempotent()
            .Produces<OrganisationResponse>(StatusCodes.Status201Created)
            .Refuses(OrganisationRefusal.OrganisationInvalid, OrganisationRefusal.HandleTaken, OrganisationRefusal.OrganisationsTooMany);
        organisations.MapGet("/", ListAsync)
            .Needs(Permission.AccountManage)
            .WithName("listOrganisations").WithSummary("List your organisations")
            .WithDescription("Those that you belong to, with what you are in each.")
            .Produces<ListResponse<OrganisationResponse>>();
        organisations.MapGet("/{organisation}", GetAsync)
            .Needs(Permission.MembersRead)
            .WithName("getOrganisation").WithSummary("Show an organisation of yours")
            .WithDescription("Its name, and what you are in it.")
            .Produces<OrganisationResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown);
        organisations.MapPatch("/{organisation}", UpdateAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("updateOrganisation").WithSummary("Give an organisation another name")
            .WithDescription("The handle stays: it is part of the names of its agents.")
            .Produces<OrganisationResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.OrganisationInvalid);
        organisations.MapPut("/{organisation}/model-limits", LimitAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("limitModels").WithSummary("Limit what an organisation asks of models")
            .WithDescription("Requests and tokens a minute in its name, whoever of its members asks; a member that is left out is no limit. In place of what was said before, at once at this node and within seconds at the others. Each node counts for itself, and what agents ask inside their tasks is not counted.")
            .Produces<OrganisationResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.OrganisationInvalid);
        organisations.MapDelete("/{organisation}", DeleteAsync)
            .Needs(Permission.OrganisationManage)
            .WithName("deleteOrganisation").WithSummary("Delete an organisation")
            .WithDescription("Only one that has no money, nothing that is under way with it, no tasks that wait or run, no schedules, webhooks, mailboxes, topics or channels, no plan that would be renewed, and no published agents. What is left in the wallet and of credit can be given up with forfeit, which needs the permission to spend. Its keys open nothing any more, and its books stay.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.OrganisationInUse);
        organisations.MapDelete("/{organisation}/membership", LeaveAsync)
            .Needs(Permission.OrganisationLeave)
            .WithName("leaveOrganisation").WithSummary("Leave an organisation")
            .WithDescription("Keys that you made for it open nothing any more. Its only administrator cannot leave.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.LastAdmin);
        organisations.MapGet("/{organisation}/members", ListMembersAsync)
            .Needs(Permission.MembersRead)
            .WithName("listMembers").WithSummary("List who belongs to an organisation")
            .WithDescription("Each with the role.")
            .Produces<ListResponse<MemberResponse>>()
            .Refuses(OrganisationRefusal.OrganisationUnknown);
        organisations.MapPut("/{organisation}/members/{handle}", SetMemberAsync)
            .Needs(Permission.MembersManage)
            .WithName("setMember").WithSummary("Give a member another role")
            .WithDescription("In force at once at this node, and within seconds at the others; for the keys that the member made, too. The only administrator stays one.")
            .Produces<MemberResponse>()
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.OrganisationInvalid, OrganisationRefusal.MemberUnknown, OrganisationRefusal.LastAdmin);
        organisations.MapDelete("/{organisation}/members/{handle}", RemoveMemberAsync)
            .Needs(Permission.MembersManage)
            .WithName("removeMember").WithSummary("Remove a member")
            .WithDescription("Keys that the member made for the organisation open nothing any more. The only administrator stays.")
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(OrganisationRefusal.OrganisationUnknown, OrganisationRefusal.MemberUnknown, OrganisationRefusal.LastAdmin);
    }

    private static async Task<IResult> CreateAsync(
        Body<CreateOrganisationRequest> body, MadeId id, Caller caller, SqlOrganisationStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var (handle, name) = body.Value;
        if (OrganisationRules.Check(handle, name) is { Count: > 0 } errors)
            return Invalid(errors).ToProblem();
        var organisation = new Organisation(id.For<User>(), handle, name, time.GetUtcNow());
        return (await store.CreateAsync(organisation, caller.ActorId, cancellationToken)).Match<IResult>(
            founded => TypedResults.Created($"/api/v1/organisations/{handle}", ToContract(founded)), refusal => refusal.ToProblem());
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] ListQuery query, Caller caller, SqlOrganisationStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListAsync(caller.ActorId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> GetAsync(string organisation, Caller caller, SqlOrganisationStore store, CancellationToken cancellationToken) =>
        await store.FindMembershipAsync(caller.UserId, caller.ActorId, cancellationToken) is { } membership
            ? TypedResults.Ok(ToContract(membership))
            : Unknown(organisation);

    private static async Task<IResult> UpdateAsync(
        string organisation, Body<UpdateOrganisationRequest> body, Caller caller, SqlOrganisationStore store, Credentials credentials, CancellationToken cancellationToken)
    {
        List<FieldError> errors = [.. OrganisationRules.CheckName(body.Value.Name)];
        if (errors.Count > 0)
            return Invalid(errors).ToProblem();
        await store.RenameAsync(caller.UserId, body.Value.Name, cancellationToken);
        credentials.ForgetMembers(caller.Handle);
        return await GetAsync(organisation, caller, store, cancellationToken);
    }

    private static async Task<IResult> LimitAsync(
        string organisation, Body<ModelLimitsBody> body, Caller caller, SqlOrganisationStore store, Credentials credentials, CancellationToken cancellationToken)
    {
        var limits = new ModelLimits(body.Value.CallsPerMinute, body.Value.TokensPerMinute);
        List<FieldError> errors = [.. limits.Check()];
        if (errors.Count > 0)
            return Invalid(errors).ToProblem();
        await store.LimitAsync(caller.UserId, limits, cancellationToken);
        credentials.ForgetMembers(caller.Handle);
        return await GetAsync(organisation, caller, store, cancellationToken);
    }

    private static async Task<IResult> DeleteAsync(
        string organisation,
        [FromQuery, Description("True to give up to the platform what is in the wallet, and the credit; otherwise that is in the way.")] bool? forfeit,
        Caller caller,
        SqlOrganisationStore store,
        Credentials credentials,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        // A key that may manage the organisation and not spend must not empty its wallet this way.
        if (forfeit is true && !caller.Rights.Contains(Permission.WalletSpend))
            return RequestRefusal.Forbidden.ToProblem("To give up what is in the wallet needs the permission wallet:spend, too.");
        if (await store.DeleteAsync(caller.UserId, forfeit is true, time.GetUtcNow(), cancellationToken) is { } refusal)
            return refusal.ToProblem();
        credentials.ForgetMembers(organisation);
        return TypedResults.NoContent();
    }

    private static Task<IResult> LeaveAsync(
        string organisation, Caller caller, SqlOrganisationStore store, Credentials credentials, HttpContext context, CancellationToken cancellationToken) =>
        RemoveMemberAsync(organisation, caller.ActorHandle, caller, store, credentials, context, cancellationToken);

    private static async Task<IResult> ListMembersAsync(
        string organisation, [AsParameters] ListQuery query, Caller caller, SqlOrganisationStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(ListQuery.Answer(await store.ListMembersAsync(caller.UserId, query.ToPage(), cancellationToken), ToContract));

    private static async Task<IResult> SetMemberAsync(
        string organisation, string handle, Body<SetMemberRequest> body, Caller caller, SqlOrganisationStore store, Credentials credentials, HttpContext context,
        CancellationToken cancellationToken)
    {
        if (ReadRole(body.Value.Role) is not { } role)
            return Invalid([NoRole]).ToProblem();
        if (!(await store.SetRoleAsync(caller.UserId, handle, role, cancellationToken)).TryGet(out var member, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(member.Id);
        credentials.ForgetMembers(organisation);
        return TypedResults.Ok(ToContract(member));
    }

    private static async Task<IResult> RemoveMemberAsync(
        string organisation, string handle, Caller caller, SqlOrganisationStore store, Credentials credentials, HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await store.RemoveAsync(caller.UserId, handle, cancellationToken)).TryGet(out var member, out var refusal))
            return refusal.ToProblem();
        context.ActedBy(member.Id);
        credentials.ForgetMembers(organisation);
        return TypedResults.NoContent();
    }

    /// <summary>The role of a word; null when there is none such.</summary>
    internal static OrganisationRole? ReadRole(string word) => word switch
    {
        "viewer" => OrganisationRole.Viewer,
        "developer" => OrganisationRole.Developer,
        "admin" => OrganisationRole.Admin,
        _ => null,
    };

    /// <summary>The word of a role.</summary>
    internal static string WordOf(OrganisationRole role) => role.ToString().ToLowerInvariant();

    internal static FieldError NoRole { get; } = new("/role", "One of viewer, developer, admin is expected.");

    internal static OrganisationResponse ToContract(JoinedOrganisation membership) => new(
        membership.Organisation.Id.ToString(),
        membership.Organisation.Handle,
        membership.Organisation.Name,
        WordOf(membership.Role),
        membership.JoinedAt,
        membership.Organisation.CreatedAt,
        membership.Organisation.ModelLimits is { } limits && limits != ModelLimits.None ? new ModelLimitsBody(limits.CallsPerMinute, limits.TokensPerMinute) : null);

    private static MemberResponse ToContract(Member member) => new(member.Handle, WordOf(member.Role), member.JoinedAt);

    private static Refusal<OrganisationRefusal> Invalid(IReadOnlyList<FieldError> errors) =>
        new(OrganisationRefusal.OrganisationInvalid, "Correct what is listed in errors and try again.", errors);

    private static ProblemResult Unknown(string organisation) => new Refusal<OrganisationRefusal>(
        OrganisationRefusal.OrganisationUnknown, $"There is no organisation {organisation} that you belong to. List yours with GET /api/v1/organisations.").ToProblem();
}
