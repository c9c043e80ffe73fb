using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Ledger;

/// <summary>What every ledger store does. The rules themselves are tested without one.</summary>
public abstract class LedgerStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    private protected IdSource Ids { get; } = new(TimeProvider.System, new Random(1));

    private protected SqlLedgerStore Ledger => new(Database);

    [Fact]
    public async Task OpenAccount_Twice_AnswersTheFirst()
    {
        var first = await OpenAsync("ann");

        var second = await OpenAsync("ann");

        second.ShouldBe(first);
        (await Ledger.GetAccountAsync(first.Id, Stop)).ShouldBe(first);
        (await Ledger.FindAccountAsync("ann", AccountKind.Wallet, Stop)).ShouldBe(first);
    }

    [Fact]
    public async Task OpenAccount_ByManyAtOnce_OpensOne()
    {
        var opened = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => OpenAsync("ann")));

        opened.Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Account_NotThere_IsNull()
    {
        (await Ledger.GetAccountAsync(Ids.Next<Account>(), Stop)).ShouldBeNull();
        (await Ledger.FindAccountAsync("ann", AccountKind.Wallet, Stop)).ShouldBeNull();
        (await Ledger.GetTransferAsync(Ids.Next<Transfer>(), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task SystemAccounts_OpenedAgain_AreTheSame()
    {
        var first = await SystemAccounts.OpenAsync(Ledger, Ids, TimeProvider.System, Stop);
        await ReopenAsync();

        var second = await SystemAccounts.OpenAsync(Ledger, Ids, TimeProvider.System, Stop);

        second.ShouldBe(first);
        (await Ledger.GetAccountAsync(first.World, Stop))!.MayOverdraw.ShouldBeTrue();
    }

    [Fact]
    public async Task SharedAccount_OfWhichManyTakeAtOnce_GivesWhatItHas()
    {
        var accounts = await SystemAccounts.OpenAsync(Ledger, Ids, TimeProvider.System, Stop);
        await AcceptAsync(Make(TransferKind.Posted, accounts.World, accounts.Platform, 1000));
        var takers = await Task.WhenAll(Enumerable.Range(0, 12).Select(number => OpenAsync($"taker {number}")));

        // Each act by itself: the store would put them into one.
        var refusals = await Task.WhenAll(takers.Select(taker => Task.Run(() => Database.WriteAsync(
            async session =>
            {
                var refusal = (await SqlLedger.ApplyAsync(session, [Make(TransferKind.Posted, accounts.Platform, taker.Id, 300)])).Refusal;
                await Task.Delay(20, Stop);
                return refusal?.Code;
            },
            Stop))));

        refusals.Count(refusal => refusal is null).ShouldBe(3);
        refusals.Where(refusal => refusal is not null).Distinct().ShouldBe([TransferRefusal.InsufficientFunds]);
        (await Ledger.GetAccountAsync(accounts.Platform, Stop))!.Posted.ShouldBe(new Money(100));
    }

    [Fact]
    public async Task MainJob_HoldThenCaptureAndShares_MovesEveryNanodollar()
    {
        var accounts = await SystemAccounts.OpenAsync(Ledger, Ids, TimeProvider.System, Stop);
        var (consumer, creator) = (await OpenAsync("consumer"), await OpenAsync("creator"));
        var hold = Make(TransferKind.Pending, consumer.Id, accounts.Clearing, 700, purpose: TransferPurpose.TaskHold);
        await AcceptAsync(Make(TransferKind.Posted, accounts.World, consumer.Id, 1000));
        await AcceptAsync(hold);
        (await Ledger.TotalAsync(Stop)).ShouldBe(new LedgerTotals(Money.Zero, new Money(700), new Money(700), 1, Money.Zero));

        var linked = new[]
        {
            Make(TransferKind.PostPending, consumer.Id, accounts.Clearing, 501, hold.Id, TransferPurpose.TaskCapture),
            Make(TransferKind.Posted, accounts.Clearing, creator.Id, 351, purpose: TransferPurpose.CreatorShare),
            Make(TransferKind.Posted, accounts.Clearing, accounts.Node, 100, purpose: TransferPurpose.NodeShare),
            Make(TransferKind.Posted, accounts.Clearing, accounts.Platform, 50, purpose: TransferPurpose.PlatformShare),
        };
        (await AcceptAsync(linked)).ShouldBe(linked);

        (await BalanceAsync(consumer.Id)).ShouldBe((499, 0, 0));
        (await BalanceAsync(creator.Id)).ShouldBe((351, 0, 0));
        (await BalanceAsync(accounts.Clearing)).ShouldBe((0, 0, 0));
        (await BalanceAsync(accounts.Node)).ShouldBe((100, 0, 0));
        (await BalanceAsync(accounts.Platform)).ShouldBe((50, 0, 0));
        (await BalanceAsync(accounts.World)).ShouldBe((-1000, 0, 0));
        (await Ledger.TotalAsync(Stop)).ShouldBe(new LedgerTotals(Money.Zero, Money.Zero, Money.Zero, 0, Money.Zero));
        foreach (var transfer in linked)
            (await Ledger.GetTransferAsync(transfer.Id, Stop)).ShouldBe(transfer);
    }

    [Fact]
    public async Task Set_AppliedAgain_MovesNothingAndAnswersTheSame()
    {
        var (world, ann) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"));
        var deposit = Make(TransferKind.Posted, world.Id, ann.Id, 10);
        await AcceptAsync(deposit);
        await ReopenAsync();

        (await AcceptAsync(deposit with { CreatedAt = s_now.AddHours(1) })).ShouldBe([deposit]);

        (await BalanceAsync(ann.Id)).ShouldBe((10, 0, 0));
    }

    [Fact]
    public async Task Set_RefusedAtItsEnd_LeavesNothing()
    {
        var (world, ann) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"));
        var deposit = Make(TransferKind.Posted, world.Id, ann.Id, 10);

        var refusal = await RefuseAsync(deposit, Make(TransferKind.Posted, ann.Id, world.Id, 11));

        refusal.ShouldBe(TransferRefusal.InsufficientFunds);
        (await Ledger.GetTransferAsync(deposit.Id, Stop)).ShouldBeNull();
        (await BalanceAsync(ann.Id)).ShouldBe((0, 0, 0));
    }

    [Fact]
    public async Task Refusals_ThatNeedTheJournal_AreFoundInIt()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        var deposit = Make(TransferKind.Posted, world.Id, ann.Id, 10);
        var hold = Make(TransferKind.Pending, ann.Id, bob.Id, 7);
        var release = Make(TransferKind.VoidPending, ann.Id, bob.Id, 0, hold.Id);
        await AcceptAsync(deposit, hold);

        (await RefuseAsync(deposit with { Amount = new Money(11) })).ShouldBe(TransferRefusal.IdReusedWithOtherContent);
        (await RefuseAsync(Make(TransferKind.PostPending, ann.Id, bob.Id, 1, deposit.Id))).ShouldBe(TransferRefusal.PendingUnknown);
        (await RefuseAsync(Make(TransferKind.PostPending, ann.Id, bob.Id, 1, Ids.Next<Transfer>()))).ShouldBe(TransferRefusal.PendingUnknown);
        (await RefuseAsync(Make(TransferKind.PostPending, ann.Id, bob.Id, 8, hold.Id))).ShouldBe(TransferRefusal.AmountExceedsPending);
        await AcceptAsync(release);
        (await RefuseAsync(Make(TransferKind.PostPending, ann.Id, bob.Id, 1, hold.Id))).ShouldBe(TransferRefusal.PendingAlreadyResolved);
        (await RefuseAsync(Make(TransferKind.Posted, ann.Id, Ids.Next<Account>(), 1))).ShouldBe(TransferRefusal.CreditAccountUnknown);
        (await AcceptAsync(release)).ShouldBe([release]);
    }

    [Fact]
    public async Task Hold_ResolvedByManyAtOnce_IsResolvedOnce()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        var hold = Make(TransferKind.Pending, ann.Id, bob.Id, 7);
        await AcceptAsync(Make(TransferKind.Posted, world.Id, ann.Id, 10), hold);

        var outcomes = await Task.WhenAll(Enumerable.Range(1, 7).Select(
            amount => Ledger.ApplyAsync([Make(TransferKind.PostPending, ann.Id, bob.Id, amount, hold.Id)], Stop)));

        var accepted = outcomes.Where(outcome => outcome.Refusal is null).ShouldHaveSingleItem().Value[0];
        outcomes.Count(outcome => outcome.Refusal?.Code == TransferRefusal.PendingAlreadyResolved).ShouldBe(6);
        (await BalanceAsync(bob.Id)).ShouldBe((accepted.Amount.Nanodollars, 0, 0));
    }

    [Fact]
    public async Task Transfer_SentByManyAtOnce_MovesOnce()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        var toAnn = Make(TransferKind.Posted, world.Id, ann.Id, 10);
        // The same id between other accounts: only one of the two may ever be in the journal.
        var toBob = toAnn with { DebitAccountId = ann.Id, CreditAccountId = bob.Id };
        await AcceptAsync(Make(TransferKind.Posted, world.Id, ann.Id, 1000));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            number => Ledger.ApplyAsync([number % 2 == 0 ? toAnn : toBob], Stop)));

        outcomes.Count(outcome => outcome.Refusal is null).ShouldBe(10);
        outcomes.Count(outcome => outcome.Refusal?.Code == TransferRefusal.IdReusedWithOtherContent).ShouldBe(10);
        var kept = await Ledger.GetTransferAsync(toAnn.Id, Stop);
        (await BalanceAsync(bob.Id)).ShouldBe(kept == toAnn ? (0, 0, 0) : (10, 0, 0));
        (await BalanceAsync(world.Id)).ShouldBe(kept == toAnn ? (-1010, 0, 0) : (-1000, 0, 0));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Sets_OfSeveralBlocksAtOnce_AreEnteredButForThoseThatAreRefused(bool isOneTooMuch, bool comesOneTwice)
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        await AcceptAsync(Make(TransferKind.Posted, world.Id, ann.Id, 1_000_000));
        var sets = new List<Transfer[]> { new[] { Make(TransferKind.Posted, ann.Id, bob.Id, 10_000) } };
        for (var number = 0; sets.Count < JournalBlock.MaxCount + 100; number++)
        {
            var hold = Make(TransferKind.Pending, ann.Id, bob.Id, 5);
            sets.Add([hold]);
            // Half of the holds stay open.
            sets.Add([number % 2 == 0 ? Make(TransferKind.Posted, bob.Id, ann.Id, 1) : Make(TransferKind.PostPending, ann.Id, bob.Id, 2, hold.Id)]);
        }

        if (comesOneTwice)
            sets[^1] = sets[41];
        if (isOneTooMuch)
            sets[102] = [Make(TransferKind.Posted, ann.Id, bob.Id, 1), Make(TransferKind.Posted, ann.Id, bob.Id, 2_000_000)];

        var refusals = await Ledger.ApplyEachAsync(sets, Stop);

        refusals.Select((refusal, index) => (refusal, index)).Where(pair => pair.refusal is not null).Select(pair => (pair.refusal!.Code, pair.index))
            .ShouldBe(isOneTooMuch ? [(TransferRefusal.InsufficientFunds, 102)] : []);
        var journal = await Ledger.ReadTransfersAsync(Stop);
        journal.Skip(1).ShouldBe(sets.Where((_, index) => refusals[index] is null).SelectMany(set => set).Distinct());
        foreach (var transfer in journal.Where((_, index) => index % 500 == 0))
            (await Ledger.GetTransferAsync(transfer.Id, Stop)).ShouldBe(transfer);
        var open = journal.Where(transfer => transfer.Kind is TransferKind.Pending).ExceptBy(
            journal.Select(transfer => transfer.PendingId).OfType<Id<Transfer>>(), transfer => transfer.Id).ToList();
        var totals = await Ledger.TotalAsync(Stop);
        (totals.Posted, totals.PendingDebits, totals.OpenHolds).ShouldBe((Money.Zero, new Money(5L * open.Count), open.Count));
        await AcceptAsync([.. open.Take(3).Select(hold => Make(TransferKind.VoidPending, ann.Id, bob.Id, 0, hold.Id))]);
        // Whoever sends all of it again moves nothing.
        (await Ledger.ApplyEachAsync(sets, Stop)).Count(refusal => refusal is not null).ShouldBe(isOneTooMuch ? 1 : 0);
        (await Ledger.ReadTransfersAsync(Stop)).Count.ShouldBe(journal.Count + 3);
    }

    [Fact]
    public async Task Ids_AmongThoseOfManyAtOnce_AreToldFromThem()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        await AcceptAsync(Make(TransferKind.Posted, world.Id, ann.Id, 1_000_000));
        var made = Enumerable.Range(0, (2 * JournalBlock.MaxCount) + 50).Select(_ => Make(TransferKind.Posted, ann.Id, bob.Id, 1)).ToList();
        var later = Enumerable.Range(0, JournalBlock.MaxCount + 50).Select(_ => Make(TransferKind.Posted, ann.Id, bob.Id, 1)).ToList();
        // In the middle of a block, between two, and behind the last.
        int[] heldBack = [500, JournalBlock.MaxCount, made.Count - 1];
        (await Ledger.ApplyEachAsync([.. made.Where((_, index) => !heldBack.Contains(index)).Select(transfer => new[] { transfer })], Stop)).ShouldAllBe(refusal => refusal == null);
        (await Ledger.ApplyEachAsync([.. later.Select(transfer => new[] { transfer })], Stop)).ShouldAllBe(refusal => refusal == null);

        foreach (var index in heldBack)
        {
            (await Ledger.GetTransferAsync(made[index].Id, Stop)).ShouldBeNull();
            (await AcceptAsync(made[index])).ShouldBe([made[index]]);
            (await Ledger.GetTransferAsync(made[index].Id, Stop)).ShouldBe(made[index]);
        }

        (await Ledger.ApplyEachAsync([.. made.Concat(later).Select(transfer => new[] { transfer })], Stop)).ShouldAllBe(refusal => refusal == null);
        foreach (var known in new[] { made[0], made[500], made[JournalBlock.MaxCount - 1], made[^1], later[0], later[^1] })
            (await RefuseAsync(known with { Amount = new Money(2) })).ShouldBe(TransferRefusal.IdReusedWithOtherContent);
        (await BalanceAsync(bob.Id)).Posted.ShouldBe(made.Count + later.Count);
        (await Ledger.ReadTransfersAsync(Stop)).Count.ShouldBe(1 + made.Count + later.Count);
    }

    [Fact]
    public async Task ManyAtOnce_OneOfAnUnknownAccount_RefusesIt()
    {
        var (world, ann) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"));
        var sets = Enumerable.Range(0, JournalBlock.MaxCount + 2).Select(_ => new[] { Make(TransferKind.Posted, world.Id, ann.Id, 1) }).ToList();
        sets[7] = [Make(TransferKind.Posted, world.Id, Ids.Next<Account>(), 1)];
        sets[8] = [sets[8][0] with { CreditAccountId = world.Id }];

        var refusals = await Ledger.ApplyEachAsync(sets, Stop);

        (refusals[7]?.Code, refusals[8]?.Code, refusals.Count(refusal => refusal is null)).ShouldBe(
            (TransferRefusal.CreditAccountUnknown, TransferRefusal.AccountsSame, JournalBlock.MaxCount));
        (await BalanceAsync(ann.Id)).Posted.ShouldBe(JournalBlock.MaxCount);
    }

    [Fact]
    public async Task ManyAtOnce_AllRefused_LeaveNothing()
    {
        var (ann, bob) = (await OpenAsync("ann"), await OpenAsync("bob"));
        var head = await Ledger.GetHeadAsync(Stop);

        var refusals = await Ledger.ApplyEachAsync(
            [.. Enumerable.Range(0, JournalBlock.MaxCount + 1).Select(_ => new[] { Make(TransferKind.Posted, ann.Id, bob.Id, 1) })], Stop);

        refusals.ShouldAllBe(refusal => refusal!.Code == TransferRefusal.InsufficientFunds);
        (await Ledger.GetHeadAsync(Stop)).ShouldBe(head);
        (await Ledger.ReadTransfersAsync(Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Statement_InPages_IsWholeAndNewestFirst()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World), await OpenAsync("ann"), await OpenAsync("bob"));
        var expected = new List<Transfer>();
        for (var number = 0; number < 12; number++)
        {
            expected.Add(Make(TransferKind.Posted, world.Id, ann.Id, 10 + number));
            await AcceptAsync(expected[^1]);
            await AcceptAsync(Make(TransferKind.Posted, world.Id, bob.Id, 1));
            expected.Add(Make(TransferKind.Posted, ann.Id, bob.Id, 1));
            await AcceptAsync(expected[^1]);
        }
        expected.Reverse();

        var read = new List<Transfer>();
        var sizes = new List<int>();
        string? cursor = null;
        do
        {
            var page = await Ledger.ListTransfersAsync(ann.Id, new PageRequest(10, cursor), Stop);
            read.AddRange(page.Items);
            sizes.Add(page.Items.Count);
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        sizes.ShouldBe([10, 10, 4]);
        read.ShouldBe(expected);
        (await Ledger.ListTransfersAsync(ann.Id, new PageRequest(24), Stop)).NextCursor.ShouldBeNull();
        (await Ledger.ListTransfersAsync(Ids.Next<Account>(), new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    private protected Task<Account> OpenAsync(string owner, AccountKind kind = AccountKind.Wallet) =>
        Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), owner, kind, s_now), Stop);

    private protected Transfer Make(
        TransferKind kind, Id<Account> debit, Id<Account> credit, long amount, Id<Transfer>? pending = null, TransferPurpose purpose = TransferPurpose.Deposit) =>
        new(Ids.Next<Transfer>(), kind, debit, credit, new Money(amount), pending, purpose, "test", s_now);

    private protected async Task<(long Posted, long PendingDebits, long PendingCredits)> BalanceAsync(Id<Account> id)
    {
        var account = (await Ledger.GetAccountAsync(id, Stop))!;
        return (account.Posted.Nanodollars, account.PendingDebits.Nanodollars, account.PendingCredits.Nanodollars);
    }

    private async Task<IReadOnlyList<Transfer>> AcceptAsync(params Transfer[] linked) => (await Ledger.ApplyAsync(linked, Stop)).Value;

    private async Task<TransferRefusal?> RefuseAsync(params Transfer[] linked) => (await Ledger.ApplyAsync(linked, Stop)).Refusal?.Code;
}

public sealed class SqliteLedgerStoreTests() : LedgerStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresLedgerStoreTests(PostgresCluster cluster) : LedgerStoreConformance(new PostgresSource(cluster));
