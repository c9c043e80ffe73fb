using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Ledger;

/// <summary>A ledger that is nothing but its journal: every balance is added up anew from all that was ever accepted.</summary>
internal sealed class LedgerModel(IEnumerable<Id<Account>> mayOverdraw)
{
    private readonly HashSet<Id<Account>> _mayOverdraw = [.. mayOverdraw];
    private List<Transfer> _journal = [];

    public IReadOnlyList<Transfer> Journal => _journal;

    /// <summary>Accepts the whole set, or answers why not and keeps nothing of it.</summary>
    public TransferRefusal? Apply(IReadOnlyList<Transfer> set)
    {
        var before = _journal.ToList();
        foreach (var transfer in set)
        {
            if (Judge(transfer) is { } refusal)
            {
                _journal = before;
                return refusal;
            }
            if (_journal.TrueForAll(entry => entry.Id != transfer.Id))
                _journal.Add(transfer);
        }
        return null;
    }

    public (long Posted, long PendingDebits, long PendingCredits) Balance(Id<Account> account) => (
        Moved().Sum(entry => (entry.CreditAccountId == account ? entry.Amount : Money.Zero).Nanodollars
            - (entry.DebitAccountId == account ? entry.Amount : Money.Zero).Nanodollars),
        Held().Where(entry => entry.DebitAccountId == account).Sum(entry => entry.Amount.Nanodollars),
        Held().Where(entry => entry.CreditAccountId == account).Sum(entry => entry.Amount.Nanodollars));

    public IEnumerable<Transfer> Held() => _journal.Where(
        entry => entry.Kind is TransferKind.Pending && _journal.TrueForAll(other => other.PendingId != entry.Id));

    private IEnumerable<Transfer> Moved() => _journal.Where(entry => entry.Kind is TransferKind.Posted or TransferKind.PostPending);

    private TransferRefusal? Judge(Transfer transfer)
    {
        if (_journal.Find(entry => entry.Id == transfer.Id) is { } earlier)
            return earlier == transfer ? null : TransferRefusal.IdReusedWithOtherContent;
        var resolves = transfer.Kind is TransferKind.PostPending or TransferKind.VoidPending;
        if (transfer.Amount.Nanodollars < (resolves ? 0 : 1))
            return TransferRefusal.AmountNotPositive;
        if (transfer.DebitAccountId == transfer.CreditAccountId)
            return TransferRefusal.AccountsSame;
        if (!resolves)
        {
            var (posted, held, _) = Balance(transfer.DebitAccountId);
            return _mayOverdraw.Contains(transfer.DebitAccountId) || posted - held >= transfer.Amount.Nanodollars
                ? null
                : TransferRefusal.InsufficientFunds;
        }
        if (_journal.Find(entry => entry.Id == transfer.PendingId && entry.Kind is TransferKind.Pending) is not { } pending)
            return TransferRefusal.PendingUnknown;
        if ((pending.DebitAccountId, pending.CreditAccountId) != (transfer.DebitAccountId, transfer.CreditAccountId))
            return TransferRefusal.PendingAccountsDiffer;
        if (transfer.Amount > (transfer.Kind is TransferKind.VoidPending ? Money.Zero : pending.Amount))
            return TransferRefusal.AmountExceedsPending;
        return Held().Contains(pending) ? null : TransferRefusal.PendingAlreadyResolved;
    }
}
