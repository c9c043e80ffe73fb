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

    public Task GrantAsync(ContentDescriptor content, Id<User>? owner, CancellationToken cancellationToken) =>
        database.WriteAsync(session => GrantAsync(session, content, owner), cancellationToken);

    public async Task<bool> MayReadAsync(ContentHash digest, Id<User>? reader, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<long?>(
                "SELECT 1 FROM content_owners WHERE digest = @digest AND owner IN (@everyone, @reader)",
                new { digest, everyone = Everyone, reader = reader?.ToString() ?? Everyone }),
            cancellationToken) is not null;

    /// <summary>The same within a transaction of another store.</summary>
    public static async Task GrantAsync(SqlSession session, ContentDescriptor content, Id<User>? owner)
    {
        var added = await session.ExecuteAsync(
            "INSERT INTO content_owners (digest, owner, size_bytes) VALUES (@digest, @owner, @size) ON CONFLICT DO NOTHING",
            new { digest = content.Digest, owner = owner?.ToString() ?? Everyone, size = content.SizeBytes });
        if (added > 0 && owner is { } user)
            await SqlUserUsage.AddContentAsync(session, user, content.SizeBytes);
    }
}
