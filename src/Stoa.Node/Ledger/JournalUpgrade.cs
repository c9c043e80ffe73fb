using Stoa.Market.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>Moves the transfers of a database of before the journal into blocks.</summary>
/// <remarks>A part at a time, each in one act: a node that is killed meanwhile goes on where it was, and nodes that start together take turns.</remarks>
internal static class JournalUpgrade
{
    private const string Columns = "id, kind, debit_account_id, credit_account_id, amount, pending_id, purpose, cause, created_at";

    /// <summary>Moves all there are.</summary>
    /// <returns>How many were moved here.</returns>
    public static async Task<long> RunAsync(Database database, CancellationToken cancellationToken)
    {
        (Id<Transfer>? after, long moved) = (null, 0);
        while (await database.WriteAsync(session => MoveAsync(session, after), cancellationToken) is { } part)
        {
            after = part.Last;
            moved += part.Moved;
        }

        return moved;
    }

    private static async Task<(Id<Transfer> Last, int Moved)?> MoveAsync(SqlSession session, Id<Transfer>? after)
    {
        var head = await SqlJournal.LockAsync(session);
        var rows = await session.QueryAsync<Transfer>(
            $"""
            SELECT {Columns} FROM transfers_before_journal
            WHERE position > COALESCE((SELECT position FROM transfers_before_journal WHERE id = @after), 0) ORDER BY position LIMIT @limit
            """,
            new { after = after?.ToString(), limit = JournalBlock.MaxCount });
        if (rows.Count == 0)
        {
            // Only now: rows name those before them, and none of them may go alone.
            await session.ExecuteAsync("DELETE FROM transfers_before_journal WHERE position > @nothing", new { nothing = 0L });
            return null;
        }

        var known = (await SqlJournal.FindPlacesAsync(session, [.. rows.Select(row => row.Id.Uuid)])).Select(found => found.Id).ToHashSet();
        var transfers = rows.Where(row => !known.Contains(row.Id.Uuid)).ToList();
        if (transfers.Count > 0)
        {
            var ids = transfers.SelectMany(transfer => new[] { transfer.DebitAccountId, transfer.CreditAccountId }).Distinct();
            var trails = (await session.QueryAsync<(Id<Account> Id, long Latest)>("SELECT id, latest_entry FROM accounts WHERE id IN @ids", new { ids }))
                .ToDictionary(row => row.Id.Uuid, row => new AccountTrail(row.Id, new JournalPlace(row.Latest)));
            await SqlJournal.AppendAsync(session, head, transfers, trails);
            await session.SendEachAsync(
                "UPDATE accounts SET latest_entry = @Value WHERE id = @Account", trails.Values.Select(trail => new { trail.Latest.Value, trail.Account }));
        }

        return (rows[^1].Id, transfers.Count);
    }
}
