using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>What is wrong with a journal, or with what is said of it.</summary>
public enum JournalFault
{
    /// <summary>A block is missing, or it or one before it was changed: its hash does not follow.</summary>
    ChainBroken,

    /// <summary>An entry cannot be read.</summary>
    EntryUnreadable,

    /// <summary>An entry names another one as the account's entry before it than the one that is.</summary>
    TrailBroken,

    /// <summary>An amount is negative, or zero where something has to move, or an account pays itself.</summary>
    EntryInvalid,

    /// <summary>A hold is resolved that is not open, between other accounts, or by more than it holds.</summary>
    HoldInvalid,

    /// <summary>An account was below its limit.</summary>
    BelowLimit,

    /// <summary>An account is stated with other balances than the entries come to.</summary>
    BalanceDiffers,

    /// <summary>The posted balances do not come to zero, or something rests in a clearing account.</summary>
    NotBalanced,

    /// <summary>The journal ends elsewhere than a checkpoint or the ledger says.</summary>
    HeadDiffers,
}

/// <summary>One fault.</summary>
/// <param name="Fault">What is wrong.</param>
/// <param name="Detail">Where, for a person.</param>
public sealed record JournalFinding(JournalFault Fault, string Detail);

/// <summary>One line of a trial balance.</summary>
/// <param name="AccountId">The account.</param>
/// <param name="Debits">All that was ever posted out of it, in nanodollars.</param>
/// <param name="Credits">All that was ever posted into it.</param>
/// <param name="PendingDebits">What is held on it.</param>
/// <param name="PendingCredits">What is announced to it.</param>
/// <param name="Entries">How many entries name it.</param>
public sealed record TrialBalanceLine(
    Id<Account> AccountId, Int128 Debits, Int128 Credits, Int128 PendingDebits, Int128 PendingCredits, long Entries)
{
    /// <summary>Credits less debits.</summary>
    public Int128 Posted => Credits - Debits;
}

/// <summary>Goes through a journal from its beginning and adds all of it up anew, by arithmetic that owes nothing to <see cref="LedgerRules"/>.</summary>
/// <remarks>It needs memory for the accounts and the open holds, not for the entries.</remarks>
public sealed class JournalAudit
{
    // One broken block breaks each one after it: a person needs the first.
    private const int MaxFindings = 100;

    private readonly Dictionary<Guid, Line> _lines = [];
    private readonly Dictionary<Guid, Transfer> _holds = [];
    private readonly Dictionary<Guid, StatedAccount> _stated = [];
    private readonly List<JournalFinding> _findings = [];

    /// <param name="accounts">All accounts, as they were at some time before the last block was read: of each it is known which entry was its latest then, and there
    /// its balances are compared. So the ledger may go on while it is audited.</param>
    public JournalAudit(IEnumerable<StatedAccount> accounts)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        foreach (var stated in accounts)
        {
            _stated[stated.Account.Id.Uuid] = stated;
            if (stated.Latest == JournalPlace.None)
                Compare(stated.Account, new Line());
        }
    }

    /// <summary>How far it has come.</summary>
    public JournalHead Head { get; private set; } = JournalHead.Empty;

    /// <summary>How many entries were read.</summary>
    public long EntryCount { get; private set; }

    /// <summary>How many faults there are in all.</summary>
    public long FindingCount { get; private set; }

    /// <summary>The first hundred faults.</summary>
    public IReadOnlyList<JournalFinding> Findings => _findings;

    /// <summary>The trial balance, in the order of the accounts' ids.</summary>
    public IReadOnlyList<TrialBalanceLine> Lines => [.. _lines.OrderBy(pair => pair.Key).Select(pair => pair.Value.ToLine(new Id<Account>(pair.Key)))];

    /// <summary>Reads the next block.</summary>
    public void Add(JournalBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        if (!block.Follows(Head))
            Find(JournalFault.ChainBroken, $"Block {block.Number} does not follow block {Head.Number}, or it was changed.");
        Head = block.Head;
        for (var index = 0; index < block.Count; index++)
        {
            JournalEntry entry;
            try
            {
                entry = block.Read(index);
            }
            catch (Exception broken) when (broken is FormatException or ArgumentException)
            {
                Find(JournalFault.EntryUnreadable, $"Entry {index} of block {block.Number}: {broken.Message}");
                continue;
            }

            EntryCount++;
            Enter(entry, JournalPlace.Of(block.Number, index));
        }
    }

    /// <summary>Holds what an account is said to have against what its entries come to.</summary>
    private void Compare(Account account, Line line)
    {
        var (posted, debits, credits) = (line.Credits - line.Debits, line.PendingDebits, line.PendingCredits);
        if (posted != account.Posted.Nanodollars || debits != account.PendingDebits.Nanodollars || credits != account.PendingCredits.Nanodollars)
        {
            Find(
                JournalFault.BalanceDiffers,
                $"{account.Id} is said to have {account.Posted.Nanodollars} posted, {account.PendingDebits.Nanodollars} and {account.PendingCredits.Nanodollars} pending; its entries come to {posted}, {debits} and {credits}.");
        }
    }

    /// <summary>Looks at what has to hold of the whole.</summary>
    /// <param name="head">Where the journal is said to end; null when nobody says.</param>
    public void Close(JournalHead? head)
    {
        Int128 posted = 0, pending = 0;
        foreach (var (id, line) in _lines)
        {
            posted += line.Credits - line.Debits;
            pending += line.PendingCredits - line.PendingDebits;
            if (_stated.GetValueOrDefault(id)?.Account.Kind is AccountKind.Clearing && line.Credits != line.Debits)
                Find(JournalFault.NotBalanced, $"{line.Credits - line.Debits} nanodollars rest in the clearing account {new Id<Account>(id)}.");
        }

        foreach (var (account, latest) in _stated.Values)
        {
            if (latest.Block > Head.Number)
                Find(JournalFault.BalanceDiffers, $"{account.Id} is said to have an entry in block {latest.Block}, and the journal ends with block {Head.Number}.");
        }

        if (posted != 0 || pending != 0)
            Find(JournalFault.NotBalanced, $"The posted balances come to {posted} nanodollars and the pending ones to {pending}, not to zero.");
        if (head is not null && head != Head)
            Find(JournalFault.HeadDiffers, $"The journal ends with block {Head.Number}, {Head.Hash}; it is said to end with block {head.Number}, {head.Hash}.");
    }

    private void Enter(JournalEntry entry, JournalPlace place)
    {
        var transfer = entry.Transfer;
        var (debit, credit) = (LineOf(transfer.DebitAccountId), LineOf(transfer.CreditAccountId));
        if (debit.Latest != entry.DebitBefore || credit.Latest != entry.CreditBefore)
            Find(JournalFault.TrailBroken, $"{transfer.Id} does not name the entries before it of its accounts.");
        (debit.Latest, credit.Latest) = (place, place);
        debit.Entries++;
        credit.Entries++;
        var amount = transfer.Amount.Nanodollars;
        if (amount < 0 || (amount == 0 && !transfer.IsResolution) || transfer.DebitAccountId == transfer.CreditAccountId)
            Find(JournalFault.EntryInvalid, $"{transfer.Id} moves {amount} nanodollars from {transfer.DebitAccountId} to {transfer.CreditAccountId}.");

        if (transfer.Kind is TransferKind.Pending)
        {
            debit.PendingDebits += amount;
            credit.PendingCredits += amount;
            if (!_holds.TryAdd(transfer.Id.Uuid, transfer))
                Find(JournalFault.EntryInvalid, $"{transfer.Id} is in the journal twice.");
        }
        else
        {
            if (transfer.IsResolution)
                Resolve(transfer, debit, credit);
            debit.Debits += amount;
            credit.Credits += amount;
        }

        Check(transfer.DebitAccountId, debit, transfer, place);
        Check(transfer.CreditAccountId, credit, transfer, place);
    }

    private void Resolve(Transfer transfer, Line debit, Line credit)
    {
        if (transfer.PendingId is not { } pending || !_holds.Remove(pending.Uuid, out var hold))
        {
            Find(JournalFault.HoldInvalid, $"{transfer.Id} resolves {transfer.PendingId}, which is not open.");
            return;
        }

        if (hold.DebitAccountId != transfer.DebitAccountId || hold.CreditAccountId != transfer.CreditAccountId
            || transfer.Amount > (transfer.Kind is TransferKind.PostPending ? hold.Amount : Money.Zero))
        {
            Find(JournalFault.HoldInvalid, $"{transfer.Id} resolves {hold.Id} between other accounts, or by more than it holds.");
        }

        debit.PendingDebits -= hold.Amount.Nanodollars;
        credit.PendingCredits -= hold.Amount.Nanodollars;
    }

    private void Check(Id<Account> id, Line line, Transfer transfer, JournalPlace place)
    {
        if (!_stated.TryGetValue(id.Uuid, out var stated))
            return;
        if (stated.Latest == place)
            Compare(stated.Account, line);
        if (!stated.Account.MayOverdraw && line.Credits - line.Debits < line.PendingDebits)
            Find(JournalFault.BelowLimit, $"{id} is below zero after {transfer.Id}.");
    }

    private Line LineOf(Id<Account> id)
    {
        if (!_lines.TryGetValue(id.Uuid, out var line))
            _lines.Add(id.Uuid, line = new Line());
        return line;
    }

    /// <summary>Adds what somebody else has found about it.</summary>
    public void Report(JournalFault fault, string detail) => Find(fault, detail);

    private void Find(JournalFault fault, string detail)
    {
        FindingCount++;
        if (_findings.Count < MaxFindings)
            _findings.Add(new JournalFinding(fault, detail));
    }

    private sealed class Line
    {
        public Int128 Debits { get; set; }

        public Int128 Credits { get; set; }

        public Int128 PendingDebits { get; set; }

        public Int128 PendingCredits { get; set; }

        public long Entries { get; set; }

        public JournalPlace Latest { get; set; }

        public TrialBalanceLine ToLine(Id<Account> id) => new(id, Debits, Credits, PendingDebits, PendingCredits, Entries);
    }
}

/// <summary>An account as the ledger states it.</summary>
/// <param name="Account">With its balances.</param>
/// <param name="Latest">The entry after which it has them; <see cref="JournalPlace.None"/> when it has no entry.</param>
public sealed record StatedAccount(Account Account, JournalPlace Latest);
