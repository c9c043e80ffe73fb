using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>Gives outputs in the content store to whom tasks belong, in the transaction in which they end: no crash leaves a task that succeeded without its output, or the other way round.</summary>
internal static class SqlTaskOutputs
{
    /// <summary>Grants the outputs of ends that are written.</summary>
    public static async Task GrantAsync(SqlSession session, IReadOnlyList<AttemptEnd> written)
    {
        var stored = written.Where(end => end.StoredOutput is not null).OrderBy(end => end.Task.OwnerId).ToList();
        if (stored.Count == 0)
            return;
        // Those who count users wait for each other in the order of the ids, and these and others are counted once more with the ends.
        await session.QueryAsync<string>(
            "SELECT user_id FROM user_usage WHERE user_id IN @owners ORDER BY user_id {for update}", new { owners = written.Select(end => end.Task.OwnerId).Distinct() });
        foreach (var end in stored)
            await SqlContentOwners.GrantAsync(session, end.StoredOutput!, end.Task.OwnerId, ContentOrigins.Task);
    }

    /// <summary>Notes outputs of ends that came too late: they are deleted, unless they are somebody's.</summary>
    public static async Task GiveUpAsync(SqlSession session, IEnumerable<AttemptEnd> lost, DateTimeOffset now)
    {
        foreach (var end in lost.Where(end => end.StoredOutput is not null))
            await ReleasedContent.AddAsync(session, end.Task.OwnerId, [end.StoredOutput!], now);
    }
}
