using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A task that is held of a user's credit, which does not suffice: the rest has joined it from the wallet.</summary>
/// <remarks>
/// A hold is of one account. Of a task for which there is credit enough it is of the credit account, and all that follows is as with a wallet. Where there is too little, the rest is moved
/// into the credit account first, linked to the hold, so that credit is spent to the last nanodollar before own money is; what of the rest the task does not need goes back in the set
/// that settles it. All the while it is held, so nothing of it can be spent as credit.
/// </remarks>
/// <param name="TaskId">The task.</param>
/// <param name="Wallet">Whose money joined.</param>
/// <param name="Credit">What was there of credit.</param>
/// <param name="Own">What has joined from the wallet.</param>
public sealed record CreditHold(Id<AgentTask> TaskId, Id<Account> Wallet, Money Credit, Money Own)
{
    /// <summary>The move of own money, to be linked before the hold.</summary>
    public static Transfer TopUp(CreditHold hold, Transfer held)
    {
        ArgumentNullException.ThrowIfNull(hold);
        ArgumentNullException.ThrowIfNull(held);
        return held with
        {
            Id = DerivedId.Of(held.Id.Uuid, "top-up"),
            Kind = TransferKind.Posted,
            DebitAccountId = hold.Wallet,
            CreditAccountId = held.DebitAccountId,
            Amount = hold.Own,
            Purpose = TransferPurpose.CreditTopUp,
        };
    }

    /// <summary>What is linked behind the transfers that settle the task, or lower its hold.</summary>
    /// <param name="linked">Those: the first one resolves the hold.</param>
    /// <returns>What goes back, null for nothing; the hold as it is then; and what the task has cost of own money, null while it is still held.</returns>
    public (Transfer? Back, CreditHold Left, Money? OwnPaid) Settle(IReadOnlyList<Transfer> linked)
    {
        ArgumentNullException.ThrowIfNull(linked);
        var resolution = linked[0];
        // An auction lowers a hold by making another one.
        var again = linked.FirstOrDefault(transfer => transfer.Kind is TransferKind.Pending)?.Amount;
        var needed = again ?? resolution.Amount;
        var credit = Money.Min(Credit, needed);
        var own = needed - credit;
        var back = Own > own
            ? resolution with
            {
                Id = DerivedId.Of(resolution.Id.Uuid, "return"),
                Kind = TransferKind.Posted,
                CreditAccountId = Wallet,
                Amount = Own - own,
                PendingId = null,
                Purpose = TransferPurpose.CreditReturn,
            }
            : null;
        return (back, again is null ? this : this with { Credit = credit, Own = own }, again is null ? own : null);
    }
}
