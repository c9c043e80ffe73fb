using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>The ledger of one cell, by the ledger's own rules: accounts, and the journal that they follow from.</summary>
internal sealed class Books(IdSource ids, TimeProvider time)
{
    private readonly Dictionary<Id<Account>, Account> _accounts = [];
    private readonly Dictionary<Id<Transfer>, Transfer> _byId = [];
    private readonly List<Transfer> _journal = [];
    private readonly HashSet<Id<Transfer>> _resolved = [];

    public IReadOnlyCollection<Account> Accounts => _accounts.Values;

    public IReadOnlyList<Transfer> Journal => _journal;

    /// <summary>A fault to plant: transfers whose money arrives nowhere.</summary>
    public Func<Transfer, bool> Loses { get; set; } = _ => false;

    public Account this[Id<Account> id] => _accounts[id];

    public Id<Account> Open(string owner, AccountKind kind)
    {
        var account = Account.Open(ids.Next<Account>(), owner, kind, time.GetUtcNow());
        _accounts.Add(account.Id, account);
        return account.Id;
    }

    /// <summary>Enters a linked set, or nothing of it.</summary>
    public Refusal<TransferRefusal>? Apply(IReadOnlyList<Transfer> linked)
    {
        var named = linked.SelectMany(transfer => new[] { transfer.DebitAccountId, transfer.CreditAccountId }).Distinct().Where(_accounts.ContainsKey).Select(id => _accounts[id]);
        var known = linked.SelectMany(transfer => new[] { transfer.Id, transfer.PendingId }).OfType<Id<Transfer>>().Distinct().Where(_byId.ContainsKey).Select(id => _byId[id]).ToList();
        var resolved = known.Where(transfer => _resolved.Contains(transfer.Id)).Select(transfer => transfer.Id).ToHashSet();
        if (!LedgerRules.Apply(linked, new LedgerState([.. named], known, resolved)).TryGet(out var change, out var refusal))
            return refusal;
        foreach (var transfer in change.Added)
        {
            _byId.Add(transfer.Id, transfer);
            _journal.Add(transfer);
            if (transfer.PendingId is { } pending)
                _resolved.Add(pending);
        }

        var lost = change.Added.Where(Loses).Select(transfer => transfer.CreditAccountId).ToHashSet();
        foreach (var account in change.Accounts.Where(account => !lost.Contains(account.Id)))
            _accounts[account.Id] = account;
        return null;
    }

    /// <summary>One transfer at once and for good, which has to be possible.</summary>
    public Transfer Post(Id<Account> debit, Id<Account> credit, Money amount, TransferPurpose purpose, string cause) =>
        new(ids.Next<Transfer>(), TransferKind.Posted, debit, credit, amount, null, purpose, cause, time.GetUtcNow().ToMilliseconds());
}
