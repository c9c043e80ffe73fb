using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Faults.Load;

/// <summary>A set of linked transfers that was sent to a ledger.</summary>
/// <param name="Transfers">All or none of them.</param>
internal sealed record SentSet(IReadOnlyList<Transfer> Transfers)
{
    /// <summary>Whether the ledger has answered.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Whether it has taken the set.</summary>
    public bool IsAccepted { get; private set; }

    public void Answer(bool isAccepted) => (IsAccepted, IsAnswered) = (isAccepted, true);
}

/// <summary>Moves money between accounts of its own as a market does: deposits, holds, captures with their shares, releases, and payments that it may not afford.</summary>
/// <param name="ids">Of transfers.</param>
/// <param name="accounts">The cell's.</param>
/// <param name="wallet">Pays.</param>
/// <param name="creator">Earns.</param>
/// <param name="seed">Of its chance.</param>
internal sealed class LedgerWriter(IdSource ids, SystemAccounts accounts, Id<Account> wallet, Id<Account> creator, int seed)
{
    private const int MostHeld = 5;

    private readonly Random _random = new(seed);
    private readonly List<Transfer> _held = [];

    /// <summary>All that it has sent, in order.</summary>
    public List<SentSet> Sent { get; } = [];

    /// <summary>Sends one set, and notes the answer when there is one.</summary>
    public async Task SendAsync(ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var set = new SentSet(Make());
        lock (Sent)
            Sent.Add(set);
        var outcome = await ledger.ApplyAsync(set.Transfers, cancellationToken);
        if (outcome.Refusal is { Code: not TransferRefusal.InsufficientFunds } refused)
            throw new FaultException($"The ledger refused {set.Transfers[0].Id}: {refused.Code}: {refused.Detail}");
        if (outcome.Refusal is null && set.Transfers is [{ Kind: TransferKind.Pending } hold])
            _held.Add(hold);
        set.Answer(outcome.Refusal is null);
    }

    private IReadOnlyList<Transfer> Make()
    {
        var what = _random.Next(10);
        if (_held.Count > 0 && (what < 4 || _held.Count == MostHeld))
        {
            var hold = _held[_random.Next(_held.Count)];
            _held.Remove(hold);
            return what == 0 ? [Resolve(hold, TransferKind.VoidPending, 0, TransferPurpose.TaskRelease)] : Capture(hold);
        }

        return what switch
        {
            < 6 => [Move(TransferKind.Posted, accounts.World, wallet, _random.Next(1, 1_000), TransferPurpose.Deposit)],
            < 9 => [Move(TransferKind.Pending, wallet, accounts.Clearing, _random.Next(3, 500), TransferPurpose.TaskHold)],
            _ => [Move(TransferKind.Posted, wallet, creator, _random.Next(1, 2_000), TransferPurpose.Deposit)],
        };
    }

    private Transfer[] Capture(Transfer hold)
    {
        var price = _random.Next(3, (int)hold.Amount.Nanodollars + 1);
        return
        [
            Resolve(hold, TransferKind.PostPending, price, TransferPurpose.TaskCapture),
            Move(TransferKind.Posted, accounts.Clearing, creator, price - 2, TransferPurpose.CreatorShare),
            Move(TransferKind.Posted, accounts.Clearing, accounts.Node, 1, TransferPurpose.NodeShare),
            Move(TransferKind.Posted, accounts.Clearing, accounts.Platform, 1, TransferPurpose.PlatformShare),
        ];
    }

    private Transfer Resolve(Transfer hold, TransferKind kind, long amount, TransferPurpose purpose) =>
        Move(kind, hold.DebitAccountId, hold.CreditAccountId, amount, purpose) with { PendingId = hold.Id };

    private Transfer Move(TransferKind kind, Id<Account> debit, Id<Account> credit, long amount, TransferPurpose purpose) =>
        new(ids.Next<Transfer>(), kind, debit, credit, new Money(amount), null, purpose, "faults", TimeProvider.System.GetUtcNow());
}
