using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Ledger;

/// <summary>Transfers of before the journal are in it afterwards, in their order, and what was held can be resolved.</summary>
public abstract class JournalUpgradeConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private SqlLedgerStore Ledger => new(Database);

    [Fact]
    public async Task Run_OverTransfersOfBefore_MakesThemEntriesOnce()
    {
        var (world, ann, bob) = (await OpenAsync("world", AccountKind.World, -100, 0, 0), await OpenAsync("ann", AccountKind.Wallet, 67, 5, 0), await OpenAsync("bob", AccountKind.Wallet, 33, 0, 5));
        var deposit = Make(TransferKind.Posted, world, ann, 100);
        var closed = Make(TransferKind.Pending, ann, bob, 40);
        var capture = Make(TransferKind.PostPending, ann, bob, 33, closed.Id);
        var open = Make(TransferKind.Pending, ann, bob, 5);
        Transfer[] before = [deposit, closed, capture, open];
        foreach (var transfer in before)
            await InsertAsync(transfer);

        (await JournalUpgrade.RunAsync(Database, Stop)).ShouldBe(4);
        (await JournalUpgrade.RunAsync(Database, Stop)).ShouldBe(0);

        (await Ledger.ReadTransfersAsync(Stop)).ShouldBe(before);
        (await Ledger.ListTransfersAsync(ann, new PageRequest(10), Stop)).Items.ShouldBe(before.Reverse());
        (await Ledger.ListTransfersAsync(world, new PageRequest(10), Stop)).Items.ShouldBe([deposit]);
        (await Ledger.ApplyAsync([deposit], Stop)).Value.ShouldBe([deposit]);
        (await Ledger.ApplyAsync([Make(TransferKind.PostPending, ann, bob, 1, closed.Id)], Stop)).Refusal!.Code.ShouldBe(TransferRefusal.PendingAlreadyResolved);
        (await Ledger.ApplyAsync([Make(TransferKind.VoidPending, ann, bob, 0, open.Id)], Stop)).Refusal.ShouldBeNull();
        var totals = await Ledger.TotalAsync(Stop);
        (totals.Posted, totals.PendingDebits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, 0));
    }

    [Fact]
    public async Task Run_ByManyAtOnce_MovesEachOnce()
    {
        var (world, ann) = (await OpenAsync("world", AccountKind.World, -30, 0, 0), await OpenAsync("ann", AccountKind.Wallet, 30, 0, 0));
        var before = Enumerable.Range(0, 30).Select(_ => Make(TransferKind.Posted, world, ann, 1)).ToList();
        foreach (var transfer in before)
            await InsertAsync(transfer);

        var moved = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => JournalUpgrade.RunAsync(Database, Stop)));

        moved.Sum().ShouldBe(30);
        (await Ledger.ReadTransfersAsync(Stop)).ShouldBe(before);
    }

    private async Task<Id<Account>> OpenAsync(string owner, AccountKind kind, long posted, long debits, long credits)
    {
        var account = await Ledger.OpenAccountAsync(Account.Open(_ids.Next<Account>(), owner, kind, s_now), Stop);
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "UPDATE accounts SET posted = @posted, pending_debits = @debits, pending_credits = @credits, open_holds = @holds WHERE id = @Id",
                new { account.Id, posted, debits, credits, holds = debits > 0 ? 1 : 0 }),
            Stop);
        return account.Id;
    }

    private Transfer Make(TransferKind kind, Id<Account> debit, Id<Account> credit, long amount, Id<Transfer>? pending = null) =>
        new(_ids.Next<Transfer>(), kind, debit, credit, new Money(amount), pending, TransferPurpose.TaskHold, "test", s_now);

    private Task<int> InsertAsync(Transfer transfer) => Database.WriteAsync(
        session => session.ExecuteAsync(
            """
            INSERT INTO transfers_before_journal (id, kind, debit_account_id, credit_account_id, amount, pending_id, purpose, cause, created_at)
            VALUES (@Id, @Kind, @DebitAccountId, @CreditAccountId, @Amount, @PendingId, @Purpose, @Cause, @CreatedAt)
            """,
            transfer),
        Stop);
}

public sealed class SqliteJournalUpgradeTests() : JournalUpgradeConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresJournalUpgradeTests(PostgresCluster cluster) : JournalUpgradeConformance(new PostgresSource(cluster));
