using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Builds;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.PayPerCall;

/// <summary>Takes from the account that sells what calls have brought there, within the transaction that ends a call.</summary>
/// <remarks>
/// Strangers say the digests, so nothing goes because a call names it: an input only while callers alone have brought it, an output only when no call keeps it any more, and nothing that the account has
/// brought itself. The row of the owner is locked before it is asked who needs the content. So of two calls that end together the second one sees that the first has ended, at any node.
/// </remarks>
internal static class CallContent
{
    /// <summary>Lets go of the input of a call, if no other one needs it. Until its bytes are gone they count for the channel.</summary>
    /// <returns>The input, when its bytes may be deleted; null when it stays, or there was none.</returns>
    public static async Task<ContentHash?> LetGoOfInputAsync(SqlSession session, Id<User> owner, PaidCall call, DateTimeOffset now)
    {
        if (call.Input is not { } digest
            || await LockAsync(session, owner, digest) is not (var size, ContentOrigins.Caller)
            || await IsInputAsync(session, digest)
            || !await LetGoAsync(session, owner, new ContentDescriptor(digest, size), now))
        {
            return null;
        }

        await session.ExecuteAsync(
            "INSERT INTO call_leavings (channel_id, digest, size_bytes) VALUES (@Channel, @digest, @size) ON CONFLICT DO NOTHING", new { call.Channel, digest, size });
        return digest;
    }

    /// <summary>Forgets what calls have left behind and whose bytes are gone.</summary>
    public static Task<int> ForgetLeavingsAsync(SqlSession session) =>
        session.ExecuteAsync("DELETE FROM call_leavings WHERE NOT EXISTS (SELECT 1 FROM released_content AS r WHERE r.digest = call_leavings.digest)");

    /// <summary>Lets go of an output that was kept long enough.</summary>
    /// <returns>Whether its bytes may be deleted.</returns>
    public static async Task<bool> LetGoOfOutputAsync(SqlSession session, Id<User> owner, ContentHash digest, DateTimeOffset now)
    {
        if (await LockAsync(session, owner, digest) is not (var size, ContentOrigins.Task or ContentOrigins.Caller)
            || await session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM paid_calls WHERE output_digest = @digest AND output_until IS NOT NULL LIMIT 1", new { digest }) is not null)
        {
            return false;
        }

        if (!await IsInputAsync(session, digest))
            return await LetGoAsync(session, owner, new ContentDescriptor(digest, size), now);
        // It goes with the last call that reads it.
        await session.ExecuteAsync(
            "UPDATE content_owners SET came_by = @caller WHERE digest = @digest AND owner = @owner", new { caller = ContentOrigins.Caller, digest, owner });
        return false;
    }

    private static async Task<(long Size, string CameBy)?> LockAsync(SqlSession session, Id<User> owner, ContentHash digest)
    {
        var rows = await session.QueryAsync<(long Size, string CameBy)>(
            "SELECT size_bytes, came_by FROM content_owners WHERE digest = @digest AND owner = @owner {for update}", new { digest, owner });
        return rows.Count == 0 ? null : rows[0];
    }

    private static async Task<bool> IsInputAsync(SqlSession session, ContentHash digest) =>
        await session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM paid_calls WHERE input_digest = @digest AND price IS NULL LIMIT 1", new { digest }) is not null;

    private static async Task<bool> LetGoAsync(SqlSession session, Id<User> owner, ContentDescriptor content, DateTimeOffset now) =>
        await ReleasedContent.FindUseAsync(session, owner, content.Digest) is null && await ReleasedContent.TakeAsync(session, owner, content, now);
}
