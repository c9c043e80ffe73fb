using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Signing;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Signing;

/// <summary>Signing keys in the database.</summary>
public sealed class SqlSigningKeyStore(Database database)
{
    private const string Columns = "id, user_id, name, public_key, created_at, revoked_at";
    private const string InForce = "user_id = @user AND revoked_at IS NULL";

    /// <summary>Adds a key. The same one again answers the stored one.</summary>
    /// <returns>The key, or <see cref="SigningKeyRefusal.SigningKeyTaken"/> or <see cref="SigningKeyRefusal.SigningKeysTooMany"/>.</returns>
    public Task<Outcome<SigningKey, SigningKeyRefusal>> AddAsync(SigningKey key, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // The user's row is locked, so that two keys made at once cannot both be the last one.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @user {for update}", new { user = key.UserId });
            if (await FindAsync(session, key.Id) is { } before)
                return before;
            if (await session.QuerySingleAsync<long>($"SELECT count(*) FROM request_keys WHERE {InForce}", new { user = key.UserId }) >= SigningKey.KeysMax)
            {
                return new Refusal<SigningKeyRefusal>(
                    SigningKeyRefusal.SigningKeysTooMany, $"You have {SigningKey.KeysMax} signing keys in force. Revoke those that are not used any more.");
            }

            var added = await session.ExecuteAsync(
                $"INSERT INTO request_keys ({Columns}) VALUES (@id, @userId, @name, @publicKey, @createdAt, NULL) ON CONFLICT DO NOTHING",
                new { key.Id, key.UserId, key.Name, publicKey = key.PublicKey.ToSpki(), key.CreatedAt });
            return added == 1
                ? (Outcome<SigningKey, SigningKeyRefusal>)key
                : new Refusal<SigningKeyRefusal>(
                    SigningKeyRefusal.SigningKeyTaken, "This public key is registered here already, or was before it was revoked: make a new pair.");
        },
        cancellationToken);

    /// <summary>A key, whether in force or not.</summary>
    public Task<SigningKey?> FindAsync(Id<SigningKey> id, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindAsync(session, id), cancellationToken);

    /// <summary>A user's keys that were not revoked, newest first.</summary>
    public Task<Page<SigningKey>> ListAsync(Id<User> user, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            // Ids rise with time, so the newest key has the greatest id.
            var before = Id<SigningKey>.TryParse(page.Cursor, out var last) ? last : new Id<SigningKey>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<Row>(
                $"SELECT {Columns} FROM request_keys WHERE {InForce} AND id < @before ORDER BY id DESC LIMIT @limit", new { user, before, limit = page.Limit + 1 });
            var keys = rows.Take(page.Limit).Select(row => row.ToKey()).ToList();
            return new Page<SigningKey>(keys, rows.Count > page.Limit ? keys[^1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Takes a key out of force; false when the user has no such key in force.</summary>
    public Task<bool> RevokeAsync(Id<SigningKey> id, Id<User> user, DateTimeOffset at, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync($"UPDATE request_keys SET revoked_at = @at WHERE id = @id AND {InForce}", new { at, id, user }) == 1,
        cancellationToken);

    private static async Task<SigningKey?> FindAsync(SqlSession session, Id<SigningKey> id) =>
        (await session.QueryFirstOrDefaultAsync<Row>($"SELECT {Columns} FROM request_keys WHERE id = @id", new { id }))?.ToKey();

    private sealed record Row(Id<SigningKey> Id, Id<User> UserId, string Name, byte[] PublicKey, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt)
    {
        public SigningKey ToKey() => new(Id, UserId, Name, Primitives.PublicKey.FromSpki(PublicKey), CreatedAt, RevokedAt);
    }
}
