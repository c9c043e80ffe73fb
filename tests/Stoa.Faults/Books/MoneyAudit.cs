using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>Goes through the books: one capture and one receipt a success, one release a failure, and not a nanodollar too many.</summary>
internal sealed class MoneyAudit(Database database, FaultReport report, Action<string> doubled)
{
    public async Task CheckAsync(IReadOnlyDictionary<string, TaskFacts> tasks, CancellationToken cancellationToken)
    {
        var captures = await CountByTaskAsync("SELECT cause, COUNT(*) FROM transfers WHERE purpose = 'TaskCapture' GROUP BY cause", cancellationToken);
        var releases = await CountByTaskAsync("SELECT cause, COUNT(*) FROM transfers WHERE purpose = 'TaskRelease' GROUP BY cause", cancellationToken);
        var holds = await CountByTaskAsync("SELECT cause, COUNT(*) FROM transfers WHERE purpose = 'TaskHold' GROUP BY cause", cancellationToken);
        var receipts = await CountByTaskAsync("SELECT task_id, COUNT(*) FROM receipts GROUP BY task_id", cancellationToken);
        var isExact = true;
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

        var captured = await SumAsync("purpose = 'TaskCapture'", cancellationToken);
        var shared = await SumAsync("purpose IN ('CreatorShare', 'NodeShare', 'PlatformShare')", cancellationToken);
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

    private Task<long> SumAsync(string condition, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QuerySingleAsync<long>($"SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM transfers WHERE {condition}"), cancellationToken);
}
