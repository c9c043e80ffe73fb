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
        var (after, moved) = (0L, 0L);
        while (await database.WriteAsync(session => MoveAsync(session, after), cancellationToken) is { } part)
        {
            after = part.Last;
            moved += part.Moved;
        }

        return moved;
    }

    private static async Task<(long Last, int Moved)?> MoveAsync(SqlSession session, long after)
    {
        var head = await SqlJournal.LockAsync(session);
        var rows = await session.QueryAsync<Row>(
            $"SELECT position, {Columns} FROM transfers_before_journal WHERE position > @after ORDER BY position LIMIT @limit",
            new { after, limit = JournalBlock.MaxCount });
        if (rows.Count == 0)
        {
            // Only now: rows name those before them, and none of them may go alone.
            await session.ExecuteAsync("DELETE FROM transfers_before_journal WHERE position > @nothing", new { nothing = 0L });
            return null;
        }

        var known = (await SqlJournal.FindPlacesAsync(session, [.. rows.Select(row => row.Id.Uuid)])).Select(found => found.Id).ToHashSet();
        var transfers = rows.Where(row => !known.Contains(row.Id.Uuid)).Select(row => row.ToTransfer()).ToList();
        if (transfers.Count > 0)
        {
            var ids = transfers.SelectMany(transfer => new[] { transfer.DebitAccountId, transfer.CreditAccountId }).Distinct();
            var trails = (await session.QueryAsync<(Id<Account> Id, long Latest)>("SELECT id, latest_entry FROM accounts WHERE id IN @ids", new { ids }))
                .ToDictionary(row => row.Id.Uuid, row => new AccountTrail(row.Id, new JournalPlace(row.Latest)));
            await SqlJournal.AppendAsync(session, head, transfers, trails);
            await session.SendEachAsync(
                "UPDATE accounts SET latest_entry = @Value WHERE id = @Account", trails.Values.Select(trail => new { trail.Latest.Value, trail.Account }));
        }

        return (rows[^1].Position, transfers.Count);
    }

    private sealed record Row(
        long Position,
        Id<Transfer> Id,
        TransferKind Kind,
        Id<Account> DebitAccountId,
        Id<Account> CreditAccountId,
        Money Amount,
        Id<Transfer>? PendingId,
        TransferPurpose Purpose,
        string Cause,
        DateTimeOffset CreatedAt)
    {
        public Transfer ToTransfer() => new(Id, Kind, DebitAccountId, CreditAccountId, Amount, PendingId, Purpose, Cause, CreatedAt);
    }
}
