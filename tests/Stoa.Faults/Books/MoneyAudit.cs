using System.Runtime.CompilerServices;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>Goes through the books: one capture and one receipt a success, one release a failure, and not a nanodollar too many.</summary>
internal sealed class MoneyAudit(Database database, FaultReport report, Action<string> doubled)
{
    private const int BlocksAtOnce = 100;

    public async Task CheckAsync(IReadOnlyDictionary<string, TaskFacts> tasks, CancellationToken cancellationToken)
    {
        var (captures, releases, holds) = (new Dictionary<string, long>(), new Dictionary<string, long>(), new Dictionary<string, long>());
        var (captured, shared) = (0L, 0L);
        var isChained = true;
        await foreach (var transfer in ReadJournalAsync(() => isChained = false, cancellationToken))
        {
            switch (transfer.Purpose)
            {
                case TransferPurpose.TaskCapture:
                    Count(captures, transfer.Cause);
                    captured += transfer.Amount.Nanodollars;
                    break;
                case TransferPurpose.TaskRelease:
                    Count(releases, transfer.Cause);
                    break;
                case TransferPurpose.TaskHold:
                    Count(holds, transfer.Cause);
                    break;
                case TransferPurpose.CreatorShare or TransferPurpose.NodeShare or TransferPurpose.PlatformShare:
                    shared += transfer.Amount.Nanodollars;
                    break;
            }
        }

        var receipts = await CountByTaskAsync("SELECT task_id, COUNT(*) FROM receipts GROUP BY task_id", cancellationToken);
        var isExact = isChained;
        foreach (var task in tasks.Values)
        {
            var isSuccess = task.State == "succeeded";
            // What is held for a task that is put out to bids is lowered once, when it is known what it can cost.
            var isLowered = task.Auction is not null && holds.GetValueOrDefault(task.Id) == 2;
            Expect(task, "hold", holds, isLowered ? 2 : 1);
            Expect(task, "capture", captures, isSuccess ? 1 : 0);
            Expect(task, "receipt", receipts, isSuccess ? 1 : 0);
            // A capture of the whole hold releases nothing; no task of these runs costs so much.
            Expect(task, "release", releases, (isLowered ? 1 : 0) + (isSuccess ? 0 : 1));
        }

        var totals = await new SqlLedgerStore(database).TotalAsync(cancellationToken);
        if ((totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds) != (Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0))
        {
            isExact = false;
            report.Break($"The books do not come to zero: {totals}.");
        }

        if (captured != shared)
        {
            isExact = false;
            report.Break($"{captured} nanodollars were captured, and {shared} shared out.");
        }

        report.Add("captured_nanodollars", captured);
        report.Add("books_exact", isExact ? 1 : 0);

        void Expect(TaskFacts task, string what, Dictionary<string, long> counts, long wanted)
        {
            var count = counts.GetValueOrDefault(task.Id);
            if (count == wanted)
                return;
            isExact = false;
            if (count > wanted)
                doubled($"{task.Id}, {task.State}, has {count} times a {what}, not {wanted}.");
            else
                report.Break($"{task.Id}, {task.State}, has {count} times a {what}, not {wanted}.");
        }
    }

    private async Task<Dictionary<string, long>> CountByTaskAsync(string sql, CancellationToken cancellationToken) =>
        (await database.ReadAsync(session => session.QueryAsync<(string Task, long Count)>(sql), cancellationToken))
            .ToDictionary(row => row.Task, row => row.Count, StringComparer.Ordinal);

    /// <summary>All transfers, in order; and each block's hash is checked on the way.</summary>
    private async IAsyncEnumerable<Transfer> ReadJournalAsync(Action broken, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ledger = new SqlLedgerStore(database);
        var head = JournalHead.Empty;
        while (await ledger.ReadJournalAsync(head.Number, BlocksAtOnce, cancellationToken) is { Count: > 0 } blocks)
        {
            foreach (var block in blocks)
            {
                if (!block.Follows(head))
                {
                    broken();
                    report.Break($"Block {block.Number} of the journal does not follow the one before it.");
                }

                for (var index = 0; index < block.Count; index++)
                    yield return block.Read(index).Transfer;
                head = block.Head;
            }
        }
    }

    private static void Count(Dictionary<string, long> counts, string cause) => counts[cause] = counts.GetValueOrDefault(cause) + 1;
}
