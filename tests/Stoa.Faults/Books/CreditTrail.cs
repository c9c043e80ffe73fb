using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>A task that was held of credit which did not suffice, as it is stored.</summary>
/// <param name="Task">The task.</param>
/// <param name="Credit">What was there of credit.</param>
/// <param name="OwnPaid">What it has cost of own money; null while it is held.</param>
internal sealed record StoredCreditHold(string Task, Money Credit, Money? OwnPaid);

/// <summary>Follows credit through a journal: it is spent before own money is, and what joins it of that and is not needed goes back, once.</summary>
/// <param name="accounts">Those for credit.</param>
/// <param name="broken">Told of what is not so.</param>
internal sealed class CreditTrail(IReadOnlySet<Id<Account>> accounts, Action<string> broken)
{
    private readonly Dictionary<Id<Account>, Money> _available = [];
    private readonly Dictionary<Id<Transfer>, Money> _holds = [];
    private readonly Dictionary<string, Money> _joined = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Money> _returned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Money> _captured = new(StringComparer.Ordinal);
    private readonly HashSet<string> _joining = new(StringComparer.Ordinal);

    /// <summary>What was given.</summary>
    public Money Given { get; private set; }

    /// <summary>What of it was not spent in time.</summary>
    public Money Expired { get; private set; }

    /// <summary>What tasks have captured of these accounts, with the own money that had joined.</summary>
    public Money Captured => Sum(_captured.Values);

    /// <summary>Own money that has joined and not gone back.</summary>
    public Money Own => Sum(_joined.Values) - Sum(_returned.Values);

    /// <summary>Of how many tasks own money has joined.</summary>
    public int JoinedCount => _joined.Count;

    /// <summary>The next transfer of the journal.</summary>
    public void Add(Transfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        var (isOut, isIn) = (accounts.Contains(transfer.DebitAccountId), accounts.Contains(transfer.CreditAccountId));
        if (!isOut && !isIn)
            return;
        switch (transfer.Purpose)
        {
            case TransferPurpose.PlanCredit when isIn:
                Given += transfer.Amount;
                Move(transfer.CreditAccountId, transfer.Amount);
                break;
            case TransferPurpose.CreditExpiry when isOut:
                Expired += transfer.Amount;
                Move(transfer.DebitAccountId, -transfer.Amount);
                break;
            case TransferPurpose.CreditTopUp when isIn:
                if (!_joined.TryAdd(transfer.Cause, transfer.Amount))
                    broken($"Own money has joined the credit of {transfer.Cause} twice.");
                _joining.Add(transfer.Cause);
                Move(transfer.CreditAccountId, transfer.Amount);
                break;
            case TransferPurpose.CreditReturn when isOut:
                _returned[transfer.Cause] = _returned.GetValueOrDefault(transfer.Cause) + transfer.Amount;
                Move(transfer.DebitAccountId, -transfer.Amount);
                break;
            case TransferPurpose.TaskHold when isOut:
                _holds[transfer.Id] = transfer.Amount;
                Move(transfer.DebitAccountId, -transfer.Amount);
                if (_joining.Remove(transfer.Cause) && _available[transfer.DebitAccountId] != Money.Zero)
                    broken($"Own money has joined the credit of {transfer.Cause}, of which {_available[transfer.DebitAccountId]} was left.");
                break;
            case TransferPurpose.TaskCapture or TransferPurpose.TaskRelease when isOut && transfer.PendingId is { } pending && _holds.Remove(pending, out var held):
                Move(transfer.DebitAccountId, held - transfer.Amount);
                _captured[transfer.Cause] = _captured.GetValueOrDefault(transfer.Cause) + transfer.Amount;
                break;
            default:
                broken($"{transfer.Id} moves credit for a {transfer.Purpose} of {transfer.Cause}.");
                break;
        }
    }

    /// <summary>Holds it against what is stored, when all tasks have ended.</summary>
    public void Close(IReadOnlyCollection<StoredCreditHold> stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        foreach (var hold in stored)
        {
            var (own, captured) = (_joined.GetValueOrDefault(hold.Task) - _returned.GetValueOrDefault(hold.Task), _captured.GetValueOrDefault(hold.Task));
            var needed = captured > hold.Credit ? captured - hold.Credit : Money.Zero;
            if (hold.OwnPaid is not { } paid)
                broken($"{hold.Task} still holds own money beside credit.");
            else if (paid != own || paid != needed)
                broken($"{hold.Task} has captured {captured} of {hold.Credit} credit and own money; of that {paid} is said to have been paid, {own} was moved, and {needed} was needed.");
        }

        foreach (var task in _joined.Keys.Concat(_returned.Keys).Distinct().Except(stored.Select(hold => hold.Task)))
            broken($"Own money has joined the credit of {task}, or come back, and nothing is stored of it.");
    }

    private void Move(Id<Account> account, Money amount) => _available[account] = _available.GetValueOrDefault(account) + amount;

    private static Money Sum(IEnumerable<Money> amounts) => amounts.Aggregate(Money.Zero, (sum, amount) => sum + amount);
}
