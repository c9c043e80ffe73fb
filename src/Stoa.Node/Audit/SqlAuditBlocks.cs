using System.Globalization;
using System.Security.Cryptography;
using Stoa.Market;
using Stoa.Market.Audit;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Audit;

/// <summary>The audit log in the database: blocks are added at its end, read, and taken away from its beginning.</summary>
public sealed class SqlAuditBlocks(Database database)
{
    // Of a log in which little is found so much is looked through at once; the answer says where to go on.
    private const int MaxBlocksLookedThrough = 500;
    private const int BlocksAtOnce = 4;

    private static readonly SqlRows<ActorRow> s_insertActors = SqlRows<ActorRow>.Insert(
        "audit_actors",
        [
            SqlField<ActorRow>.OfText("actor", row => row.Actor),
            SqlField<ActorRow>.OfInteger("block", row => row.Block),
            SqlField<ActorRow>.OfBytes("seal_key", row => row.SealKey),
        ]);

    /// <summary>Adds acts as one block at the end. Nodes of a cell do so one after another.</summary>
    /// <param name="acts">1 to <see cref="AuditBlock.MaxCount"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task AppendAsync(IReadOnlyList<AuditAct> acts, CancellationToken cancellationToken) =>
        database.WriteAsync(session => AppendAsync(session, acts), cancellationToken);

    /// <summary>Where the log ends.</summary>
    public Task<AuditHead> HeadAsync(CancellationToken cancellationToken) => database.ReadAsync(HeadAsync, cancellationToken);

    /// <summary>Where the log stood before the first block that it still has.</summary>
    public Task<AuditHead> StartAsync(CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var (block, entry, hash) = await session.QuerySingleAsync<(long, long, byte[])>("SELECT pruned_block, pruned_entry, pruned_hash FROM audit_chain");
            return new AuditHead(block, entry, ContentHash.FromBytes(hash));
        },
        cancellationToken);

    /// <summary>Blocks in their order, from one on.</summary>
    public Task<IReadOnlyList<AuditBlock>> ReadAsync(long after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<(long Number, long First, int Count, byte[] Lines, byte[] Hash)>(
                "SELECT number, first_entry, count, lines, hash FROM audit_blocks WHERE number > @after ORDER BY number LIMIT @limit", new { after, limit });
            return (IReadOnlyList<AuditBlock>)[.. rows.Select(row => new AuditBlock(row.Number, row.First, row.Count, row.Lines, ContentHash.FromBytes(row.Hash)))];
        },
        cancellationToken);

    /// <summary>Entries, newest first. A page may have fewer than asked for although there are more: then it says where to go on.</summary>
    public async Task<Page<AuditEntry>> ListAsync(AuditFilter filter, PageRequest page, CancellationToken cancellationToken)
    {
        var before = long.TryParse(page.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last : long.MaxValue;
        var found = new List<AuditEntry>();
        for (var looked = 0; looked < MaxBlocksLookedThrough; looked += BlocksAtOnce)
        {
            var (blocks, keys) = await ReadBackAsync(filter.Whose, before, cancellationToken);
            foreach (var (number, first, latestAt, lines) in blocks)
            {
                if (filter.From > DateTimeOffset.FromUnixTimeMilliseconds(latestAt))
                    continue;
                // Backwards within the block, too.
                foreach (var line in new AuditBlock(number, first, 0, lines, default).EachLine().Reverse())
                {
                    if (filter.Read(line) is not { } entry || entry.Number >= before)
                        continue;
                    if (found.Count == page.Limit)
                        return new Page<AuditEntry>(found, Cursor(found[^1].Number));
                    found.Add(entry with { Act = AuditSeal.Open(entry.Act, keys.GetValueOrDefault((entry.Act.Actor ?? "", number))) });
                }
            }

            if (blocks.Count < BlocksAtOnce)
                return new Page<AuditEntry>(found, null);
            before = blocks[^1].First;
        }

        return new Page<AuditEntry>(found, Cursor(before));
    }

    /// <summary>The handles of users as they are now, by their ids. Those of whom there is no row are left out.</summary>
    public Task<IReadOnlyDictionary<string, string>> FindHandlesAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyDictionary<string, string>>(
            async session => (await session.QueryAsync<(string Id, string Handle)>("SELECT id, handle FROM users WHERE id IN @ids", new { ids }))
                .ToDictionary(row => row.Id, row => row.Handle),
            cancellationToken);

    /// <summary>Makes what identifies a user in some blocks unreadable for ever. The chain holds as before.</summary>
    /// <returns>In how many blocks that was; 0 when it is so in all.</returns>
    internal static async Task<int> EraseAsync(SqlSession session, string actor, int limit)
    {
        var blocks = await session.QueryAsync<long>(
            "SELECT block FROM audit_actors WHERE actor = @actor AND seal_key IS NOT NULL ORDER BY block LIMIT @limit", new { actor, limit });
        return blocks.Count == 0
            ? 0
            : await session.ExecuteAsync("UPDATE audit_actors SET seal_key = NULL WHERE actor = @actor AND block IN @blocks", new { actor, blocks });
    }

    /// <summary>Takes away the oldest blocks: those without an entry of that time or later. The last block stays.</summary>
    /// <param name="olderThan">The time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Up to which block; 0 when there was nothing to take away.</returns>
    public Task<long> PruneAsync(DateTimeOffset olderThan, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.SendAsync("SELECT block FROM audit_chain {for update}");
            var kept = await session.QueryFirstOrDefaultAsync<long?>("SELECT MIN(number) FROM audit_blocks WHERE latest_at >= @olderThan", new { olderThan })
                ?? (await HeadAsync(session)).Block;
            var rows = await session.QueryAsync<(long Number, long First, int Count, byte[] Hash)>(
                "SELECT number, first_entry, count, hash FROM audit_blocks WHERE number < @kept ORDER BY number DESC LIMIT 1", new { kept });
            if (rows.Count == 0)
                return 0L;
            var (number, first, count, hash) = rows[0];
            await session.ExecuteAsync(
                "UPDATE audit_chain SET pruned_block = @number, pruned_entry = @entry, pruned_hash = @hash", new { number, entry = first + count - 1, hash });
            await session.ExecuteAsync("DELETE FROM audit_actors WHERE block <= @number", new { number });
            await session.ExecuteAsync("DELETE FROM audit_blocks WHERE number <= @number", new { number });
            return number;
        },
        cancellationToken);

    private static async Task AppendAsync(SqlSession session, IReadOnlyList<AuditAct> acts)
    {
        // Sealed before the chain is locked. A user's key in a block is not the one of another.
        var keys = acts.Select(act => act.Actor).OfType<string>().Distinct().ToDictionary(actor => actor, _ => RandomNumberGenerator.GetBytes(AuditSeal.KeyBytes));
        var written = acts.Select(act => act.Actor is { } actor ? AuditSeal.Seal(act, keys[actor]) : act).ToList();
        // On PostgreSQL a statement sees what was committed before it began: the one behind the lock what came before the lock was given.
        await session.SendAsync("SELECT block FROM audit_chain {for update}");
        var block = AuditBlock.Seal(await HeadAsync(session), written);
        var hash = new byte[ContentHash.Size];
        block.Hash.CopyTo(hash);
        await session.SendAsync(
            "INSERT INTO audit_blocks (number, first_entry, count, latest_at, lines, hash) VALUES (@Number, @FirstEntry, @Count, @latestAt, @Lines, @hash)",
            new { block.Number, block.FirstEntry, block.Count, latestAt = acts.Max(act => act.At), block.Lines, hash });
        await session.SendRowsAsync(
            s_insertActors,
            [
                .. keys.Select(key => new ActorRow(key.Key, block.Number, key.Value)),
                .. acts.Select(act => act.Account).OfType<string>().Distinct().Where(account => !keys.ContainsKey(account))
                    .Select(account => new ActorRow(account, block.Number, null)),
            ]);
        await session.SendAsync("UPDATE audit_chain SET block = @Block, entry = @Entry, hash = @hash", new { block.Head.Block, block.Head.Entry, hash });
    }

    private static async Task<AuditHead> HeadAsync(SqlSession session)
    {
        var (block, entry, hash) = await session.QuerySingleAsync<(long, long, byte[])>("SELECT block, entry, hash FROM audit_chain");
        return new AuditHead(block, entry, ContentHash.FromBytes(hash));
    }

    private Task<(IReadOnlyList<(long Number, long First, long LatestAt, byte[] Lines)> Blocks, Dictionary<(string Actor, long Block), byte[]> Keys)> ReadBackAsync(
        string? whose, long before, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var blocks = whose is null
                ? await session.QueryAsync<(long Number, long First, long LatestAt, byte[] Lines)>(
                    "SELECT number, first_entry, latest_at, lines FROM audit_blocks WHERE first_entry < @before ORDER BY first_entry DESC LIMIT @limit",
                    new { before, limit = BlocksAtOnce })
                : await session.QueryAsync<(long Number, long First, long LatestAt, byte[] Lines)>(
                    """
                    SELECT b.number, b.first_entry, b.latest_at, b.lines FROM audit_actors AS a JOIN audit_blocks AS b ON b.number = a.block
                    WHERE a.actor = @whose AND b.first_entry < @before ORDER BY a.block DESC LIMIT @limit
                    """,
                    new { whose, before, limit = BlocksAtOnce });
            var keys = await session.QueryAsync<(string Actor, long Block, byte[] Key)>(
                "SELECT actor, block, seal_key FROM audit_actors WHERE block IN @numbers AND seal_key IS NOT NULL",
                new { numbers = blocks.Select(block => block.Number) });
            return (blocks, keys.ToDictionary(key => (key.Actor, key.Block), key => key.Key));
        },
        cancellationToken);

    private static string Cursor(long before) => before.ToString(CultureInfo.InvariantCulture);

    /// <summary>That somebody has entries in a block.</summary>
    /// <param name="Actor">Id of who acted, or of the organisation in whose name.</param>
    /// <param name="Block">Number of the block.</param>
    /// <param name="SealKey">What opens the entries of who acted; null for organisations.</param>
    private sealed record ActorRow(string Actor, long Block, byte[]? SealKey);
}
