using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.SingleSignOn;

/// <summary>A sign-in that the provider has let through, and that its client has not taken yet.</summary>
/// <param name="StateHash">SHA-256 of the state, which is good once.</param>
/// <param name="OrganisationId">Whose provider it was.</param>
/// <param name="ClientId">Of the node at that provider.</param>
/// <param name="Challenge">Of the client that may take it.</param>
/// <param name="Identity">Who has signed in.</param>
/// <param name="CodeEndsAt">Until when it may be taken.</param>
/// <param name="ForgetAt">When the state is worth nothing by its age.</param>
internal sealed record SignOnGrant(
    ContentHash StateHash, Id<User> OrganisationId, string ClientId, string Challenge, ProvenIdentity Identity, DateTimeOffset CodeEndsAt, DateTimeOffset ForgetAt);

/// <summary>Whom a sign-in has turned out to be.</summary>
/// <param name="User">The account.</param>
/// <param name="Identity">That opens it.</param>
/// <param name="Organisation">Handle of the organisation, which the user belongs to now.</param>
internal sealed record Redeemed(User User, ProviderIdentity Identity, string Organisation);

/// <summary>Identities and sign-ins by providers in the database.</summary>
/// <remarks>Who acts for an organisation has the row of its account locked first, as everybody has who changes who belongs to it.</remarks>
public sealed class SqlSignOnStore(Database database, CellKey cell, IdSource ids, Random random)
{
    private const string Columns = "id, user_id, issuer, subject, email, created_at, used_at";

    /// <summary>Keeps a sign-in for its client; false when its state was used before.</summary>
    internal Task<bool> AddAsync(SignOnGrant grant, ContentHash codeHash, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            """
            INSERT INTO sign_on_grants (state_hash, code_hash, organisation_id, client_id, challenge, sealed_identity, code_ends_at, forget_at)
            VALUES (@StateHash, @codeHash, @OrganisationId, @ClientId, @Challenge, @sealedIdentity, @CodeEndsAt, @ForgetAt)
            ON CONFLICT DO NOTHING
            """,
            new
            {
                grant.StateHash,
                codeHash,
                grant.OrganisationId,
                grant.ClientId,
                grant.Challenge,
                sealedIdentity = cell.Seal(Purpose(grant.StateHash), JsonSerializer.SerializeToUtf8Bytes(grant.Identity, SingleSignOnJson.Default.ProvenIdentity)),
                grant.CodeEndsAt,
                grant.ForgetAt,
            }) == 1,
        cancellationToken);

    /// <summary>Uses a sign-in up; false when it was used before, or has ended.</summary>
    internal Task<bool> TakeAsync(SignOnGrant grant, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(session => TakeAsync(session, grant, now), cancellationToken);

    /// <summary>Forgets sign-ins whose states are worth nothing any more.</summary>
    internal Task<int> ForgetAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(session => session.ExecuteAsync("DELETE FROM sign_on_grants WHERE forget_at < @now", new { now }), cancellationToken);

    /// <summary>Whether a state was used.</summary>
    internal Task<bool> IsUsedAsync(ContentHash stateHash, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<string>("SELECT state_hash FROM sign_on_grants WHERE state_hash = @stateHash", new { stateHash }) is not null,
        cancellationToken);

    /// <summary>The sign-in of a code that can still be taken; null when there is none.</summary>
    internal Task<SignOnGrant?> FindAsync(ContentHash codeHash, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<GrantRow>(
            """
            SELECT state_hash, organisation_id, client_id, challenge, sealed_identity, code_ends_at, forget_at FROM sign_on_grants
            WHERE code_hash = @codeHash AND redeemed_at IS NULL AND code_ends_at > @now
            """,
            new { codeHash, now }) is { } row
                ? new SignOnGrant(
                    row.StateHash, row.OrganisationId, row.ClientId, row.Challenge,
                    JsonSerializer.Deserialize(cell.Open(Purpose(row.StateHash), row.SealedIdentity), SingleSignOnJson.Default.ProvenIdentity)!, row.CodeEndsAt, row.ForgetAt)
                : null,
        cancellationToken);

    /// <summary>The account that an identity opens; null when it opens none.</summary>
    internal Task<Id<User>?> FindUserAsync(ProvenIdentity identity, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindUserAsync(session, identity), cancellationToken);

    /// <summary>Takes a sign-in: makes the account at the first one, links it where somebody asks for that, and has the user belong to the organisation.</summary>
    /// <param name="grant">As it was found.</param>
    /// <param name="linkTo">Whose account the identity is to open; null for the account that it opens, or a new one.</param>
    /// <param name="makesAccounts">Whether a new one may be made.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    internal Task<Outcome<Redeemed, SingleSignOnRefusal>> RedeemAsync(
        SignOnGrant grant, Id<User>? linkTo, bool makesAccounts, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                var outcome = await RedeemAsync(session, grant, linkTo, makesAccounts, now);
                // Half of it would be a member without an account, or a code that is used up for nothing.
                if (outcome.Refusal is not null)
                    session.Abandon();
                return outcome;
            },
            cancellationToken);

    /// <summary>The identities that open an account, oldest first.</summary>
    public Task<IReadOnlyList<ProviderIdentity>> ListAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<ProviderIdentity>>(
        async session => [.. await session.QueryAsync<ProviderIdentity>($"SELECT {Columns} FROM provider_identities WHERE user_id = @user ORDER BY id LIMIT 1000", new { user })],
        cancellationToken);

    /// <summary>Has an identity open its account no longer.</summary>
    /// <returns>Null when that is so; <see cref="SingleSignOnRefusal.IdentityUnknown"/> or <see cref="SingleSignOnRefusal.IdentityLast"/>.</returns>
    public Task<SingleSignOnRefusal?> UnlinkAsync(Id<ProviderIdentity> id, Id<User> user, CancellationToken cancellationToken) => database.WriteAsync<SingleSignOnRefusal?>(
        async session =>
        {
            await SqlOrganisationStore.LockAsync(session, user);
            if (await session.ExecuteAsync("DELETE FROM provider_identities WHERE id = @id AND user_id = @user", new { id, user }) == 0)
                return SingleSignOnRefusal.IdentityUnknown;
            var isOpen = await session.QuerySingleAsync<long>(
                """
                SELECT (SELECT count(*) FROM provider_identities WHERE user_id = @user)
                    + (SELECT count(*) FROM users WHERE id = @user AND password_hash IS NOT NULL)
                """,
                new { user }) > 0;
            if (isOpen)
                return null;
            session.Abandon();
            return SingleSignOnRefusal.IdentityLast;
        },
        cancellationToken);

    private async Task<Outcome<Redeemed, SingleSignOnRefusal>> RedeemAsync(
        SqlSession session, SignOnGrant grant, Id<User>? linkTo, bool makesAccounts, DateTimeOffset now)
    {
        await SqlOrganisationStore.LockAsync(session, grant.OrganisationId);
        var isTaken = await TakeAsync(session, grant, now);
        // The provider may have been changed, and the organisation deleted, since the person signed in there.
        if (!isTaken || await SqlIdentityProviderStore.FindAsync(session, grant.OrganisationId) is not { } provider
            || provider.Issuer != grant.Identity.Issuer || provider.ClientId != grant.ClientId)
        {
            return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnCodeWrong, "The code was used, has ended, or is of a provider that was changed since. Begin again.");
        }

        if (!(await FindOrMakeUserAsync(session, grant.Identity, linkTo, makesAccounts, now)).TryGet(out var user, out var refusal))
            return refusal;
        if (await JoinAsync(session, grant, user, now) is { } full)
            return full;
        await session.ExecuteAsync(
            "UPDATE provider_identities SET used_at = @now, email = @Email WHERE issuer = @Issuer AND subject = @Subject",
            new { now, grant.Identity.Email, grant.Identity.Issuer, grant.Identity.Subject });
        var identity = await session.QuerySingleAsync<ProviderIdentity>(
            $"SELECT {Columns} FROM provider_identities WHERE issuer = @Issuer AND subject = @Subject", new { grant.Identity.Issuer, grant.Identity.Subject });
        var organisation = await session.QuerySingleAsync<string>("SELECT handle FROM users WHERE id = @OrganisationId", new { grant.OrganisationId });
        return new Redeemed(user, identity, organisation);
    }

    private async Task<Outcome<User, SingleSignOnRefusal>> FindOrMakeUserAsync(
        SqlSession session, ProvenIdentity identity, Id<User>? linkTo, bool makesAccounts, DateTimeOffset now)
    {
        if (await FindUserAsync(session, identity) is { } known)
        {
            return linkTo is null || linkTo == known
                ? await GetAsync(session, known)
                : new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.IdentityTaken, "This identity of the provider opens another account already. Unlink it there first.");
        }

        if (linkTo is { } asked)
        {
            return await LinkAsync(session, identity, asked, now)
                ? await GetAsync(session, asked)
                : new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.IdentityTaken, "This identity of the provider opens another account since a moment ago.");
        }

        if (!makesAccounts)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.NewAccountsOff, "This node makes no accounts at a first sign-in. Sign in to an account that you have, and link it with POST /api/v1/users/me/identities.");
        }

        return await MakeAsync(session, identity, now);
    }

    private async Task<Outcome<User, SingleSignOnRefusal>> MakeAsync(SqlSession session, ProvenIdentity identity, DateTimeOffset now)
    {
        foreach (var handle in ProvenHandle.Candidates(identity.PreferredName, identity.Email, random))
        {
            var user = new User(ids.Next<User>(), handle, identity.Email, UserRole.Member, now.ToMilliseconds());
            var made = await SqlUserStore.AddAsync(session, new StoredUser(user, PasswordHash: null), cell, ids);
            if (made.Refusal?.Code is IdentityRefusal.HandleTaken)
            {
                // The address may be taken as well, and then no other handle helps.
                if (await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE email = @Email", new { identity.Email }) is null)
                    continue;
                return Unlinked(identity);
            }

            if (made.Refusal is not null)
                return Unlinked(identity);
            // A second sign-in of the same person at the same moment was first: that one has the account.
            return await LinkAsync(session, identity, user.Id, now)
                ? user
                : new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnCodeWrong, "You signed in twice at once. Begin again.");
        }

        throw new InvalidOperationException("All handles that were tried for a new account are taken.");
    }

    private async Task<bool> LinkAsync(SqlSession session, ProvenIdentity identity, Id<User> user, DateTimeOffset now) => await session.ExecuteAsync(
        $"INSERT INTO provider_identities ({Columns}) VALUES (@id, @user, @Issuer, @Subject, @Email, @now, @now) ON CONFLICT DO NOTHING",
        new { id = ids.Next<ProviderIdentity>(), user, identity.Issuer, identity.Subject, identity.Email, now }) == 1;

    private static async Task<Refusal<SingleSignOnRefusal>?> JoinAsync(SqlSession session, SignOnGrant grant, User user, DateTimeOffset now)
    {
        var (organisation, role) = (grant.OrganisationId, grant.Identity.Role);
        if (await SqlOrganisationStore.FindMembershipAsync(session, organisation, user.Id) is { } membership)
        {
            if (role is { } given)
                await SqlOrganisationStore.ChangeRoleAsync(session, membership, user.Id, given);
            return null;
        }

        var members = await session.QuerySingleAsync<long>(
            """
            SELECT (SELECT count(*) FROM memberships WHERE organisation_id = @organisation)
                + (SELECT count(*) FROM invitations WHERE organisation_id = @organisation AND expires_at > @now)
            """,
            new { organisation, now });
        if (members >= OrganisationRules.MembersMax)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.MembersTooMany, $"The organisation has {OrganisationRules.MembersMax} members and open invitations, which is the most. Ask one of its administrators.");
        }

        return await SqlOrganisationStore.JoinAsync(session, organisation, user.Id, role ?? OrganisationRole.Viewer, now) is { } refusal
            ? new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.OrganisationsTooMany, refusal.Detail)
            : null;
    }

    private static async Task<bool> TakeAsync(SqlSession session, SignOnGrant grant, DateTimeOffset now) => await session.ExecuteAsync(
        "UPDATE sign_on_grants SET redeemed_at = @now WHERE state_hash = @StateHash AND redeemed_at IS NULL AND code_ends_at > @now", new { now, grant.StateHash }) == 1;

    private static Task<Id<User>?> FindUserAsync(SqlSession session, ProvenIdentity identity) => session.QueryFirstOrDefaultAsync<Id<User>?>(
        "SELECT user_id FROM provider_identities WHERE issuer = @Issuer AND subject = @Subject", new { identity.Issuer, identity.Subject });

    private static Task<User> GetAsync(SqlSession session, Id<User> id) =>
        session.QuerySingleAsync<User>("SELECT id, handle, email, role, created_at, kind FROM users WHERE id = @id", new { id });

    private static Refusal<SingleSignOnRefusal> Unlinked(ProvenIdentity identity) => new(
        SingleSignOnRefusal.IdentityUnlinked,
        $"There is an account with the address {identity.Email}. If it is yours, sign in to it with its password and link it: stoa account identity link ORGANISATION.");

    private static string Purpose(ContentHash stateHash) => "sign-on grant " + stateHash;

    private sealed record GrantRow(
        ContentHash StateHash, Id<User> OrganisationId, string ClientId, string Challenge, byte[] SealedIdentity, DateTimeOffset CodeEndsAt, DateTimeOffset ForgetAt);
}
