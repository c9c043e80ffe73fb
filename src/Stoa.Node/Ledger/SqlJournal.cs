using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>The journal inside a session: blocks are added at its end, and read by number or entry by entry.</summary>
internal static class SqlJournal
{
    private static readonly SqlRows<JournalBlock> s_insertBlocks = SqlRows<JournalBlock>.Insert(
        "journal",
        [
            SqlField<JournalBlock>.OfInteger("number", block => block.Number),
            SqlField<JournalBlock>.OfInteger("count", block => block.Count),
            SqlField<JournalBlock>.OfInteger("stride", block => block.Stride),
            SqlField<JournalBlock>.OfBytes("entries", block => block.Entries),
            SqlField<JournalBlock>.OfBytes("hash", block => ToBytes(block.Hash)),
        ]);

    private static readonly SqlRows<PlacedTransfer> s_insertPlaces = SqlRows<PlacedTransfer>.Insert(
        "journal_places",
        [
            SqlField<PlacedTransfer>.OfUuid("id", placed => placed.Id),
            SqlField<PlacedTransfer>.OfInteger("place", placed => placed.Place.Value),
        ]);

    private static readonly SqlRows<OpenHold> s_insertHolds = SqlRows<OpenHold>.Insert(
        "open_holds", [SqlField<OpenHold>.OfUuid("id", hold => hold.Id), SqlField<OpenHold>.OfBytes("entry", hold => hold.Entry)]);

    private static readonly SqlRows<Id<Transfer>> s_deleteHolds = SqlRows<Id<Transfer>>.Delete(
        "open_holds", "t.id = {id}", [SqlField<Id<Transfer>>.OfUuid("id", id => id.Uuid)]);

    /// <summary>Waits until nobody else adds blocks, and answers where the journal ends. From here to the end of the act nobody does.</summary>
    public static async Task<JournalHead> LockAsync(SqlSession session)
    {
        // On PostgreSQL a statement sees what was committed before it began: the one behind the lock what came before the lock was given.
        await session.SendAsync("SELECT number FROM journal_head {for update}");
        return await HeadAsync(session);
    }

    /// <summary>Where the journal ends.</summary>
    public static async Task<JournalHead> HeadAsync(SqlSession session)
    {
        var (number, hash) = await session.QuerySingleAsync<(long, byte[])>("SELECT number, hash FROM journal_head");
        return new JournalHead(number, ContentHash.FromBytes(hash));
    }

    /// <summary>Adds entries at the end, which is locked.</summary>
    /// <param name="session">The act.</param>
    /// <param name="head">Where the journal ends.</param>
    /// <param name="added">The entries, one or more.</param>
    /// <param name="trails">Of each account that is named, by its UUID; they are moved on.</param>
    public static async Task AppendAsync(
        SqlSession session, JournalHead head, IReadOnlyList<Transfer> added, IReadOnlyDictionary<Guid, AccountTrail> trails)
    {
        // Where the entries come is known before they are written: of many, one is done beside the other.
        var sealing = added.Count > JournalBlock.MaxCount ? Task.Run(() => Seal(head, added, trails)) : Task.FromResult(Seal(head, added, trails));
        try
        {
            await WritePlacesAsync(session, head, added);
        }
        finally
        {
            // It writes into what the caller has given: nobody goes on before it has ended.
            await ((Task)sealing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var blocks = await sealing;
        await session.SendRowsAsync(s_insertBlocks, blocks);
        await CloseAsync(session, blocks, added);
    }

    /// <summary>Adds entries at the end whose ids rise and are above all in the journal: the blocks alone, behind which <see cref="CloseAsync"/> is to come.</summary>
    /// <param name="session">The act, where nobody else writes.</param>
    /// <param name="head">Where the journal ends.</param>
    /// <param name="added">The entries, one or more.</param>
    /// <param name="trails">Of each account that is named, by its UUID; they are moved on.</param>
    public static async Task<IReadOnlyList<JournalBlock>> AppendRunsAsync(
        SqlSession session, JournalHead head, IReadOnlyList<Transfer> added, IReadOnlyDictionary<Guid, AccountTrail> trails)
    {
        var blocks = Seal(head, added, trails);
        await session.SendRowsAsync(s_insertBlocks, blocks);
        await JournalRuns.WriteAsync(session, blocks);
        return blocks;
    }

    /// <summary>Takes back the blocks that <see cref="AppendRunsAsync"/> has added behind a head.</summary>
    public static async Task TakeBackRunsAsync(SqlSession session, JournalHead head)
    {
        await session.SendAsync("DELETE FROM journal WHERE number > @Number", new { head.Number });
        await JournalRuns.DeleteBehindAsync(session, head.Number);
    }

    private static List<JournalBlock> Seal(JournalHead head, IReadOnlyList<Transfer> added, IReadOnlyDictionary<Guid, AccountTrail> trails)
    {
        var blocks = new List<JournalBlock>();
        foreach (var transfers in added.Chunk(JournalBlock.MaxCount))
        {
            blocks.Add(JournalBlock.Seal(head, transfers, trails));
            head = blocks[^1].Head;
        }

        return blocks;
    }

    private static Task WritePlacesAsync(SqlSession session, JournalHead head, IReadOnlyList<Transfer> added)
    {
        var places = new PlacedTransfer[added.Count];
        for (var index = 0; index < places.Length; index++)
            places[index] = new PlacedTransfer(added[index].Id.Uuid, PlaceBehind(head.Number, index));
        return session.SendRowsAsync(s_insertPlaces, places);
    }

    /// <summary>Writes down which holds are open now, and where the journal ends.</summary>
    /// <param name="session">The act.</param>
    /// <param name="blocks">What was added.</param>
    /// <param name="added">Their entries.</param>
    public static async Task CloseAsync(SqlSession session, IReadOnlyList<JournalBlock> blocks, IReadOnlyList<Transfer> added)
    {
        await WriteHoldsAsync(session, blocks, added);
        var head = blocks[^1].Head;
        await session.SendAsync("UPDATE journal_head SET number = @Number, hash = @hash", new { head.Number, hash = ToBytes(head.Hash) });
    }

    /// <summary>Where the transfers with some ids are; those that are not there are left out.</summary>
    public static async Task<IReadOnlyList<(Guid Id, JournalPlace Place)>> FindPlacesAsync(SqlSession session, IReadOnlyList<Guid> ids)
    {
        if (ids.Count == 0)
            return [];
        var found = await session.QueryAsync<(Guid, long)>("SELECT id, place FROM journal_places WHERE id IN UUIDS @ids", new { ids });
        var places = found.Select(row => (Id: row.Item1, Place: new JournalPlace(row.Item2))).ToList();
        if (places.Count < ids.Count)
            places.AddRange(await JournalRuns.FindAsync(session, ids.Except(places.Select(place => place.Id))));
        return places;
    }

    /// <summary>The highest id that is in the journal; null when it is empty. An id above it is in it for sure not.</summary>
    public static Task<Guid?> HighestIdAsync(SqlSession session) => session.QueryFirstOrDefaultAsync<Guid?>(
        """
        SELECT id FROM (
            SELECT id FROM (SELECT id FROM journal_places ORDER BY id DESC LIMIT 1) AS place
            UNION ALL SELECT last FROM (SELECT last FROM journal_runs ORDER BY last DESC LIMIT 1) AS run
        ) AS ends ORDER BY id DESC LIMIT 1
        """);

    /// <summary>Those of some pending transfers that nothing has resolved.</summary>
    public static async Task<IReadOnlyList<Transfer>> FindOpenHoldsAsync(SqlSession session, IReadOnlyList<Guid> ids)
    {
        if (ids.Count == 0)
            return [];
        var entries = await session.QueryAsync<byte[]>("SELECT entry FROM open_holds WHERE id IN UUIDS @ids", new { ids });
        return [.. entries.Select(entry => JournalEntry.Read(entry).Transfer)];
    }

    /// <summary>One entry.</summary>
    public static async Task<JournalEntry> ReadEntryAsync(SqlSession session, JournalPlace place) => JournalEntry.Read(await session.QuerySingleAsync<byte[]>(
        "SELECT SUBSTR(entries, CAST(@Index * stride + 1 AS INTEGER), CAST(stride AS INTEGER)) FROM journal WHERE number = @Block",
        new { place.Block, place.Index }));

    /// <summary>The entry of a transfer; null when there is none.</summary>
    public static async Task<JournalEntry?> FindEntryAsync(SqlSession session, Id<Transfer> id) =>
        await FindPlacesAsync(session, [id.Uuid]) is [var found] ? await ReadEntryAsync(session, found.Place) : null;

    /// <summary>Entries of an account, newest first, from one on: each names the one before it.</summary>
    public static async Task<IReadOnlyList<JournalEntry>> ReadBackAsync(SqlSession session, Id<Account> account, JournalPlace from, int limit)
    {
        if (session.Dialect.IsSqlite)
        {
            var entries = new List<JournalEntry>();
            for (var place = from; place != JournalPlace.None && entries.Count < limit; place = entries[^1].Before(account))
                entries.Add(await ReadEntryAsync(session, place));
            return entries;
        }

        // The same at the server, in one round trip. Byte 17 begins the debited account, 81 and 89 are the places before.
        var read = await session.QueryAsync<byte[]>(
            """
            WITH RECURSIVE back (depth, entry) AS (
                SELECT 1, SUBSTR(j.entries, CAST((@from & 8191) * j.stride + 1 AS INTEGER), CAST(j.stride AS INTEGER))
                FROM journal AS j WHERE j.number = @from >> 13
                UNION ALL
                SELECT next.depth, SUBSTR(j.entries, CAST((next.place & 8191) * j.stride + 1 AS INTEGER), CAST(j.stride AS INTEGER))
                FROM (
                    SELECT depth + 1 AS depth, CAST(CAST('x' || ENCODE(
                        SUBSTR(entry, CASE WHEN SUBSTR(entry, 17, 16) = uuid_send(@account) THEN 81 ELSE 89 END, 8), 'hex') AS BIT(64)) AS BIGINT) AS place
                    FROM back WHERE depth < @limit
                ) AS next
                JOIN journal AS j ON j.number = next.place >> 13
            )
            SELECT entry FROM back ORDER BY depth
            """,
            new { from = from.Value, account = account.Uuid, limit });
        return [.. read.Select(entry => JournalEntry.Read(entry))];
    }

    /// <summary>Blocks in their order, from one on.</summary>
    public static async Task<IReadOnlyList<JournalBlock>> ReadBlocksAsync(SqlSession session, long after, int limit)
    {
        var rows = await session.QueryAsync<(long Number, int Count, int Stride, byte[] Entries, byte[] Hash)>(
            "SELECT number, count, stride, entries, hash FROM journal WHERE number > @after ORDER BY number LIMIT @limit", new { after, limit });
        return [.. rows.Select(row => new JournalBlock(row.Number, row.Count, row.Stride, row.Entries, ContentHash.FromBytes(row.Hash)))];
    }

    /// <summary>One block.</summary>
    public static async Task<JournalBlock> ReadBlockAsync(SqlSession session, long number) => (await ReadBlocksAsync(session, number - 1, 1))[0];

    /// <summary>Notes the holds that are open now, and forgets those that are not any more.</summary>
    private static async Task WriteHoldsAsync(SqlSession session, IReadOnlyList<JournalBlock> blocks, IReadOnlyList<Transfer> added)
    {
        var resolved = new HashSet<Id<Transfer>>();
        foreach (var transfer in added)
        {
            if (transfer.PendingId is { } pending)
                resolved.Add(pending);
        }

        var opened = new List<OpenHold>();
        for (var index = 0; index < added.Count; index++)
        {
            // One that the same act has resolved was never open for others.
            if (added[index].Kind is TransferKind.Pending && !resolved.Remove(added[index].Id))
                opened.Add(new OpenHold(added[index].Id.Uuid, EntryAt(blocks[index / JournalBlock.MaxCount], index % JournalBlock.MaxCount)));
        }

        await session.SendRowsAsync(s_insertHolds, opened);
        await session.SendRowsAsync(s_deleteHolds, [.. resolved]);
    }

    private static JournalPlace PlaceBehind(long number, int index) =>
        JournalPlace.Of(number + 1 + (index / JournalBlock.MaxCount), index % JournalBlock.MaxCount);

    private static byte[] EntryAt(JournalBlock block, int index) => block.Entries.AsSpan(index * block.Stride, block.Stride).ToArray();

    private static byte[] ToBytes(ContentHash hash)
    {
        var bytes = new byte[ContentHash.Size];
        hash.CopyTo(bytes);
        return bytes;
    }

    private readonly record struct PlacedTransfer(Guid Id, JournalPlace Place);

    private sealed record OpenHold(Guid Id, byte[] Entry);
}
