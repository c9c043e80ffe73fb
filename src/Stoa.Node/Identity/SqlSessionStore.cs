using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Sessions in the cell's database. Who acts on one has its row locked first, so of two refreshes at once the second sees what the first has done.</summary>
/// <remarks>When a refresh token was replaced says the clock of the database, where nodes share one: a node whose clock is wrong takes nobody's second try for reuse.</remarks>
public sealed class SqlSessionStore(Database database, CellKey cell, SessionLimits limits)
{
    private const string Columns = "id, user_id, device, created_at, used_at, generation, rotated_at, ended_at, ended_by, not_after";
    private const string Open = "user_id = @user AND ended_at IS NULL AND used_at > @usedAfter AND created_at > @createdAfter AND (not_after IS NULL OR not_after > @now)";

    /// <summary>Adds a session, and ends the one that was used least recently when the user has more than <paramref name="most"/> now.</summary>
    /// <param name="session">That begins.</param>
    /// <param name="key">Makes its refresh tokens; kept sealed.</param>
    /// <param name="most">Most that a user may have open.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>The sessions that were ended.</returns>
    public Task<IReadOnlyList<Id<Session>>> AddAsync(Session session, byte[] key, int most, CancellationToken cancellationToken) => database.WriteAsync(
        async sql =>
        {
            await sql.ExecuteAsync(
                $"""
                INSERT INTO sessions ({Columns}, sealed_key)
                VALUES (@Id, @UserId, @Device, @CreatedAt, @UsedAt, @Generation, @RotatedAt, NULL, NULL, @NotAfter, @sealedKey)
                """,
                new
                {
                    session.Id,
                    session.UserId,
                    session.Device,
                    session.CreatedAt,
                    session.UsedAt,
                    session.Generation,
                    session.RotatedAt,
                    session.NotAfter,
                    sealedKey = cell.Seal(Purpose(session.Id), key),
                });
            var tooMany = await sql.QueryAsync<Id<Session>>(
                "SELECT id FROM sessions WHERE user_id = @user AND ended_at IS NULL ORDER BY used_at DESC, id DESC LIMIT 1000 OFFSET @most",
                new { user = session.UserId, most });
            foreach (var id in tooMany)
                await EndAsync(sql, id, SessionEnd.TooMany, session.CreatedAt);
            return tooMany;
        },
        cancellationToken);

    /// <summary>Uses a refresh token. A token that was used before ends the session.</summary>
    /// <returns>The session and the token that comes after, or the refusal together with the session that was ended by it, if one was.</returns>
    public Task<(Outcome<(Session Session, RefreshToken Next), AccountRefusal> Outcome, Id<Session>? Ended)> RefreshAsync(
        RefreshToken token, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<(Outcome<(Session Session, RefreshToken Next), AccountRefusal> Outcome, Id<Session>? Ended)>(
        async sql =>
        {
            var row = await sql.QueryFirstOrDefaultAsync<SessionRow>(
                $"SELECT {Columns}, sealed_key, {{clock}} AS clock FROM sessions WHERE id = @id {{for update}}", new { id = token.Session, now });
            // A guess must not end anybody's session: only a token that this session's key has made is looked at further.
            var key = row is null ? null : cell.Open(Purpose(row.Id), row.SealedKey);
            if (row is null || key is null || !token.IsMadeWith(key))
            {
                return (new Refusal<AccountRefusal>(AccountRefusal.RefreshTokenInvalid, "This is not a refresh token of a session here: sign in again."), null);
            }

            if (!SessionRules.Refresh(row.ToSession(), token.Generation, limits, now, row.Clock).TryGet(out var after, out var refusal))
            {
                var isReuse = refusal.Code is AccountRefusal.RefreshTokenReused;
                if (isReuse)
                    await EndAsync(sql, row.Id, SessionEnd.TokenReused, now);
                return (refusal, isReuse ? row.Id : null);
            }

            await sql.ExecuteAsync(
                "UPDATE sessions SET generation = @Generation, rotated_at = @RotatedAt, used_at = @UsedAt WHERE id = @Id",
                new { after.Generation, after.RotatedAt, after.UsedAt, after.Id });
            return ((after, RefreshToken.Create(after.Id, after.Generation, key)), null);
        },
        cancellationToken);

    /// <summary>Whether a session was not ended and is not over by its age. When it was used last is not looked at: a stream that is open uses it and tells nobody.</summary>
    public Task<bool> IsInForceAsync(Id<Session> id, DateTimeOffset now, CancellationToken cancellationToken) => database.ReadAsync(
        async sql => await sql.QueryFirstOrDefaultAsync<string>(
            "SELECT id FROM sessions WHERE id = @id AND ended_at IS NULL AND created_at > @createdAfter AND (not_after IS NULL OR not_after > @now)",
            new { id, now, createdAfter = now - limits.Longest }) is not null,
        cancellationToken);

    /// <summary>A user's open sessions, newest sign-in first.</summary>
    public Task<Page<Session>> ListAsync(Id<User> user, DateTimeOffset now, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async sql =>
        {
            var before = Id<Session>.TryParse(page.Cursor, out var last) ? last : new Id<Session>(Guid.AllBitsSet);
            var sessions = await sql.QueryAsync<Session>(
                $"SELECT {Columns} FROM sessions WHERE {Open} AND id < @before ORDER BY id DESC LIMIT @limit",
                new { user, now, usedAfter = now - limits.Idle, createdAfter = now - limits.Longest, before, limit = page.Limit + 1 });
            return sessions.Count <= page.Limit
                ? new Page<Session>(sessions, null)
                : new Page<Session>([.. sessions.Take(page.Limit)], sessions[page.Limit - 1].Id.ToString());
        },
        cancellationToken);

    /// <summary>Ends a session of a user; false when there is none of that id in force.</summary>
    public Task<bool> EndAsync(Id<Session> id, Id<User> user, SessionEnd why, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async sql => await sql.ExecuteAsync(
            "UPDATE sessions SET ended_at = @now, ended_by = @why WHERE id = @id AND user_id = @user AND ended_at IS NULL", new { now, why, id, user }) == 1,
        cancellationToken);

    /// <summary>Ends all sessions of a user but one.</summary>
    /// <returns>Those that were ended.</returns>
    public Task<IReadOnlyList<Id<Session>>> EndAllAsync(Id<User> user, Id<Session>? but, SessionEnd why, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(sql => EndAllAsync(sql, user, but, why, now), cancellationToken);

    /// <summary>Forgets sessions that have been over for so long that nobody asks for them.</summary>
    public Task<int> ForgetAsync(DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        sql => sql.ExecuteAsync(
            "DELETE FROM sessions WHERE used_at < @before AND (ended_at < @before OR used_at < @idleBefore)",
            new { before = now - TimeSpan.FromDays(7), idleBefore = now - limits.Longest - TimeSpan.FromDays(7) }),
        cancellationToken);

    /// <summary>Ends sessions inside another act: with the password that they were opened by.</summary>
    internal static async Task<IReadOnlyList<Id<Session>>> EndAllAsync(SqlSession sql, Id<User> user, Id<Session>? but, SessionEnd why, DateTimeOffset now)
    {
        var all = await sql.QueryAsync<Id<Session>>("SELECT id FROM sessions WHERE user_id = @user AND ended_at IS NULL ORDER BY id {for update}", new { user });
        IReadOnlyList<Id<Session>> ended = [.. all.Where(id => id != but)];
        foreach (var id in ended)
            await EndAsync(sql, id, why, now);
        return ended;
    }

    private static Task<int> EndAsync(SqlSession sql, Id<Session> id, SessionEnd why, DateTimeOffset now) =>
        sql.ExecuteAsync("UPDATE sessions SET ended_at = @now, ended_by = @why WHERE id = @id AND ended_at IS NULL", new { now, why, id });

    private static string Purpose(Id<Session> id) => "session " + id;

    private sealed record SessionRow(
        Id<Session> Id, Id<User> UserId, string Device, DateTimeOffset CreatedAt, DateTimeOffset UsedAt, int Generation, DateTimeOffset RotatedAt,
        DateTimeOffset? EndedAt, SessionEnd? EndedBy, DateTimeOffset? NotAfter, byte[] SealedKey, DateTimeOffset Clock)
    {
        public Session ToSession() => new(Id, UserId, Device, CreatedAt, UsedAt, Generation, RotatedAt, EndedAt, EndedBy, NotAfter);
    }
}
