using System.Security.Cryptography;
using Stoa.Market.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>Keeps what this node has in memory of the statements in step with the database, whichever node of the cell writes them.</summary>
/// <remarks>What comes is found by its sequence, what goes by <c>statement_removals</c>. All ids are read at the start, and again twice a day, when the key of the sketch is drawn anew as well.</remarks>
internal sealed class ReplicaFollower(Database database, ReplicaIndex index, TimeProvider time)
{
    private const int AtOnce = 10_000;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_anew = SqlStatementStore.RemovalsKept / 2;

    private readonly Signal _signal = database.GetSignal(SqlStatements.Topic);
    private long _added;
    private long _removed;
    private DateTimeOffset? _readAt;

    /// <summary>Whether all ids were read.</summary>
    public bool IsReady => _readAt is not null;

    /// <summary>Goes on until it is cancelled.</summary>
    /// <exception cref="Exception">The database cannot be read; it may be run again.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var seen = _signal.Value;
            await StepAsync(cancellationToken);
            await _signal.WaitBeyondAsync(seen, s_poll, time, cancellationToken);
        }
    }

    /// <summary>Brings it in step.</summary>
    public async Task StepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_readAt is not { } readAt || now - readAt > s_anew)
        {
            if (IsReady)
                index.Rekey(SipKey.FromBytes(RandomNumberGenerator.GetBytes(SipKey.Size)));
            await ReadAllAsync(cancellationToken);
            _readAt = now;
        }

        while (await FollowAsync(cancellationToken))
        {
        }
    }

    private async Task ReadAllAsync(CancellationToken cancellationToken)
    {
        var (added, removed) = await database.ReadAsync(
            async session => (
                await session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM statements"),
                await session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM statement_removals")),
            cancellationToken);
        var before = index.Ids;
        var after = default(ContentHash);
        while (true)
        {
            var page = await database.ReadAsync(
                session => session.QueryAsync<ContentHash>("SELECT id FROM statements WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = AtOnce }), cancellationToken);
            var there = page.ToHashSet();
            var last = page.Count < AtOnce ? (ContentHash?)null : page[^1];
            var gone = before.From(SetItem.Of(after)).SkipWhile(id => id <= after).TakeWhile(id => last is null || id <= last).Where(id => !there.Contains(id));
            index.Apply(page, gone.ToList());
            if (last is not { } next)
                break;
            after = next;
        }

        // What changed meanwhile is followed from here; what is done already is done again for nothing.
        (_added, _removed) = (added, removed);
    }

    /// <summary>Follows what has changed.</summary>
    /// <returns>Whether there may be more.</returns>
    private async Task<bool> FollowAsync(CancellationToken cancellationToken)
    {
        var (added, removed) = await database.ReadAsync(
            async session => (
                await session.QueryAsync<(long Sequence, ContentHash Id)>(
                    "SELECT sequence, id FROM statements WHERE sequence > @after ORDER BY sequence LIMIT @limit", new { after = _added, limit = AtOnce }),
                await session.QueryAsync<RemovedRow>(
                    """
                    SELECT sequence, id, EXISTS (SELECT 1 FROM statements WHERE statements.id = statement_removals.id) AS is_back
                    FROM statement_removals WHERE sequence > @after ORDER BY sequence LIMIT @limit
                    """,
                    new { after = _removed, limit = AtOnce })),
            cancellationToken);
        index.Apply(added.Select(row => row.Id), removed.Where(row => !row.IsBack).Select(row => row.Id));
        if (added.Count > 0)
            _added = added[^1].Sequence;
        if (removed.Count > 0)
            _removed = removed[^1].Sequence;
        return added.Count == AtOnce || removed.Count == AtOnce;
    }

    private sealed record RemovedRow(long Sequence, ContentHash Id, bool IsBack);
}
