using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Users and API keys in the database.</summary>
public sealed class SqlUserStore(Database database, IdSource ids, CellKey cell) : IUserStore
{
    private const string UserColumns = "id, handle, email, role, created_at, kind";
    private const string KeyColumns =
        "id, user_id, name, prefix, secret_hash, created_at, expires_at, revoked_at, maker_id, scopes, calls_per_minute, spend_per_day, last_used_at, tokens_per_minute";
    private const string InForce = "user_id = @user AND revoked_at IS NULL";

    // Keys of before makers were noted are their accounts' own.
    private const string MadeBy = " AND COALESCE(maker_id, user_id) = @maker";

    /// <inheritdoc/>
    public Task<Outcome<User, IdentityRefusal>> AddAsync(StoredUser user, CancellationToken cancellationToken) =>
        database.WriteAsync(session => AddAsync(session, user, cell, ids), cancellationToken);

    /// <inheritdoc/>
    public Task<User?> GetAsync(Id<User> id, CancellationToken cancellationToken) =>
        database.ReadAsync(session => GetAsync(session, id), cancellationToken);

    /// <inheritdoc/>
    public Task<User?> FindByHandleAsync(string handle, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<User>($"SELECT {UserColumns} FROM users WHERE handle = @handle", new { handle }),
            cancellationToken);

    /// <inheritdoc/>
    public Task<StoredUser?> FindByLoginAsync(string login, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                var user = await session.QueryFirstOrDefaultAsync<User>(
                    $"SELECT {UserColumns} FROM users WHERE handle = @login OR email = @login", new { login });
                if (user is null)
                    return null;
                var hash = await session.QueryFirstOrDefaultAsync<string>("SELECT password_hash FROM users WHERE id = @id", new { id = user.Id });
                return new StoredUser(user, hash);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<bool> ReplacePasswordHashAsync(Id<User> id, string? present, string hash, CancellationToken cancellationToken) =>
        database.WriteAsync(session => ReplacePasswordHashAsync(session, id, present, hash), cancellationToken);

    /// <inheritdoc/>
    public Task<Outcome<ApiKey, IdentityRefusal>> PutKeyAsync(ApiKey key, int most, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                // The user's row is locked, so that two keys made at once cannot both be the last one.
                await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @user {for update}", new { user = key.UserId });
                var others = await session.QuerySingleAsync<long>(
                    $"SELECT count(*) FROM api_keys WHERE {InForce} AND id <> @id AND (expires_at IS NULL OR expires_at > @now)",
                    new { user = key.UserId, id = key.Id, now = key.CreatedAt });
                if (others >= most)
                {
                    return new Refusal<IdentityRefusal>(
                        IdentityRefusal.ApiKeysTooMany, $"You have {most} API keys in force. Revoke those that are not used any more.");
                }

                await session.ExecuteAsync(
                    $"""
                    INSERT INTO api_keys ({KeyColumns})
                    VALUES (@id, @userId, @name, @prefix, @secretHash, @createdAt, @expiresAt, @revokedAt, @makerId, @scopes, @callsPerMinute, @spendPerDay, NULL, @tokensPerMinute)
                    ON CONFLICT (id) DO UPDATE SET prefix = excluded.prefix, secret_hash = excluded.secret_hash
                    """,
                    key);
                return (Outcome<ApiKey, IdentityRefusal>)key;
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<ApiKey?> FindKeyAsync(ContentHash secretHash, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<ApiKey>(
                $"SELECT {KeyColumns} FROM api_keys WHERE secret_hash = @secretHash", new { secretHash }),
            cancellationToken);

    /// <inheritdoc/>
    public Task<Page<ApiKey>> ListKeysAsync(Id<User> user, Id<User>? maker, PageRequest page, CancellationToken cancellationToken) =>
        database.ReadAsync(
            async session =>
            {
                // Ids rise with time, so the newest key has the greatest id.
                var before = Id<ApiKey>.TryParse(page.Cursor, out var last) ? last : new Id<ApiKey>(Guid.AllBitsSet);
                var keys = await session.QueryAsync<ApiKey>(
                    $"SELECT {KeyColumns} FROM api_keys WHERE {InForce}{(maker is null ? "" : MadeBy)} AND id < @before ORDER BY id DESC LIMIT @limit",
                    new { user, maker, before, limit = page.Limit + 1 });
                return keys.Count <= page.Limit
                    ? new Page<ApiKey>(keys, null)
                    : new Page<ApiKey>([.. keys.Take(page.Limit)], keys[page.Limit - 1].Id.ToString());
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<ApiKey?> RevokeKeyAsync(Id<ApiKey> id, Id<User> user, Id<User>? maker, DateTimeOffset at, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                var revoked = await session.ExecuteAsync(
                    $"UPDATE api_keys SET revoked_at = @at WHERE id = @id AND {InForce}{(maker is null ? "" : MadeBy)}", new { at, id, user, maker });
                return revoked == 0
                    ? null
                    : await session.QuerySingleAsync<ApiKey>($"SELECT {KeyColumns} FROM api_keys WHERE id = @id", new { id });
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task NoteKeyUsesAsync(IReadOnlyCollection<(Id<ApiKey> Key, DateTimeOffset At)> uses, CancellationToken cancellationToken) =>
        database.WriteAsync(
            // In the order of the ids: two nodes that note at once do not wait for each other in a circle.
            session => session.ExecuteEachAsync(
                "UPDATE api_keys SET last_used_at = @At WHERE id = @Key AND (last_used_at IS NULL OR last_used_at < @At)",
                uses.OrderBy(use => use.Key).Select(use => new { use.Key, use.At })),
            cancellationToken);

    /// <summary>As <see cref="ReplacePasswordHashAsync(Id{User}, string, string, CancellationToken)"/>, inside another act.</summary>
    internal static async Task<bool> ReplacePasswordHashAsync(SqlSession session, Id<User> id, string? present, string hash) => present is null
        ? await session.ExecuteAsync("UPDATE users SET password_hash = @hash WHERE id = @id AND password_hash IS NULL", new { hash, id }) == 1
        : await session.ExecuteAsync("UPDATE users SET password_hash = @hash WHERE id = @id AND password_hash = @present", new { hash, id, present }) == 1;

    /// <summary>As <see cref="AddAsync(StoredUser, CancellationToken)"/>, inside another act.</summary>
    internal static async Task<Outcome<User, IdentityRefusal>> AddAsync(SqlSession session, StoredUser stored, CellKey cell, IdSource ids)
    {
        var user = stored.User;
        if (await RetiredHandles.HasAsync(session, cell, user.Handle))
            return HandleTaken(user.Handle);
        var inserted = await session.ExecuteAsync(
            $"""
            INSERT INTO users ({UserColumns}, password_hash) VALUES (@id, @handle, @email, @role, @createdAt, @kind, @passwordHash)
            ON CONFLICT DO NOTHING
            """,
            new { user.Id, user.Handle, user.Email, user.Role, user.CreatedAt, user.Kind, stored.PasswordHash });
        if (inserted == 1)
        {
            var wallet = Account.Open(ids.Next<Account>(), user.Id.ToString(), AccountKind.Wallet, user.CreatedAt);
            await SqlLedger.OpenAccountAsync(session, wallet);
            return user;
        }

        if (await GetAsync(session, user.Id) is { } before)
            return before;
        var handleTaken = await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE handle = @handle", new { user.Handle });
        return handleTaken is not null
            ? HandleTaken(user.Handle)
            : new Refusal<IdentityRefusal>(IdentityRefusal.EmailTaken, "There is an account with this email: sign in, or use another email.");
    }

    private static Refusal<IdentityRefusal> HandleTaken(string handle) =>
        new(IdentityRefusal.HandleTaken, $"The handle '{handle}' is taken: choose another.");

    private static Task<User?> GetAsync(SqlSession session, Id<User> id) =>
        session.QueryFirstOrDefaultAsync<User>($"SELECT {UserColumns} FROM users WHERE id = @id", new { id });
}
