using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Disputes;

/// <summary>Who may dispute what, what a run decides, and who pays.</summary>
/// <remarks>
/// The node that signed a receipt swears to what it ran, so it is liable: what is given back comes out of what the node has earned, then out of the platform's fee. The creator
/// of the agent has sworn to nothing.
/// </remarks>
public static class DisputeRules
{
    /// <summary>Most characters of a reason.</summary>
    public const int MaxReasonLength = 1_000;

    /// <summary>After so many runs that led to nothing a dispute is undecided.</summary>
    public const int MaxAttempts = 3;

    /// <summary>The dispute that the owner of a task may open.</summary>
    /// <param name="id">Of the dispute.</param>
    /// <param name="deposit">Id of the hold.</param>
    /// <param name="task">The caller's own.</param>
    /// <param name="reason">In the owner's words.</param>
    /// <param name="window">How long after its end a task can be disputed.</param>
    /// <param name="now">UTC.</param>
    public static Outcome<Dispute, DisputeRefusal> Open(Id<Dispute> id, Id<Transfer> deposit, AgentTask task, string reason, TimeSpan window, DateTimeOffset now)
    {
        if (reason.Length > MaxReasonLength || string.IsNullOrWhiteSpace(reason) || !JsonFields.IsReadable(reason))
        {
            var mustBe = $"A text of 1 to {MaxReasonLength} characters is expected, none of them a control character.";
            return new Refusal<DisputeRefusal>(DisputeRefusal.DisputeInvalid, "Say what is wrong with the result.", [new FieldError("/reason", mustBe)]);
        }

        if (task.State is not TaskState.Succeeded succeeded)
        {
            return new Refusal<DisputeRefusal>(
                DisputeRefusal.NothingToDispute, $"The task is {task.State.Name}. Only a task that succeeded was paid for; whatever fails costs nothing.");
        }

        if (succeeded.Result.Supplied is { } supplied)
        {
            return new Refusal<DisputeRefusal>(
                DisputeRefusal.NothingToDispute, $"{supplied.Node} ran the task and signed the receipt, and no node of this cell is liable for that. What the receipt says can be run again by everybody who has the program.");
        }

        if (task.Redundancy is { } redundancy)
        {
            return new Refusal<DisputeRefusal>(
                DisputeRefusal.NothingToDispute, $"{redundancy.Agree} executors of {redundancy.Runs} gave this output. What each has sworn to is at GET /api/v1/tasks/{task.Id}/runs, and can be run again.");
        }

        if (succeeded.Result.Models is { Count: > 0 } asked)
        {
            return new Refusal<DisputeRefusal>(
                DisputeRefusal.NothingToDispute,
                $"The task made {asked.Count} request(s) to models, and a model answers another thing each time: no run decides whether its receipt is true. `stoa receipt verify` checks its sums, and what each request has cost.");
        }

        if (succeeded.Result.Price == Money.Zero)
            return new Refusal<DisputeRefusal>(DisputeRefusal.NothingToDispute, "The task was free: there is nothing to give back. `stoa receipt verify --rerun` says whether its receipt is true.");
        return now - succeeded.FinishedAt > window
            ? new Refusal<DisputeRefusal>(
                DisputeRefusal.DisputeTooLate, $"The task ended more than {window.TotalDays:0.##} days ago, which is how long a task can be disputed here.")
            : new Dispute(id, task.Id, task.OwnerId, reason, succeeded.Result.Price, deposit, new DisputeState.Open(0, now), now);
    }

    /// <summary>What a run decides.</summary>
    public static (DisputeVerdict Verdict, string Detail) Judge(Receipt receipt, RerunReport report) => report switch
    {
        { Confirms: true } => (DisputeVerdict.Rejected, $"Run again it gave the same output, {receipt.OutputDigest}, and burnt the same fuel, {receipt.Usage.Fuel}."),
        { Outcome: AttemptOutcome.Failed failed } => (DisputeVerdict.Upheld, $"Run again it failed: {failed.Failure.Detail}"),
        { OutputMatches: false } => (DisputeVerdict.Upheld, $"Run again it gave the output {report.Output}; the receipt swears to {receipt.OutputDigest}."),
        { FuelMatches: true } => (DisputeVerdict.Upheld, "Run again it made other calls than the receipt swears to, or they did something else."),
        _ => (DisputeVerdict.Upheld, $"Run again it burnt {report.Usage?.Fuel} units of fuel; the receipt swears to {receipt.Usage.Fuel}."),
    };

    /// <summary>Holds the deposit.</summary>
    public static Transfer Hold(Dispute dispute, Id<Account> wallet, Id<Account> node) => new(
        dispute.DepositId, TransferKind.Pending, wallet, node, dispute.Price, null, TransferPurpose.DisputeDeposit, dispute.Id.ToString(), dispute.OpenedAt);

    /// <summary>What a verdict moves.</summary>
    /// <param name="dispute">The dispute.</param>
    /// <param name="verdict">Its verdict.</param>
    /// <param name="wallet">The owner's.</param>
    /// <param name="credit">What of the price the owner paid by credit, and gets back as such.</param>
    /// <param name="liable">Accounts that pay what is given back, in this order, with what each has available.</param>
    /// <param name="node">Where the deposit is held for.</param>
    /// <param name="ids">Makes ids of transfers.</param>
    /// <param name="now">UTC.</param>
    /// <returns>Linked transfers; null when those who are liable have not as much.</returns>
    public static IReadOnlyList<Transfer>? Settle(
        Dispute dispute, DisputeVerdict verdict, Id<Account> wallet, Money credit, IReadOnlyList<(Id<Account> Account, Money Available)> liable, Id<Account> node, IdSource ids, DateTimeOffset now)
    {
        var cause = dispute.Id.ToString();
        if (verdict is DisputeVerdict.Rejected)
            return [new Transfer(ids.Next<Transfer>(), TransferKind.PostPending, wallet, node, dispute.Price, dispute.DepositId, TransferPurpose.DisputeFee, cause, now)];
        var transfers = new List<Transfer>
        {
            new(ids.Next<Transfer>(), TransferKind.VoidPending, wallet, node, Money.Zero, dispute.DepositId, TransferPurpose.DisputeReturn, cause, now),
        };
        if (verdict is DisputeVerdict.Undecided)
            return transfers;
        // First the own money, then the credit, out of one liable account after the other.
        Queue<(Id<Account> Account, Money Left)> payees = new([(wallet, dispute.Price - credit), (Account.CreditOf(dispute.OwnerId), credit)]);
        foreach (var (account, available) in liable)
        {
            var left = available;
            while (left > Money.Zero && payees.TryDequeue(out var payee))
            {
                var part = Money.Min(left, payee.Left);
                if (part > Money.Zero)
                    transfers.Add(new(ids.Next<Transfer>(), TransferKind.Posted, account, payee.Account, part, null, TransferPurpose.Refund, cause, now));
                left -= part;
                if (part < payee.Left)
                    payees = new([(payee.Account, payee.Left - part), .. payees]);
            }
        }

        return payees.All(payee => payee.Left == Money.Zero) ? transfers : null;
    }
}
