using System.Runtime.CompilerServices;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>Goes through the books: one capture and one receipt a success, one release a failure, credit before own money, one fee a period, and not a nanodollar too many.</summary>
internal sealed class MoneyAudit(Database database, FaultReport report, Action<string> doubled)
{
    private const int BlocksAtOnce = 100;

    private readonly SqlLedgerStore _ledger = new(database);
    private bool _isExact = true;

    /// <summary>Checks, and answers what was moved for each task that has succeeded.</summary>
    public async Task<ILookup<string, Moved>> CheckAsync(IReadOnlyDictionary<string, TaskFacts> tasks, CancellationToken cancellationToken)
    {
        var (releases, holds, fees) = (new Dictionary<string, long>(), new Dictionary<string, long>(), new Dictionary<string, long>());
        var moved = new List<(string Cause, Moved What)>();
        var accounts = await JournalCheck.ListAccountsAsync(_ledger, cancellationToken);
        var audit = new JournalAudit(accounts);
        var credit = new CreditTrail(accounts.Where(account => account.Account.Kind is AccountKind.Credit).Select(account => account.Account.Id).ToHashSet(), Break);
        await foreach (var transfer in ReadJournalAsync(audit, cancellationToken))
        {
            credit.Add(transfer);
            switch (transfer.Purpose)
            {
                case TransferPurpose.TaskRelease:
                    Count(releases, transfer.Cause);
                    break;
                case TransferPurpose.TaskHold:
                    Count(holds, transfer.Cause);
                    break;
                case TransferPurpose.TaskCapture or TransferPurpose.CreatorShare or TransferPurpose.Royalty or TransferPurpose.NodeShare or TransferPurpose.PlatformShare:
                    moved.Add((transfer.Cause, new Moved(transfer.Purpose, transfer.CreditAccountId, transfer.Amount)));
                    break;
                case TransferPurpose.PlanFee:
                    Count(fees, transfer.Cause);
                    break;
            }
        }

        audit.Close(await _ledger.GetHeadAsync(cancellationToken));
        foreach (var finding in audit.Findings)
            Break($"{finding.Fault}: {finding.Detail}");
        var byTask = moved.ToLookup(one => one.Cause, one => one.What, StringComparer.Ordinal);
        await CheckTasksAsync(tasks, holds, releases, byTask, cancellationToken);
        var captured = SumOf(moved, purpose => purpose is TransferPurpose.TaskCapture);
        await CheckSumsAsync(captured, SumOf(moved, purpose => purpose is not TransferPurpose.TaskCapture), cancellationToken);
        await CheckCreditAsync(credit, accounts, captured, cancellationToken);
        await new PlanAudit(database, report, doubled).CheckAsync(fees, cancellationToken);
        report.Add("books_exact", _isExact ? 1 : 0);
        return byTask;
    }

    private async Task CheckTasksAsync(
        IReadOnlyDictionary<string, TaskFacts> tasks, Dictionary<string, long> holds, Dictionary<string, long> releases, ILookup<string, Moved> moved, CancellationToken cancellationToken)
    {
        var receipts = (await database.ReadAsync(
            session => session.QueryAsync<(string Task, long Count)>("SELECT task_id, COUNT(*) FROM receipts GROUP BY task_id"), cancellationToken))
            .ToDictionary(row => row.Task, row => row.Count, StringComparer.Ordinal);
        foreach (var task in tasks.Values)
        {
            var isSuccess = task.State == "succeeded";
            // What is held for a task that is put out to bids is lowered once, when it is known what it can cost.
            var isLowered = task.Auction is not null && holds.GetValueOrDefault(task.Id) == 2;
            Expect(task, "hold", holds.GetValueOrDefault(task.Id), isLowered ? 2 : 1);
            Expect(task, "capture", moved[task.Id].Count(one => one.Purpose is TransferPurpose.TaskCapture), isSuccess ? 1 : 0);
            Expect(task, "receipt", receipts.GetValueOrDefault(task.Id), isSuccess ? 1 : 0);
            // A capture of the whole hold releases nothing; no task of these runs costs so much.
            Expect(task, "release", releases.GetValueOrDefault(task.Id), (isLowered ? 1 : 0) + (isSuccess ? 0 : 1));
            if (!isSuccess && moved[task.Id].Any())
                Break($"{task.Id}, {task.State}, has paid: {string.Join(", ", moved[task.Id])}.");
        }

        foreach (var stranger in moved.Select(group => group.Key).Where(cause => !tasks.ContainsKey(cause)))
            Break($"{stranger}, which is no task, has paid: {string.Join(", ", moved[stranger])}.");
    }

    private async Task CheckSumsAsync(Money captured, Money shared, CancellationToken cancellationToken)
    {
        var totals = await _ledger.TotalAsync(cancellationToken);
        if ((totals.Posted, totals.Clearing, totals.PendingDebits, totals.PendingCredits, totals.OpenHolds) != (Money.Zero, Money.Zero, Money.Zero, Money.Zero, 0))
            Break($"The books do not come to zero: {totals}.");
        if (captured != shared)
            Break($"{captured} was captured, and {shared} shared out.");
        report.Add("captured_nanodollars", captured.Nanodollars);
    }

    /// <summary>What was spent of credit is what was given, less what has expired and what is left; and with what was spent of wallets it is all that was captured.</summary>
    private async Task CheckCreditAsync(CreditTrail trail, IReadOnlyCollection<StatedAccount> accounts, Money captured, CancellationToken cancellationToken)
    {
        trail.Close(await database.ReadAsync(
            session => session.QueryAsync<StoredCreditHold>("SELECT task_id AS task, credit, own_paid FROM credit_holds"), cancellationToken));
        var left = accounts.Where(account => account.Account.Kind is AccountKind.Credit).Aggregate(Money.Zero, (sum, account) => sum + account.Account.Posted);
        var spent = trail.Given - trail.Expired - left;
        if (spent != trail.Captured - trail.Own)
            Break($"{trail.Given} of credit was given, {trail.Expired} has expired and {left} is left; tasks have captured {trail.Captured - trail.Own}.");
        report.Add("credit_nanodollars", spent.Nanodollars);
        report.Add("credit_expired_nanodollars", trail.Expired.Nanodollars);
        report.Add("own_nanodollars", (captured - spent).Nanodollars);
        report.Add("tasks_of_both", trail.JoinedCount);
    }

    private void Expect(TaskFacts task, string what, long count, long wanted)
    {
        if (count == wanted)
            return;
        _isExact = false;
        if (count > wanted)
            doubled($"{task.Id}, {task.State}, has {count} times a {what}, not {wanted}.");
        else
            report.Break($"{task.Id}, {task.State}, has {count} times a {what}, not {wanted}.");
    }

    private void Break(string what)
    {
        _isExact = false;
        report.Break(what);
    }

    /// <summary>All transfers, in order; what is wrong with the journal the audit finds on the way.</summary>
    private async IAsyncEnumerable<Transfer> ReadJournalAsync(JournalAudit audit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await _ledger.ReadJournalAsync(audit.Head.Number, BlocksAtOnce, cancellationToken) is { Count: > 0 } blocks)
        {
            foreach (var block in blocks)
            {
                audit.Add(block);
                for (var index = 0; index < block.Count; index++)
                    yield return block.Read(index).Transfer;
            }
        }
    }

    private static Money SumOf(IEnumerable<(string Cause, Moved What)> moved, Func<TransferPurpose, bool> which) =>
        moved.Where(one => which(one.What.Purpose)).Aggregate(Money.Zero, (sum, one) => sum + one.What.Amount);

    private static void Count(Dictionary<string, long> counts, string cause) => counts[cause] = counts.GetValueOrDefault(cause) + 1;
}
