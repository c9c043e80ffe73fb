using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Invitations to organisations in the database. One that has expired is as if it were not there, and is swept away with the next one.</summary>
public sealed class SqlInvitationStore(Database database)
{
    private const string Select =
        """
        SELECT i.id, i.organisation_id, o.handle AS organisation, p.handle AS invited, i.email, i.role, b.handle AS invited_by, i.created_at, i.expires_at
        FROM invitations AS i JOIN users AS o ON o.id = i.organisation_id JOIN users AS b ON b.id = i.inviter_id LEFT JOIN users AS p ON p.id = i.invited_id
        """;

    /// <summary>Keeps an invitation; an earlier one for the same person is replaced.</summary>
    /// <param name="invitation">What is offered, and to whom.</param>
    /// <param name="inviter">Who makes it.</param>
    /// <param name="codeHash">Of the code that goes with an invitation by e-mail address.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The invitation, or <see cref="OrganisationRefusal.InvitationInvalid"/>, <see cref="OrganisationRefusal.AlreadyMember"/> or <see cref="OrganisationRefusal.MembersTooMany"/>.</returns>
    public Task<Outcome<OrganisationInvitation, OrganisationRefusal>> AddAsync(
        OrganisationInvitation invitation, Id<User> inviter, ContentHash? codeHash, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<OrganisationInvitation, OrganisationRefusal>>(
            async session =>
            {
                await SqlOrganisationStore.LockAsync(session, invitation.OrganisationId);
                Id<User>? invited = null;
                if (invitation.Invited is { } handle)
                {
                    invited = await session.QueryFirstOrDefaultAsync<Id<User>?>(
                        "SELECT id FROM users WHERE handle = @handle AND kind = @person", new { handle, person = UserKind.Person });
                    if (invited is null)
                    {
                        return new Refusal<OrganisationRefusal>(
                            OrganisationRefusal.InvitationInvalid, $"Nobody here has the handle '{handle}'. Invite by e-mail address who has no account yet.", [new FieldError("/handle", "No person has this handle.")]);
                    }

                    if (await SqlOrganisationStore.FindMembershipAsync(session, invitation.OrganisationId, invited.Value) is not null)
                        return new Refusal<OrganisationRefusal>(OrganisationRefusal.AlreadyMember, $"{handle} belongs to the organisation already: set the role instead.");
                }

                var act = new
                {
                    invitation.Id,
                    invitation.OrganisationId,
                    invited,
                    invitation.Email,
                    codeHash,
                    invitation.Role,
                    inviter,
                    invitation.CreatedAt,
                    invitation.ExpiresAt,
                };
                await session.ExecuteAsync("DELETE FROM invitations WHERE organisation_id = @OrganisationId AND expires_at <= @CreatedAt", act);
                await session.ExecuteAsync(
                    invited is null
                        ? "DELETE FROM invitations WHERE organisation_id = @OrganisationId AND email = @Email"
                        : "DELETE FROM invitations WHERE organisation_id = @OrganisationId AND invited_id = @invited",
                    act);
                var taken = await session.QuerySingleAsync<long>(
                    """
                    SELECT (SELECT count(*) FROM memberships WHERE organisation_id = @OrganisationId)
                        + (SELECT count(*) FROM invitations WHERE organisation_id = @OrganisationId)
                    """,
                    act);
                if (taken >= OrganisationRules.MembersMax)
                {
                    session.Abandon();
                    return new Refusal<OrganisationRefusal>(
                        OrganisationRefusal.MembersTooMany, $"An organisation has at most {OrganisationRules.MembersMax} members and open invitations. Remove some first.");
                }

                await session.ExecuteAsync(
                    """
                    INSERT INTO invitations (id, organisation_id, invited_id, email, code_hash, role, inviter_id, created_at, expires_at)
                    VALUES (@Id, @OrganisationId, @invited, @Email, @codeHash, @Role, @inviter, @CreatedAt, @ExpiresAt)
                    """,
                    act);
                return invitation;
            },
            cancellationToken);

    /// <summary>The open invitations of an organisation, newest first.</summary>
    public Task<Page<OrganisationInvitation>> ListOfAsync(Id<User> organisation, DateTimeOffset now, PageRequest page, CancellationToken cancellationToken) =>
        ListAsync("i.organisation_id = @who", organisation, now, page, cancellationToken);

    /// <summary>The open invitations of a person by handle, newest first. Those by e-mail address are for who has the code: an address is not proven here.</summary>
    public Task<Page<OrganisationInvitation>> ListForAsync(Id<User> person, DateTimeOffset now, PageRequest page, CancellationToken cancellationToken) =>
        ListAsync("i.invited_id = @who", person, now, page, cancellationToken);

    /// <summary>Withdraws an invitation of an organisation; false when there is none such.</summary>
    public async Task<bool> WithdrawAsync(Id<OrganisationInvitation> id, Id<User> organisation, CancellationToken cancellationToken) => await database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM invitations WHERE id = @id AND organisation_id = @organisation", new { id, organisation }), cancellationToken) == 1;

    /// <summary>Declines an invitation by handle; false when there is none such for the person.</summary>
    public async Task<bool> DeclineAsync(Id<OrganisationInvitation> id, Id<User> person, CancellationToken cancellationToken) => await database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM invitations WHERE id = @id AND invited_id = @person", new { id, person }), cancellationToken) == 1;

    /// <summary>Makes a person a member by an invitation, which is used up.</summary>
    /// <param name="id">The invitation.</param>
    /// <param name="person">Who accepts.</param>
    /// <param name="codeHash">Of the code, for one by e-mail address; the person's account must have that address too.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The membership, or <see cref="OrganisationRefusal.InvitationUnknown"/>, <see cref="OrganisationRefusal.AlreadyMember"/> or <see cref="OrganisationRefusal.OrganisationsTooMany"/>.</returns>
    public Task<Outcome<JoinedOrganisation, OrganisationRefusal>> AcceptAsync(
        Id<OrganisationInvitation> id, Id<User> person, ContentHash? codeHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<JoinedOrganisation, OrganisationRefusal>>(
            async session =>
            {
                var act = new { id, person, codeHash, now };
                const string forHim = "WHERE i.id = @id AND i.expires_at > @now AND (i.invited_id = @person OR (i.code_hash = @codeHash AND i.email = (SELECT email FROM users WHERE id = @person)))";
                if (await session.QueryFirstOrDefaultAsync<OrganisationInvitation>($"{Select} {forHim}", act) is not { } invitation)
                    return Unknown(id);
                await SqlOrganisationStore.LockAsync(session, invitation.OrganisationId);
                // It may have been withdrawn while the row was waited for.
                if (await session.ExecuteAsync("DELETE FROM invitations WHERE id = @id", act) == 0)
                    return Unknown(id);
                if (await SqlOrganisationStore.JoinAsync(session, invitation.OrganisationId, person, invitation.Role, now) is { } refusal)
                    return refusal;
                return (await SqlOrganisationStore.FindMembershipAsync(session, invitation.OrganisationId, person))!;
            },
            cancellationToken);

    private Task<Page<OrganisationInvitation>> ListAsync(string whose, Id<User> who, DateTimeOffset now, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<OrganisationInvitation>.TryParse(page.Cursor, out var last) ? last : new Id<OrganisationInvitation>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<OrganisationInvitation>(
                $"{Select} WHERE {whose} AND i.expires_at > @now AND i.id < @before ORDER BY i.id DESC LIMIT @limit", new { who, now, before, limit = page.Limit + 1 });
            return new Page<OrganisationInvitation>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    private static Refusal<OrganisationRefusal> Unknown(Id<OrganisationInvitation> id) => new(
        OrganisationRefusal.InvitationUnknown,
        $"There is no open invitation {id} for you. One by e-mail address needs the code that came with it, and an account with that address.");
}
