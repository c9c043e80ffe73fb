using System.Globalization;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Ledger;

/// <summary>A ledger in memory whose accounts and transfers are named by words, for tests that read as tables.</summary>
internal sealed class Books
{
    private static readonly (string Name, AccountKind Kind)[] s_known =
    [
        ("world", AccountKind.World), ("abroad", AccountKind.World), ("ann", AccountKind.Wallet), ("bob", AccountKind.Wallet),
        ("carl", AccountKind.Wallet), ("clearing", AccountKind.Clearing), ("node", AccountKind.Node), ("platform", AccountKind.Platform),
    ];

    private readonly Dictionary<Id<Account>, Account> _accounts = s_known
        .Select(known => Account.Open(NameId<Account>(known.Name), known.Name, known.Kind, DateTimeOffset.UnixEpoch))
        .ToDictionary(account => account.Id);

    private readonly List<Transfer> _journal = [];

    /// <summary>Enters a set and answers why it was refused, or null.</summary>
    public TransferRefusal? Enter(string set) => Apply(Read(set)).Refusal?.Code;

    public Outcome<LedgerChange, TransferRefusal> Apply(IReadOnlyList<Transfer> set)
    {
        var resolved = _journal.Select(transfer => transfer.PendingId).OfType<Id<Transfer>>().ToHashSet();
        var outcome = LedgerRules.Apply(set, new LedgerState([.. _accounts.Values], _journal, resolved));
        if (outcome.TryGet(out var change, out _))
        {
            _journal.AddRange(change.Added);
            foreach (var account in change.Accounts)
                _accounts[account.Id] = account;
        }
        return outcome;
    }

    /// <summary>Reads <c>id kind debit&gt;credit amount [pending]; …</c>.</summary>
    public static IReadOnlyList<Transfer> Read(string set) =>
        [.. set.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ReadOne)];

    /// <summary>The accounts that are not empty: name, posted, then what is held with a minus and what is announced with a plus.</summary>
    public override string ToString()
    {
        string Write(long amount, char sign) => amount == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" {sign}{amount}");
        return string.Join("; ", s_known
            .Select(known => _accounts[NameId<Account>(known.Name)])
            .Where(account => (account.Posted, account.PendingDebits, account.PendingCredits) != (Money.Zero, Money.Zero, Money.Zero))
            .Select(account => string.Create(
                CultureInfo.InvariantCulture,
                $"{account.Owner} {account.Posted.Nanodollars}{Write(account.PendingDebits.Nanodollars, '-')}{Write(account.PendingCredits.Nanodollars, '+')}")));
    }

    private static Transfer ReadOne(string text)
    {
        var words = text.Split(' ');
        var accounts = words[2].Split('>');
        var kind = words[1] switch
        {
            "post" => TransferKind.Posted,
            "hold" => TransferKind.Pending,
            "capture" => TransferKind.PostPending,
            "void" => TransferKind.VoidPending,
            _ => throw new FormatException(text),
        };
        return new Transfer(
            NameId<Transfer>(words[0]),
            kind,
            NameId<Account>(accounts[0]),
            NameId<Account>(accounts[1]),
            new Money(long.Parse(words[3], CultureInfo.InvariantCulture)),
            words.Length > 4 ? NameId<Transfer>(words[4]) : null,
            TransferPurpose.Deposit,
            "test",
            DateTimeOffset.UnixEpoch);
    }

    private static Id<T> NameId<T>(string name) where T : IIdentified
    {
        var bytes = new byte[16];
        System.Text.Encoding.ASCII.GetBytes(name, bytes);
        return new Id<T>(new Guid(bytes));
    }
}
