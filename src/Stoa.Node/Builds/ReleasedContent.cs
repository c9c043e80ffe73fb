using System.Runtime.CompilerServices;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Deletes the bytes of content that nobody owns: what a refused publication brought, and what was given up.</summary>
/// <remarks>
/// The content store has no part in transactions. So what may have to be deleted is noted first, in the table <c>released_content</c>, and the bytes go afterwards: whoever goes on after a
/// crash finds what is left. Bytes come before their owner does; those that came a moment ago are left until it is sure that nobody gets them. Until then they count for who released them.
/// </remarks>
public sealed class ReleasedContent(Database database, IContentStore content, TimeProvider time)
{
    /// <summary>How long bytes that came are left without an owner.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromMinutes(10);

    private const int DigestsAtOnce = 100;

    /// <summary>Notes content that is to be deleted unless somebody owns it, within a transaction of another store.</summary>
    public static async Task AddAsync(SqlSession session, Id<User> user, IEnumerable<ContentDescriptor> released, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(released);
        // In the order of the digests, so that two who note the same wait for each other only once.
        foreach (var one in released.OrderBy(one => one.Digest.ToString(), StringComparer.Ordinal))
        {
            await session.ExecuteAsync(
                """
                INSERT INTO released_content (digest, user_id, size_bytes, released_at) VALUES (@Digest, @user, @SizeBytes, @now)
                ON CONFLICT (digest) DO UPDATE SET released_at = excluded.released_at
                """,
                new { one.Digest, user, one.SizeBytes, now });
        }
    }

    /// <summary>Bytes that count for a user although he does not own them.</summary>
    public static Task<long> SumAsync(SqlSession session, Id<User> user) =>
        session.QuerySingleAsync<long>("SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM released_content WHERE user_id = @user", new { user });

    /// <summary>Gives up content of a user's: it counts for him no more once its bytes are gone, which they are at once unless somebody else owns them or they came a moment ago.</summary>
    /// <returns>Whether it was his, or why it stays.</returns>
    public async Task<Outcome<bool, ContentRefusal>> GiveUpAsync(Id<User> user, ContentHash digest, CancellationToken cancellationToken)
    {
        // Looked at outside of the act: there may be many tasks, and one that comes in this moment fails as it would a moment later.
        if (await database.ReadAsync(session => FindUseAsync(session, user, digest), cancellationToken) is { } use)
            return new Refusal<ContentRefusal>(ContentRefusal.ContentInUse, $"{use} needs {digest}.");
        var isGivenUp = await database.WriteAsync(
            async session =>
                await session.QueryFirstOrDefaultAsync<long?>("SELECT size_bytes FROM content_owners WHERE digest = @digest AND owner = @user", new { digest, user }) is { } size
                    && await TakeAsync(session, user, new ContentDescriptor(digest, size), time.GetUtcNow()),
            cancellationToken);
        if (isGivenUp)
            await DeleteAsync(digest, CancellationToken.None);
        return isGivenUp;
    }

    /// <summary>Takes content from a user and notes it, within a transaction of another store. Its bytes are deleted afterwards.</summary>
    /// <returns>Whether it was his.</returns>
    public static async Task<bool> TakeAsync(SqlSession session, Id<User> user, ContentDescriptor taken, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(taken);
        if (await session.ExecuteAsync("DELETE FROM content_owners WHERE digest = @Digest AND owner = @user", new { taken.Digest, user }) == 0)
            return false;
        // Also when others own it: of two who give it up at once neither sees that the other one does.
        await AddAsync(session, user, [taken], now);
        await SqlUserUsage.AddContentAsync(session, user, -taken.SizeBytes);
        return true;
    }

    /// <summary>What of a user's cannot do without the content; null for nothing.</summary>
    public static async Task<string?> FindUseAsync(SqlSession session, Id<User> user, ContentHash digest)
    {
        ArgumentNullException.ThrowIfNull(session);
        if (await session.QueryFirstOrDefaultAsync<Id<AgentTask>?>(
            """
            SELECT t.id FROM tasks AS t
            WHERE t.input_digest = @digest AND t.owner_id = @user AND NOT t.input_inline AND NOT EXISTS (SELECT 1 FROM task_ends AS e WHERE e.task_id = t.id) LIMIT 1
            """,
            new { digest, user }) is { } task)
        {
            return $"The task {task}, which waits or runs,";
        }

        return await session.QueryFirstOrDefaultAsync<string>(
            """
            SELECT b.agent FROM agent_bidding AS b
            WHERE b.policy LIKE '%' || @digest || '%' AND EXISTS (SELECT 1 FROM agent_versions AS v WHERE v.publisher_id = @user AND v.publisher || '/' || v.name = b.agent) LIMIT 1
            """,
            new { digest = digest.ToString(), user }) is { } agent
                ? $"The agent {agent}, which makes its bids with it,"
                : null;
    }

    /// <summary>Deletes what was noted some time ago, a portion of it.</summary>
    /// <returns>Whether there may be more.</returns>
    public async Task<bool> SweepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var due = await database.ReadAsync(
            session => session.QueryAsync<Released>(
                "SELECT digest, released_at FROM released_content WHERE released_at <= @before ORDER BY released_at, digest LIMIT @limit",
                new { before = now - Settling, limit = DigestsAtOnce }),
            cancellationToken);
        foreach (var released in due)
            await DeleteAsync(released, now, cancellationToken);
        return due.Count == DigestsAtOnce;
    }

    /// <summary>Deletes what was noted, unless somebody owns it or it came a moment ago.</summary>
    public async Task DeleteAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Released>("SELECT digest, released_at FROM released_content WHERE digest = @digest", new { digest }), cancellationToken) is { } released)
        {
            await DeleteAsync(released, now, cancellationToken);
        }
    }

    /// <summary>Deletes what nobody owns and nobody has noted: a node has crashed when the bytes were here, and before they were somebody's.</summary>
    /// <param name="putBefore">Bytes that came later are left: whoever has brought them may be about to own them.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>How many.</returns>
    public async Task<int> DeleteForgottenAsync(DateTimeOffset putBefore, CancellationToken cancellationToken)
    {
        var deleted = 0;
        await foreach (var some in ListStoredAsync(putBefore, cancellationToken))
        {
            var known = (await database.ReadAsync(
                session => session.QueryAsync<ContentHash>(
                    "SELECT digest FROM content_owners WHERE digest IN @digests UNION SELECT digest FROM released_content WHERE digest IN @digests", new { digests = some.Select(digest => digest.ToString()) }),
                cancellationToken)).ToHashSet();
            foreach (var digest in some.Where(digest => !known.Contains(digest)))
            {
                if (await content.DeleteAsync(digest, putBefore, cancellationToken))
                    deleted++;
            }
        }

        return deleted;
    }

    private async IAsyncEnumerable<IReadOnlyList<ContentHash>> ListStoredAsync(DateTimeOffset putBefore, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (content is CellContentStore cell)
        {
            for (var some = await cell.ListAsync(putBefore, after: null, DigestsAtOnce, cancellationToken); some.Count > 0; some = await cell.ListAsync(putBefore, some[^1], DigestsAtOnce, cancellationToken))
                yield return some;
        }
        else if (content is FileContentStore files)
        {
            foreach (var some in files.List(putBefore).Chunk(DigestsAtOnce))
                yield return some;
        }
    }

    private async Task DeleteAsync(Released released, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Asked after the time was read: who owns it later has brought it later, too.
        var isOwned = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM content_owners WHERE digest = @Digest LIMIT 1", new { released.Digest }), cancellationToken) is not null;
        var isDone = isOwned || await content.DeleteAsync(released.Digest, putBefore: now - Settling, cancellationToken);
        await database.WriteAsync(
            session => session.ExecuteAsync(
                // Noted again in the meantime, it is looked at again.
                isDone
                    ? "DELETE FROM released_content WHERE digest = @Digest AND released_at = @ReleasedAt"
                    : "UPDATE released_content SET released_at = @now WHERE digest = @Digest AND released_at = @ReleasedAt",
                new { released.Digest, released.ReleasedAt, now }),
            cancellationToken);
    }

    private sealed record Released(ContentHash Digest, DateTimeOffset ReleasedAt);
}
