using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>What the ledger must know to judge a linked set.</summary>
/// <param name="Accounts">Those that the set names, as far as they exist.</param>
/// <param name="Transfers">Those of the journal that bear an id of the set, or that the set resolves.</param>
/// <param name="Resolved">The pending transfers among them that are resolved.</param>
public sealed record LedgerState(
    IReadOnlyList<Account> Accounts,
    IReadOnlyList<Transfer> Transfers,
    IReadOnlySet<Id<Transfer>> Resolved);

/// <summary>What an accepted set changes.</summary>
/// <param name="Applied">The whole set as it stands in the journal, in order.</param>
/// <param name="Added">Those of it that are new: to be written to the journal.</param>
/// <param name="Accounts">The accounts whose balances change, with their new balances.</param>
public sealed record LedgerChange(
    IReadOnlyList<Transfer> Applied,
    IReadOnlyList<Transfer> Added,
    IReadOnlyList<Account> Accounts);

/// <summary>The rules of double entry, without any storage.</summary>
/// <remarks>
/// The model is that of accounting with two-phase transfers: <c>Posted</c> moves money; <c>Pending</c> holds it, and
/// is resolved at most once, by <c>PostPending</c> (all or a part; the rest is released) or <c>VoidPending</c>.
/// <code>
///   Posted ──────────────────────────► posted
///   Pending ──► held ──PostPending───► posted
///                    └─VoidPending───► released
/// </code>
/// What holds after every set: posted balances sum to zero; pending debits and pending credits have the same sum; no
/// account of another kind than the world has less posted than held; for every account, posted minus pending debits and posted plus pending
/// credits are within ±(2⁶³−1) nanodollars, so no balance can run over when a hold is resolved; clearing accounts have
/// nothing posted.
/// </remarks>
public static class LedgerRules
{
    /// <summary>Judges a linked set: its transfers are applied in order, each seeing those before it, and all of them or none.</summary>
    /// <remarks>A transfer whose id is in the journal already moves nothing again, if it says the same.</remarks>
    /// <exception cref="ArgumentException">The set is not one: a transfer that resolves nothing names a pending one, or money is left in a clearing account.</exception>
    public static Outcome<LedgerChange, TransferRefusal> Apply(IReadOnlyList<Transfer> linked, LedgerState state)
    {
        ArgumentNullException.ThrowIfNull(linked);
        ArgumentNullException.ThrowIfNull(state);
        var books = new Books(state, linked.Count);
        return books.EnterSet(linked) is { } refusal ? refusal : books.Close();
    }

    /// <summary>Judges linked sets one after another, each seeing those before it that were accepted: what is refused takes no other with it.</summary>
    /// <returns>For each set its refusal, or null when it was accepted; and what all those that were accepted change.</returns>
    /// <exception cref="ArgumentException">One of the sets is not one.</exception>
    public static (IReadOnlyList<Refusal<TransferRefusal>?> Refusals, LedgerChange Change) ApplyEach(
        IReadOnlyList<IReadOnlyList<Transfer>> sets, LedgerState state)
    {
        ArgumentNullException.ThrowIfNull(sets);
        ArgumentNullException.ThrowIfNull(state);
        var books = new Books(state, sets.Count);
        var refusals = new Refusal<TransferRefusal>?[sets.Count];
        for (var index = 0; index < sets.Count; index++)
            refusals[index] = books.EnterSet(sets[index]);
        return (refusals, books.Close());
    }

    /// <summary>An account while sets are applied.</summary>
    /// <remarks>Changed in place: a set of two transfers would otherwise make a new account four times.</remarks>
    private sealed class Balance(Account account)
    {
        private long _postedBefore;
        private long _debitsBefore;
        private long _creditsBefore;
        private int _changedBy;

        public Id<Account> Id => account.Id;

        public bool IsClearing => account.Kind is AccountKind.Clearing;

        public bool MayOverdraw => account.MayOverdraw;

        public long Posted { get; set; } = account.Posted.Nanodollars;

        public long PendingDebits { get; set; } = account.PendingDebits.Nanodollars;

        public long PendingCredits { get; set; } = account.PendingCredits.Nanodollars;

        /// <summary>What may still be spent. Never out of range: posted less pending debits is not.</summary>
        public long Available => Posted - PendingDebits;

        /// <summary>Keeps what it was before a set, unless the set has changed it already; then false.</summary>
        public bool Mark(int set)
        {
            if (_changedBy == set)
                return false;
            (_postedBefore, _debitsBefore, _creditsBefore) = (Posted, PendingDebits, PendingCredits);
            _changedBy = set;
            return true;
        }

        public void Undo() => (Posted, PendingDebits, PendingCredits) = (_postedBefore, _debitsBefore, _creditsBefore);

        public bool IsChanged => (Posted, PendingDebits, PendingCredits)
            != (account.Posted.Nanodollars, account.PendingDebits.Nanodollars, account.PendingCredits.Nanodollars);

        public Account ToAccount() => account with
        {
            Posted = new Money(Posted),
            PendingDebits = new Money(PendingDebits),
            PendingCredits = new Money(PendingCredits),
        };
    }

    /// <summary>The state while sets are applied.</summary>
    private sealed class Books
    {
        // By UUID: of a generic id the runtime shares the code of all kinds, and a dictionary of it looks each kind up at every comparison.
        private readonly Dictionary<Guid, Balance> _balances;
        private readonly Dictionary<Guid, Transfer> _journal;
        private readonly HashSet<Guid> _resolved = [];
        private readonly List<Transfer> _applied;
        private readonly List<Transfer> _added;

        // What the set that is being entered has changed, to be put back when it is refused.
        private readonly List<Balance> _touched = [];
        private readonly List<Guid> _resolvedBySet = [];
        private int _set;

        public Books(LedgerState before, int count)
        {
            _balances = new Dictionary<Guid, Balance>(before.Accounts.Count);
            foreach (var account in before.Accounts)
                _balances.Add(account.Id.Uuid, new Balance(account));
            _journal = new Dictionary<Guid, Transfer>(before.Transfers.Count + count);
            foreach (var transfer in before.Transfers)
                _journal.Add(transfer.Id.Uuid, transfer);
            (_applied, _added) = (new List<Transfer>(count), new List<Transfer>(count));
            foreach (var id in before.Resolved)
                _resolved.Add(id.Uuid);
        }

        /// <summary>Enters all of a set, or nothing.</summary>
        public Refusal<TransferRefusal>? EnterSet(IReadOnlyList<Transfer> linked)
        {
            var (applied, added) = (_applied.Count, _added.Count);
            _touched.Clear();
            _resolvedBySet.Clear();
            _set++;
            for (var index = 0; index < linked.Count; index++)
            {
                if (Enter(linked[index]) is not { } refusal)
                    continue;
                foreach (var balance in _touched)
                    balance.Undo();
                _resolved.ExceptWith(_resolvedBySet);
                foreach (var undone in _added.Skip(added))
                    _journal.Remove(undone.Id.Uuid);
                _applied.RemoveRange(applied, _applied.Count - applied);
                _added.RemoveRange(added, _added.Count - added);
                return refusal;
            }

            ThrowIfLeftInClearing();
            return null;
        }

        public LedgerChange Close()
        {
            var changed = new List<Account>();
            foreach (var balance in _balances.Values)
            {
                if (balance.IsChanged)
                    changed.Add(balance.ToAccount());
            }

            return new LedgerChange(_applied, _added, changed);
        }

        private Refusal<TransferRefusal>? Enter(Transfer transfer)
        {
            if (_journal.TryGetValue(transfer.Id.Uuid, out var earlier))
            {
                _applied.Add(earlier);
                return earlier.SaysTheSameAs(transfer)
                    ? null
                    : Refuse(TransferRefusal.IdReusedWithOtherContent, $"{transfer.Id} is in the journal with other content. Give the new transfer an id of its own.");
            }
            if ((CheckForm(transfer) ?? Move(transfer)) is { } refusal)
                return refusal;

            _journal.Add(transfer.Id.Uuid, transfer);
            _applied.Add(transfer);
            _added.Add(transfer);
            return null;
        }

        private void ThrowIfLeftInClearing()
        {
            foreach (var balance in _touched)
            {
                if (balance.IsClearing && balance.Posted != 0)
                    throw new ArgumentException($"The linked set leaves {new Money(balance.Posted)} USD in the clearing account {balance.Id}: what is captured must be shared out in the same set.");
            }
        }

        private static Refusal<TransferRefusal>? CheckForm(Transfer transfer)
        {
            if (!transfer.IsResolution && transfer.PendingId is not null)
                throw new ArgumentException($"{transfer.Id} is {transfer.Kind} and resolves nothing, yet names {transfer.PendingId}.");
            if (transfer.Amount < Money.Zero || (transfer.Amount == Money.Zero && !transfer.IsResolution))
                return Refuse(TransferRefusal.AmountNotPositive, $"{transfer.Amount} USD cannot be moved; the amount must be above zero.");
            return transfer.DebitAccountId == transfer.CreditAccountId
                ? Refuse(TransferRefusal.AccountsSame, $"{transfer.DebitAccountId} cannot pay itself.")
                : null;
        }

        private Refusal<TransferRefusal>? Move(Transfer transfer)
        {
            if (!_balances.TryGetValue(transfer.DebitAccountId.Uuid, out var debit))
                return Refuse(TransferRefusal.DebitAccountUnknown, $"The account to be debited, {transfer.DebitAccountId}, does not exist.");
            if (!_balances.TryGetValue(transfer.CreditAccountId.Uuid, out var credit))
                return Refuse(TransferRefusal.CreditAccountUnknown, $"The account to be credited, {transfer.CreditAccountId}, does not exist.");
            return transfer.IsResolution ? Resolve(transfer, debit, credit) : MoveOrHold(transfer, debit, credit);
        }

        private Refusal<TransferRefusal>? MoveOrHold(Transfer transfer, Balance debit, Balance credit)
        {
            var amount = transfer.Amount.Nanodollars;
            if (!debit.MayOverdraw && debit.Available < amount)
            {
                var (needed, available) = (transfer.Amount, new Money(debit.Available));
                return Refuse(
                    TransferRefusal.InsufficientFunds,
                    $"{needed} USD are needed and {available} USD are available: {needed - available} USD are missing.");
            }
            if ((Int128)debit.Available - amount < -long.MaxValue)
                return Refuse(TransferRefusal.BalanceOverflow, $"The balance of {debit.Id} would fall out of range.");
            if ((Int128)credit.Posted + credit.PendingCredits + amount > long.MaxValue)
                return Refuse(TransferRefusal.BalanceOverflow, $"The balance of {credit.Id} would rise out of range.");

            Touch(debit);
            Touch(credit);
            if (transfer.Kind is TransferKind.Pending)
            {
                debit.PendingDebits += amount;
                credit.PendingCredits += amount;
            }
            else
            {
                debit.Posted -= amount;
                credit.Posted += amount;
            }
            return null;
        }

        private Refusal<TransferRefusal>? Resolve(Transfer transfer, Balance debit, Balance credit)
        {
            if (transfer.PendingId is not { } pendingId
                || !_journal.TryGetValue(pendingId.Uuid, out var pending)
                || pending.Kind is not TransferKind.Pending)
            {
                return Refuse(TransferRefusal.PendingUnknown, $"There is no pending transfer {transfer.PendingId} to resolve.");
            }
            if (pending.DebitAccountId != debit.Id || pending.CreditAccountId != credit.Id)
                return Refuse(TransferRefusal.PendingAccountsDiffer, $"{pendingId} holds money of {pending.DebitAccountId} for {pending.CreditAccountId}; its resolution must name the same.");
            if (transfer.Amount > (transfer.Kind is TransferKind.PostPending ? pending.Amount : Money.Zero))
                return Refuse(TransferRefusal.AmountExceedsPending, $"{transfer.Amount} USD are more than a {transfer.Kind} of {pendingId} may post: it holds {pending.Amount} USD.");
            if (!_resolved.Add(pendingId.Uuid))
                return Refuse(TransferRefusal.PendingAlreadyResolved, $"{pendingId} was posted or voided before.");

            _resolvedBySet.Add(pendingId.Uuid);
            Touch(debit);
            Touch(credit);
            debit.Posted -= transfer.Amount.Nanodollars;
            debit.PendingDebits -= pending.Amount.Nanodollars;
            credit.Posted += transfer.Amount.Nanodollars;
            credit.PendingCredits -= pending.Amount.Nanodollars;
            return null;
        }

        private void Touch(Balance balance)
        {
            if (balance.Mark(_set))
                _touched.Add(balance);
        }

        private static Refusal<TransferRefusal> Refuse(TransferRefusal code, string detail) => new(code, detail);
    }
}
