using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Plans;
using Stoa.Node.Privacy;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Organisations and their members in the database. Whoever changes who belongs to one has the row of its account locked.</summary>
public sealed class SqlOrganisationStore(Database database, SystemAccounts accounts, IdSource ids, CellKey cell)
{
    private const string MembershipsSelect =
        """
        SELECT u.id, u.handle, o.name, u.created_at, m.role, m.joined_at, o.model_calls_per_minute AS calls_per_minute, o.model_tokens_per_minute AS tokens_per_minute
        FROM memberships AS m JOIN organisations AS o ON o.id = m.organisation_id JOIN users AS u ON u.id = m.organisation_id
        """;

    private const string MembersSelect =
        "SELECT u.id, u.handle, m.role, m.joined_at FROM memberships AS m JOIN users AS u ON u.id = m.member_id ";

    /// <summary>Founds an organisation with an empty wallet; its founder is its first administrator. The same id again answers it as it is.</summary>
    /// <returns>The organisation, <see cref="OrganisationRefusal.HandleTaken"/> or <see cref="OrganisationRefusal.OrganisationsTooMany"/>.</returns>
    public Task<Outcome<JoinedOrganisation, OrganisationRefusal>> CreateAsync(Organisation organisation, Id<User> founder, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<JoinedOrganisation, OrganisationRefusal>>(
            async session =>
            {
                await LockAsync(session, founder);
                if (await FindMembershipAsync(session, organisation.Id, founder) is { } there)
                    return there;
                if (await CountMembershipsAsync(session, founder) >= OrganisationRules.MembershipsMax)
                    return TooMany();
                if (await RetiredHandles.HasAsync(session, cell, organisation.Handle))
                    return HandleTaken(organisation.Handle);
                var inserted = await session.ExecuteAsync(
                    """
                    INSERT INTO users (id, handle, email, role, created_at, kind) VALUES (@Id, @Handle, @email, @role, @CreatedAt, @kind)
                    ON CONFLICT DO NOTHING
                    """,
                    new
                    {
                        organisation.Id,
                        organisation.Handle,
                        email = organisation.Id.ToString(),
                        role = UserRole.Member,
                        organisation.CreatedAt,
                        kind = UserKind.Organisation,
                    });
                if (inserted == 0)
                    return HandleTaken(organisation.Handle);
                await session.ExecuteAsync("INSERT INTO organisations (id, name) VALUES (@Id, @Name)", organisation);
                await session.ExecuteAsync("INSERT INTO user_usage (user_id, open_tasks, content_bytes, is_organisation) VALUES (@Id, 0, 0, TRUE)", organisation);
                await SqlLedger.OpenAccountAsync(
                    session, Account.Open(ids.Next<Account>(), organisation.Id.ToString(), AccountKind.Wallet, organisation.CreatedAt));
                await AddMemberAsync(session, organisation.Id, founder, OrganisationRole.Admin, organisation.CreatedAt);
                return new JoinedOrganisation(organisation, OrganisationRole.Admin, organisation.CreatedAt);
            },
            cancellationToken);

    /// <summary>What a person is in an organisation, by the handle of this; null for no member, and when there is no such organisation.</summary>
    public Task<JoinedOrganisation?> FindMembershipAsync(string handle, Id<User> member, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (await session.QueryFirstOrDefaultAsync<MembershipRow>(
            MembershipsSelect + " WHERE u.handle = @handle AND m.member_id = @member", new { handle, member }))?.ToMembership(),
        cancellationToken);

    /// <summary>The same by its id.</summary>
    public Task<JoinedOrganisation?> FindMembershipAsync(Id<User> organisation, Id<User> member, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindMembershipAsync(session, organisation, member), cancellationToken);

    /// <summary>The organisations that a person belongs to, in the order of their ids.</summary>
    public Task<Page<JoinedOrganisation>> ListAsync(Id<User> member, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var after = Id<User>.TryParse(page.Cursor, out var last) ? last : default;
            var rows = await session.QueryAsync<MembershipRow>(
                MembershipsSelect + " WHERE m.member_id = @member AND m.organisation_id > @after ORDER BY m.organisation_id LIMIT @limit",
                new { member, after, limit = page.Limit + 1 });
            return new Page<JoinedOrganisation>(
                [.. rows.Take(page.Limit).Select(row => row.ToMembership())], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Who belongs to an organisation, in the order of their ids.</summary>
    public Task<Page<Member>> ListMembersAsync(Id<User> organisation, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var after = Id<User>.TryParse(page.Cursor, out var last) ? last : default;
            var rows = await session.QueryAsync<Member>(
                MembersSelect + "WHERE m.organisation_id = @organisation AND m.member_id > @after ORDER BY m.member_id LIMIT @limit",
                new { organisation, after, limit = page.Limit + 1 });
            return new Page<Member>([.. rows.Take(page.Limit)], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Gives an organisation another name.</summary>
    public Task RenameAsync(Id<User> organisation, string name, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync("UPDATE organisations SET name = @name WHERE id = @organisation", new { organisation, name }), cancellationToken);

    /// <summary>Bounds what may be asked of models in an organisation's name, in place of what bounded it before.</summary>
    public Task LimitAsync(Id<User> organisation, ModelLimits limits, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE organisations SET model_calls_per_minute = @CallsPerMinute, model_tokens_per_minute = @TokensPerMinute WHERE id = @organisation",
            new { organisation, limits.CallsPerMinute, limits.TokensPerMinute }),
        cancellationToken);

    /// <summary>Gives a member another role.</summary>
    /// <returns>The member, <see cref="OrganisationRefusal.MemberUnknown"/> or <see cref="OrganisationRefusal.LastAdmin"/>.</returns>
    public Task<Outcome<Member, OrganisationRefusal>> SetRoleAsync(
        Id<User> organisation, string handle, OrganisationRole role, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Member, OrganisationRefusal>>(
            async session =>
            {
                await LockAsync(session, organisation);
                if (await FindMemberAsync(session, organisation, handle) is not { } member)
                    return NoMember(handle);
                if (member.Role is OrganisationRole.Admin && role is not OrganisationRole.Admin && await IsLastAdminAsync(session, organisation, member.Id))
                    return LastAdmin(handle);
                await session.ExecuteAsync(
                    "UPDATE memberships SET role = @role WHERE organisation_id = @organisation AND member_id = @Id", new { organisation, member.Id, role });
                return member with { Role = role };
            },
            cancellationToken);

    /// <summary>Takes a member out.</summary>
    /// <returns>Who it was, <see cref="OrganisationRefusal.MemberUnknown"/> or <see cref="OrganisationRefusal.LastAdmin"/>.</returns>
    public Task<Outcome<Member, OrganisationRefusal>> RemoveAsync(Id<User> organisation, string handle, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Member, OrganisationRefusal>>(
            async session =>
            {
                await LockAsync(session, organisation);
                if (await FindMemberAsync(session, organisation, handle) is not { } member)
                    return NoMember(handle);
                if (member.Role is OrganisationRole.Admin && await IsLastAdminAsync(session, organisation, member.Id))
                    return LastAdmin(handle);
                await session.ExecuteAsync("DELETE FROM memberships WHERE organisation_id = @organisation AND member_id = @Id", new { organisation, member.Id });
                return member;
            },
            cancellationToken);

    /// <summary>Deletes an organisation that has nothing any more: nobody belongs to it then, and its keys open nothing. What it has in the content store is paid by nobody from then on, and deleted in a moment.</summary>
    /// <returns>Null, or <see cref="OrganisationRefusal.OrganisationInUse"/> with every reason.</returns>
    public Task<Refusal<OrganisationRefusal>?> DeleteAsync(Id<User> organisation, bool forfeits, DateTimeOffset at, CancellationToken cancellationToken) => database.WriteAsync<Refusal<OrganisationRefusal>?>(
        async session =>
        {
            // Whoever moves its money holds the accounts first.
            await SqlCredit.LockAsync(session, organisation);
            await LockAsync(session, organisation);
            if (await WhyInUseAsync(session, organisation, forfeits) is { Count: > 0 } reasons)
                return new Refusal<OrganisationRefusal>(OrganisationRefusal.OrganisationInUse, "The organisation still has what is listed in errors. End or empty it first.", reasons);
            if (forfeits)
                await ErasureSteps.ForfeitAsync(session, organisation, accounts, ids, at);

            var act = new { organisation, at };
            await session.SendAsync("UPDATE api_keys SET revoked_at = @at WHERE user_id = @organisation AND revoked_at IS NULL", act);
            await session.SendAsync("DELETE FROM invitations WHERE organisation_id = @organisation", act);
            await session.SendAsync("DELETE FROM identity_providers WHERE organisation_id = @organisation", act);
            await session.SendAsync("DELETE FROM memberships WHERE organisation_id = @organisation", act);
            await session.SendAsync("UPDATE organisations SET deleted_at = @at, sweep_at = @at WHERE id = @organisation", act);
            await session.SendAsync("UPDATE user_usage SET content_bytes = 0, unpaid_since = NULL WHERE user_id = @organisation", act);
            return null;
        },
        cancellationToken);

    internal static async Task<Refusal<OrganisationRefusal>?> JoinAsync(
        SqlSession session, Id<User> organisation, Id<User> member, OrganisationRole role, DateTimeOffset at)
    {
        if (await FindMembershipAsync(session, organisation, member) is not null)
            return new Refusal<OrganisationRefusal>(OrganisationRefusal.AlreadyMember, "You belong to this organisation already.");
        if (await CountMembershipsAsync(session, member) >= OrganisationRules.MembershipsMax)
            return TooMany();
        await AddMemberAsync(session, organisation, member, role, at);
        return null;
    }

    /// <summary>Gives a member another role, inside an act that has the organisation locked. Its only administrator stays one.</summary>
    internal static async Task ChangeRoleAsync(SqlSession session, JoinedOrganisation membership, Id<User> member, OrganisationRole role)
    {
        var organisation = membership.Organisation.Id;
        if (membership.Role == role || (membership.Role is OrganisationRole.Admin && await IsLastAdminAsync(session, organisation, member)))
            return;
        await session.ExecuteAsync("UPDATE memberships SET role = @role WHERE organisation_id = @organisation AND member_id = @member", new { organisation, member, role });
    }

    internal static async Task<JoinedOrganisation?> FindMembershipAsync(SqlSession session, Id<User> organisation, Id<User> member) =>
        (await session.QueryFirstOrDefaultAsync<MembershipRow>(
            MembershipsSelect + " WHERE m.organisation_id = @organisation AND m.member_id = @member", new { organisation, member }))?.ToMembership();

    internal static Task<string?> LockAsync(SqlSession session, Id<User> account) =>
        session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @account {for update}", new { account });

    private static Task<Member?> FindMemberAsync(SqlSession session, Id<User> organisation, string handle) => session.QueryFirstOrDefaultAsync<Member>(
        MembersSelect + "WHERE m.organisation_id = @organisation AND u.handle = @handle", new { organisation, handle });

    private static Task<int> AddMemberAsync(SqlSession session, Id<User> organisation, Id<User> member, OrganisationRole role, DateTimeOffset at) => session.ExecuteAsync(
        "INSERT INTO memberships (organisation_id, member_id, role, joined_at) VALUES (@organisation, @member, @role, @at)",
        new { organisation, member, role, at });

    private static Task<long> CountMembershipsAsync(SqlSession session, Id<User> member) =>
        session.QuerySingleAsync<long>("SELECT count(*) FROM memberships WHERE member_id = @member", new { member });

    // Who has asked to be erased is not counted on.
    private static async Task<bool> IsLastAdminAsync(SqlSession session, Id<User> organisation, Id<User> member) => await session.QuerySingleAsync<long>(
        """
        SELECT count(*) FROM memberships AS m WHERE m.organisation_id = @organisation AND m.role = @admin AND m.member_id <> @member
            AND NOT EXISTS (SELECT 1 FROM erasures AS e WHERE e.user_id = m.member_id)
        """,
        new { organisation, admin = OrganisationRole.Admin, member }) == 0;

    private static async Task<List<FieldError>> WhyInUseAsync(SqlSession session, Id<User> organisation, bool forfeits)
    {
        var reasons = new List<FieldError>();
        var owned = await session.QueryAsync<SqlLedger.AccountRow>(
            $"SELECT {SqlLedger.StatedColumns} FROM accounts WHERE owner = @owner", new { owner = organisation.ToString() });
        if (owned.Any(account => account.PendingDebits != Money.Zero || account.PendingCredits != Money.Zero
            || (account.Posted != Money.Zero && account.Kind is not (AccountKind.Wallet or AccountKind.Credit))))
        {
            Add("Money that is held, or on its way: wait until that has ended.");
        }

        foreach (var account in forfeits ? [] : owned)
        {
            if (account.Kind is AccountKind.Wallet && account.Posted != Money.Zero)
                Add($"{account.Posted} USD in the wallet: spend them, have them paid out (stoa payout create), or give them up to the platform with forfeit.", "/forfeit");
            if (account.Kind is AccountKind.Credit && account.Posted != Money.Zero)
                Add($"{account.Posted} USD of credit, which ends with the organisation: spend it, or give it up with forfeit.", "/forfeit");
        }

        await AddAsync("SELECT COALESCE((SELECT open_tasks FROM user_usage WHERE user_id = @organisation), 0)", "task that waits or runs", "tasks that wait or run");
        await AddAsync("SELECT count(*) FROM schedules WHERE owner_id = @organisation", "schedule", "schedules");
        await AddAsync("SELECT count(*) FROM webhooks WHERE owner_id = @organisation", "webhook", "webhooks");
        await AddAsync("SELECT count(*) FROM mailboxes WHERE owner_id = @organisation", "mailbox", "mailboxes");
        await AddAsync("SELECT count(*) FROM topics WHERE owner_id = @organisation", "topic", "topics");
        await AddAsync("SELECT count(*) FROM channels WHERE (payer_id = @organisation OR payee_id = @organisation) AND due_at IS NOT NULL", "payment channel that is not closed", "payment channels that are not closed");
        await AddAsync(
            "SELECT count(*) FROM subscriptions WHERE user_id = @organisation AND ended_at IS NULL AND NOT is_cancelled", "plan that would be renewed: cancel it (stoa plan cancel)");
        await AddAsync("SELECT count(*) FROM agent_versions WHERE publisher_id = @organisation", "published version of an agent, which others use", "published versions of agents, which others use");
        foreach (var unfinished in await SqlErasureRequests.ListUnfinishedAsync(session, organisation))
            Add(unfinished);
        return reasons;

        void Add(string reason, string pointer = "") => reasons.Add(new FieldError(pointer, reason));

        async Task AddAsync(string sql, string one, string? many = null)
        {
            if (await session.QuerySingleAsync<long>(sql, new { organisation }) is > 0 and var count)
                Add(count == 1 ? $"1 {one}." : $"{count} {many ?? one}.");
        }
    }

    private static Refusal<OrganisationRefusal> HandleTaken(string handle) =>
        new(OrganisationRefusal.HandleTaken, $"The handle '{handle}' is taken: choose another.");

    private static Refusal<OrganisationRefusal> TooMany() => new(
        OrganisationRefusal.OrganisationsTooMany, $"One person belongs to at most {OrganisationRules.MembershipsMax} organisations: leave one first.");

    private static Refusal<OrganisationRefusal> NoMember(string handle) =>
        new(OrganisationRefusal.MemberUnknown, $"No member of the organisation has the handle '{handle}'.");

    private static Refusal<OrganisationRefusal> LastAdmin(string handle) =>
        new(OrganisationRefusal.LastAdmin, $"{handle} is the only administrator of the organisation. Make another member one first, or delete the organisation.");

    private sealed record MembershipRow(
        Id<User> Id, string Handle, string Name, DateTimeOffset CreatedAt, OrganisationRole Role, DateTimeOffset JoinedAt, int? CallsPerMinute, int? TokensPerMinute)
    {
        public JoinedOrganisation ToMembership() => new(
            new Organisation(Id, Handle, Name, CreatedAt) { ModelLimits = new ModelLimits(CallsPerMinute, TokensPerMinute) }, Role, JoinedAt);
    }
}
