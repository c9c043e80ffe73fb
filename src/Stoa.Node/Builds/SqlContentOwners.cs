using System.Globalization;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Grants in the table <c>content_owners</c>.</summary>
public sealed class SqlContentOwners(Database database) : IContentOwners
{
    // No user has an empty id, so the empty owner can stand for everyone and stay part of the primary key.
    private const string Everyone = "";

    /// <summary>Grants content that a user has brought, that a task of his has made, or that a caller has sent for him.</summary>
    /// <param name="content">That is stored.</param>
    /// <param name="owner">Whose it is; null makes it public, as an agent's program is.</param>
    /// <param name="cameBy">How it came, of <see cref="ContentOrigins"/>.</param>
    /// <param name="cancellationToken">Grants nothing.</param>
    public Task GrantAsync(ContentDescriptor content, Id<User>? owner, string cameBy, CancellationToken cancellationToken) =>
        database.WriteAsync(session => GrantAsync(session, content, owner, cameBy), cancellationToken);

    public async Task<bool> MayReadAsync(ContentHash digest, Id<User>? reader, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<long?>(
                "SELECT 1 FROM content_owners WHERE digest = @digest AND owner IN (@everyone, @reader)",
                new { digest, everyone = Everyone, reader = reader?.ToString() ?? Everyone }),
            cancellationToken) is not null;

    public Task ExpectAsync(IReadOnlyList<ContentDescriptor> content, Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async session =>
            {
                await ReleasedContent.AddAsync(session, user, content, now);
                return content.Count;
            },
            cancellationToken);

    public async Task<bool> OwnsAsync(ContentHash digest, Id<User> user, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM content_owners WHERE digest = @digest AND owner = @user", new { digest, user }), cancellationToken) is not null;

    /// <summary>What a user owns, the largest first. Programs of published agents, which are everybody's, are not in it.</summary>
    public Task<Page<ContentDescriptor>> ListAsync(Id<User> user, PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        var (size, after) = ReadCursor(page.Cursor);
        return database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<ContentDescriptor>(
                    """
                    SELECT digest, size_bytes FROM content_owners
                    WHERE owner = @user AND size_bytes <= @size AND (size_bytes < @size OR digest < @after)
                    ORDER BY size_bytes DESC, digest DESC LIMIT @limit
                    """,
                    new { user, size, after, limit = page.Limit + 1 });
                var items = rows.Take(page.Limit).ToList();
                return new Page<ContentDescriptor>(
                    items, rows.Count > page.Limit ? string.Create(CultureInfo.InvariantCulture, $"{items[^1].SizeBytes} {items[^1].Digest}") : null);
            },
            cancellationToken);
    }

    // What is no cursor is the first page, which begins with the largest there can be.
    private static (long Size, string After) ReadCursor(string? cursor) =>
        cursor?.Split(' ') is [var size, var after] && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? (bytes, after) : (long.MaxValue, "");

    /// <summary>The same within a transaction of another store.</summary>
    public static async Task GrantAsync(SqlSession session, ContentDescriptor content, Id<User>? owner, string cameBy = ContentOrigins.Owner)
    {
        if (await AddAsync(session, content, owner, cameBy) && owner is { } user)
            await SqlUserUsage.AddContentAsync(session, user, content.SizeBytes);
    }

    /// <summary>The same, and what it takes up is left to be counted.</summary>
    /// <returns>Whether it was not the owner's before.</returns>
    internal static async Task<bool> AddAsync(SqlSession session, ContentDescriptor content, Id<User>? owner, string cameBy)
    {
        var row = new { digest = content.Digest, owner = owner?.ToString() ?? Everyone, size = content.SizeBytes, cameBy };
        while (await session.ExecuteAsync("INSERT INTO content_owners (digest, owner, size_bytes, came_by) VALUES (@digest, @owner, @size, @cameBy) ON CONFLICT DO NOTHING", row) == 0)
        {
            // What he brings himself he keeps, and what a task has made does not go with the call that has sent the same. If it is let go of in this moment, it is granted anew.
            if (owner is null
                || await session.ExecuteAsync(
                    """
                    UPDATE content_owners SET came_by = CASE WHEN 'owner' IN (came_by, @cameBy) THEN 'owner' WHEN 'task' IN (came_by, @cameBy) THEN 'task' ELSE 'caller' END
                    WHERE digest = @digest AND owner = @owner
                    """,
                    row) == 1)
            {
                return false;
            }
        }

        await session.SendAsync("DELETE FROM released_content WHERE digest = @digest", new { digest = content.Digest });
        return true;
    }
}
