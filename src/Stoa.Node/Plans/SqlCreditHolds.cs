using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>A submission that is held of credit.</summary>
/// <param name="Submission">As it is written: its hold is of the credit account.</param>
/// <param name="TopUp">What has to join it; null when the credit suffices.</param>
internal sealed record CreditedSubmission(NewTask Submission, CreditHold? TopUp)
{
    /// <summary>The linked transfers that hold it.</summary>
    public IReadOnlyList<Transfer> Transfers => TopUp is null ? [Submission.Hold!] : [CreditHold.TopUp(TopUp, Submission.Hold!), Submission.Hold!];
}

/// <summary>Tasks and credit inside a session: what new tasks are held of, and what comes back when they have ended.</summary>
/// <remarks>
/// Whether somebody has credit is known from the row that a submission reads anyway, and whether a task is held of it from the id of its payer, so whoever has none
/// pays nothing for it: no statement more, neither at the submission nor at the end.
/// </remarks>
internal static class SqlCreditHolds
{
    private static readonly SqlRows<(Id<User> User, CreditHold Hold)> s_insert = SqlRows<(Id<User> User, CreditHold Hold)>.Insert(
        "credit_holds",
        [
            SqlField<(Id<User> User, CreditHold Hold)>.OfId("task_id", row => row.Hold.TaskId),
            SqlField<(Id<User> User, CreditHold Hold)>.OfId("user_id", row => row.User),
            SqlField<(Id<User> User, CreditHold Hold)>.OfId("wallet_id", row => row.Hold.Wallet),
            SqlField<(Id<User> User, CreditHold Hold)>.OfInteger("credit", row => row.Hold.Credit.Nanodollars),
            SqlField<(Id<User> User, CreditHold Hold)>.OfInteger("own", row => row.Hold.Own.Nanodollars),
        ]);

    /// <summary>Which submissions of a group are held of credit, in order: as long as there is some, whole or with the rest from the wallet.</summary>
    /// <param name="session">The act.</param>
    /// <param name="submissions">The group.</param>
    /// <param name="priced">The places of those that are held.</param>
    /// <param name="owners">Who has credit.</param>
    /// <returns>By place; those that are not in it are held of their wallets.</returns>
    public static async Task<IReadOnlyDictionary<int, CreditedSubmission>> SplitAsync(
        SqlSession session, IReadOnlyList<NewTask> submissions, IReadOnlyList<int> priced, IReadOnlyList<Id<User>> owners)
    {
        var credited = new Dictionary<int, CreditedSubmission>();
        var concerned = priced.Where(place => owners.Contains(submissions[place].Task.OwnerId)).ToList();
        if (concerned.Count == 0)
            return credited;
        // All that the group's holds are of, in the ledger's order: two groups that lock some of these first and the rest later would wait for each other.
        var ids = priced.Select(place => submissions[place].Hold!.DebitAccountId)
            .Concat(concerned.Select(place => Account.CreditOf(submissions[place].Task.OwnerId)))
            .Distinct();
        var available = (await session.QueryAsync<(Id<Account> Id, Money Available)>(
            "SELECT id, posted - pending_debits FROM accounts WHERE id IN @ids ORDER BY id {for update}", new { ids })).ToDictionary(row => row.Id, row => row.Available);
        foreach (var place in concerned)
        {
            var submission = submissions[place];
            var (account, wallet, amount) = (Account.CreditOf(submission.Task.OwnerId), submission.Hold!.DebitAccountId, submission.Hold.Amount);
            var credit = Money.Min(available.GetValueOrDefault(account), amount);
            var own = amount - credit;
            // What the wallet cannot add is refused as a hold of the wallet, and leaves the credit to the next one.
            if (credit <= Money.Zero || own > available.GetValueOrDefault(wallet))
            {
                available[wallet] = available.GetValueOrDefault(wallet) >= amount ? available[wallet] - amount : available.GetValueOrDefault(wallet);
                continue;
            }

            available[account] -= credit;
            available[wallet] -= own;
            credited.Add(
                place,
                new CreditedSubmission(
                    submission with
                    {
                        Task = submission.Task with { Hold = submission.Task.Hold! with { PayerId = account } },
                        Hold = submission.Hold with { DebitAccountId = account },
                    },
                    own > Money.Zero ? new CreditHold(submission.Task.Id, wallet, credit, own) : null));
        }

        return credited;
    }

    /// <summary>Notes what has joined the credit of tasks that were taken.</summary>
    public static Task AddAsync(SqlSession session, IEnumerable<CreditedSubmission> taken) => session.SendRowsAsync(
        s_insert, [.. taken.Where(one => one.TopUp is not null).Select(one => (one.Submission.Task.OwnerId, one.TopUp!))]);

    /// <summary>The linked transfers that settle tasks, with what goes back to wallets.</summary>
    /// <param name="session">The act.</param>
    /// <param name="ends">Each with transfers, of which the first one resolves its hold.</param>
    public static async Task<IReadOnlyList<IReadOnlyList<Transfer>>> SettleAsync(SqlSession session, IReadOnlyList<AttemptEnd> ends)
    {
        var credited = ends.Where(end => end.Transfers[0].DebitAccountId == Account.CreditOf(end.Task.OwnerId)).Select(end => end.Task.Id).ToList();
        if (credited.Count == 0)
            return [.. ends.Select(end => end.Transfers)];
        var holds = (await session.QueryAsync<CreditHold>(
            "SELECT task_id, wallet_id AS wallet, credit, own FROM credit_holds WHERE task_id IN @credited AND own_paid IS NULL", new { credited })).ToDictionary(hold => hold.TaskId);
        var linked = new List<IReadOnlyList<Transfer>>(ends.Count);
        foreach (var end in ends)
        {
            if (!holds.TryGetValue(end.Task.Id, out var hold))
            {
                linked.Add(end.Transfers);
                continue;
            }

            var (back, left, ownPaid) = hold.Settle(end.Transfers);
            linked.Add(back is null ? end.Transfers : [.. end.Transfers, back]);
            await session.SendAsync(
                "UPDATE credit_holds SET credit = @Credit, own = @Own, own_paid = @ownPaid WHERE task_id = @TaskId", new { left.Credit, left.Own, ownPaid, left.TaskId });
        }

        return linked;
    }

    /// <summary>What of the price of a task that has ended was paid by credit.</summary>
    public static async Task<Money> PaidByCreditAsync(SqlSession session, Id<AgentTask> task, Id<User> owner, Money price)
    {
        var payer = await session.QueryFirstOrDefaultAsync<Id<Account>?>("SELECT hold_payer_id FROM tasks WHERE id = @task", new { task });
        if (payer != Account.CreditOf(owner))
            return Money.Zero;
        var own = await session.QueryFirstOrDefaultAsync<Money?>("SELECT own_paid FROM credit_holds WHERE task_id = @task", new { task });
        return price - (own ?? Money.Zero);
    }
}
