using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Ledger;

/// <summary>Whatever is sent to the ledger, it does what a plain reading of the rules does, and its sums hold.</summary>
public abstract class LedgerProperties(DatabaseSource source) : DatabaseTest(source)
{
    private const int Wallets = 4;

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private SqlLedgerStore Ledger => new(Database);

    [Fact]
    public void Sets_AppliedOneByOne_LeaveWhatTheModelLeaves() =>
        Prop.ForAll(Arb.From(Gen.ListOf(SetOfSteps(), 20)), sets => RunOneByOneAsync(sets).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    [Fact]
    public void Sets_AppliedSideBySide_LeaveSumsAndJournalInAgreement() =>
        Prop.ForAll(Arb.From(Gen.ListOf(SetOfSteps(), 40)), sets => RunSideBySideAsync(sets).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(5));

    /// <summary>What a caller tries, by the number of the account or of an earlier transfer; numbers are taken modulo how many there are.</summary>
    private sealed record Step(TransferKind Kind, int Debit, int Credit, int Amount, int Earlier, bool IsSentAgain, bool NamesPendingAccounts);

    private static Gen<IReadOnlyList<Step>> SetOfSteps()
    {
        var kind = Gen.Frequency(
            (4, Gen.Constant(TransferKind.Posted)),
            (5, Gen.Constant(TransferKind.Pending)),
            (4, Gen.Constant(TransferKind.PostPending)),
            (2, Gen.Constant(TransferKind.VoidPending)));
        var step =
            from what in kind
            from debit in Gen.Frequency((2, Gen.Constant(0)), (3, Gen.Choose(0, Wallets)))
            from credit in Gen.Choose(0, Wallets)
            from amount in Gen.Frequency((1, Gen.Choose(-1, 1)), (8, Gen.Choose(1, 60)))
            from earlier in Gen.Choose(0, 1000)
            from again in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
            from accounts in Gen.Frequency((1, Gen.Constant(false)), (9, Gen.Constant(true)))
            select new Step(what, debit, credit, what is TransferKind.VoidPending && amount > 10 ? 0 : amount, earlier, again, accounts);
        return from size in Gen.Frequency((4, Gen.Constant(1)), (3, Gen.Choose(2, 4)))
               from steps in Gen.ListOf(step, size)
               select (IReadOnlyList<Step>)[.. steps];
    }

    private async Task<bool> RunOneByOneAsync(IEnumerable<IReadOnlyList<Step>> sets)
    {
        var accounts = await OpenAccountsAsync();
        var model = new LedgerModel([accounts[0]]);
        var sent = new List<Transfer>();
        foreach (var set in sets)
        {
            var transfers = set.Select(step => Make(step, accounts, sent)).ToList();
            var outcome = await Ledger.ApplyAsync(transfers, Stop);
            (outcome.Refusal?.Code).ShouldBe(model.Apply(transfers));
            foreach (var account in accounts)
                (await BalanceAsync(account)).ShouldBe(model.Balance(account));
        }
        await CheckJournalAsync(accounts, model.Journal);
        await CheckSumsAsync();
        return true;
    }

    private async Task<bool> RunSideBySideAsync(IEnumerable<IReadOnlyList<Step>> sets)
    {
        var accounts = await OpenAccountsAsync();
        var sent = new List<Transfer>();
        var all = sets.Select(set => set.Select(step => Make(step, accounts, sent)).ToList()).ToList();

        var outcomes = await Task.WhenAll(all.Select(set => Ledger.ApplyAsync(set, Stop)));

        // Which sets were accepted depends on the order that the database chose. Whatever it was, the journal explains it.
        var journal = await ReadJournalAsync(accounts);
        var model = new LedgerModel([accounts[0]]);
        foreach (var entry in journal)
            model.Apply([entry]).ShouldBeNull();
        foreach (var account in accounts)
            (await BalanceAsync(account)).ShouldBe(model.Balance(account));
        var uses = all.SelectMany(set => set.DistinctBy(transfer => transfer.Id)).CountBy(transfer => transfer.Id).ToDictionary();
        var entered = journal.Select(entry => entry.Id).ToHashSet();
        foreach (var (set, outcome) in all.Zip(outcomes))
        {
            if (outcome.Refusal is null)
                set.ShouldAllBe(transfer => entered.Contains(transfer.Id));
            else
                set.Where(transfer => uses[transfer.Id] == 1).ShouldAllBe(transfer => !entered.Contains(transfer.Id));
        }
        await CheckSumsAsync();
        return true;
    }

    private Transfer Make(Step step, IReadOnlyList<Id<Account>> accounts, List<Transfer> sent)
    {
        var earlier = sent.Count == 0 ? null : sent[step.Earlier % sent.Count];
        if (step.IsSentAgain && earlier is not null)
            return step.NamesPendingAccounts ? earlier : earlier with { Amount = new Money(step.Amount) };

        var resolves = step.Kind is TransferKind.PostPending or TransferKind.VoidPending;
        var pendings = sent.Where(transfer => transfer.Kind is TransferKind.Pending).ToList();
        var pending = resolves && pendings.Count > 0 ? pendings[step.Earlier % pendings.Count] : null;
        var (debit, credit) = pending is not null && step.NamesPendingAccounts
            ? (pending.DebitAccountId, pending.CreditAccountId)
            : (accounts[step.Debit], accounts[step.Credit]);
        var transfer = new Transfer(
            _ids.Next<Transfer>(), step.Kind, debit, credit, new Money(step.Amount), resolves ? (pending ?? earlier)?.Id : null,
            TransferPurpose.TaskHold, "test", DateTimeOffset.UnixEpoch);
        sent.Add(transfer);
        return transfer;
    }

    /// <summary>The world, then wallets that nobody else uses.</summary>
    private async Task<IReadOnlyList<Id<Account>>> OpenAccountsAsync()
    {
        var opened = new List<Id<Account>>();
        for (var number = 0; number <= Wallets; number++)
        {
            var id = _ids.Next<Account>();
            var kind = number == 0 ? AccountKind.World : AccountKind.Wallet;
            opened.Add((await Ledger.OpenAccountAsync(Account.Open(id, id.ToString(), kind, DateTimeOffset.UnixEpoch), Stop)).Id);
        }
        return opened;
    }

    private async Task<(long, long, long)> BalanceAsync(Id<Account> id)
    {
        var account = (await Ledger.GetAccountAsync(id, Stop))!;
        return (account.Posted.Nanodollars, account.PendingDebits.Nanodollars, account.PendingCredits.Nanodollars);
    }

    private async Task<List<Transfer>> ReadJournalAsync(IReadOnlyList<Id<Account>> accounts) =>
        [.. (await Ledger.ReadTransfersAsync(Stop)).Where(transfer => accounts.Contains(transfer.DebitAccountId))];

    private async Task CheckJournalAsync(IReadOnlyList<Id<Account>> accounts, IReadOnlyList<Transfer> expected) =>
        (await ReadJournalAsync(accounts)).ShouldBe(expected);

    private async Task CheckSumsAsync()
    {
        var totals = await Ledger.TotalAsync(Stop);
        totals.Posted.ShouldBe(Money.Zero);
        totals.Clearing.ShouldBe(Money.Zero);
        totals.PendingDebits.ShouldBe(totals.PendingCredits);
        var journal = await Ledger.ReadTransfersAsync(Stop);
        var resolved = journal.Select(transfer => transfer.PendingId).ToHashSet();
        totals.OpenHolds.ShouldBe(journal.Count(transfer => transfer.Kind is TransferKind.Pending && !resolved.Contains(transfer.Id)));
    }
}

public sealed class SqliteLedgerProperties() : LedgerProperties(new SqliteSource());

[Trait("needs", "postgres")]
[Trait("speed", "slow")]
public sealed class PostgresLedgerProperties(PostgresCluster cluster) : LedgerProperties(new PostgresSource(cluster));
