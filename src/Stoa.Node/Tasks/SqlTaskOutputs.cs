using Stoa.Market.Tasks;
using Stoa.Node.Builds;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>Gives outputs in the content store to whom tasks belong, in the transaction in which they end: no crash leaves a task that succeeded without its output, or the other way round.</summary>
internal static class SqlTaskOutputs
{
    /// <summary>Grants the outputs of ends that are written.</summary>
    /// <remarks>As whoever brings content: its owner's row first, then that which counts for him, and of each kind in the order of their keys. So nobody who does the same waits in a circle.</remarks>
    public static async Task GrantAsync(SqlSession session, IReadOnlyList<AttemptEnd> written)
    {
        var added = new List<AttemptEnd>();
        var stored = written.Where(end => end.StoredOutput is not null).OrderBy(end => end.StoredOutput!.Digest.ToString(), StringComparer.Ordinal).ThenBy(end => end.Task.OwnerId).ToList();
        foreach (var end in stored)
        {
            if (await SqlContentOwners.AddAsync(session, end.StoredOutput!, end.Task.OwnerId, ContentOrigins.Task))
                added.Add(end);
        }

        if (added.Count == 0)
            return;
        // These and the others are counted once more, with the ends.
        await session.QueryAsync<string>(
            "SELECT user_id FROM user_usage WHERE user_id IN @owners ORDER BY user_id {for update}", new { owners = written.Select(end => end.Task.OwnerId).Distinct() });
        foreach (var end in added)
            await SqlUserUsage.AddContentAsync(session, end.Task.OwnerId, end.StoredOutput!.SizeBytes);
    }

    /// <summary>Notes outputs of ends that came too late: they are deleted, unless they are somebody's.</summary>
    public static async Task GiveUpAsync(SqlSession session, IEnumerable<AttemptEnd> lost, DateTimeOffset now)
    {
        foreach (var end in lost.Where(end => end.StoredOutput is not null))
            await ReleasedContent.AddAsync(session, end.Task.OwnerId, [end.StoredOutput!], now);
    }
}
