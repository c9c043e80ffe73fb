using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class SettlementTests
{
    private static readonly Payees s_payees = new(
        TaskSamples.Ids.Next<Account>(), TaskSamples.Ids.Next<Account>(), TaskSamples.Ids.Next<Account>(), TaskSamples.Ids.Next<Account>());

    [Fact]
    public void Capture_OfAPrice_LeavesNothingInClearing()
    {
        var task = TaskSamples.Running(Money.Parse("1"));

        var transfers = Settlement.Capture(task, SplitPolicy.Default.Split(Money.Parse("0.3")), s_payees, TaskSamples.Ids, TaskSamples.Now);

        transfers.Select(transfer => transfer.Purpose).ShouldBe(
            [TransferPurpose.TaskCapture, TransferPurpose.CreatorShare, TransferPurpose.NodeShare, TransferPurpose.PlatformShare]);
        transfers[0].PendingId.ShouldBe(task.Hold!.Id);
        transfers.Skip(1).Aggregate(Money.Zero, (sum, transfer) => sum + transfer.Amount).ShouldBe(transfers[0].Amount);
        transfers.ShouldAllBe(transfer => transfer.Cause == task.Id.ToString());
    }

    [Fact]
    public void Capture_OfAPriceOfOneNanodollar_MakesNoEmptyTransfer()
    {
        var transfers = Settlement.Capture(
            TaskSamples.Running(Money.Parse("1")), SplitPolicy.Default.Split(new Money(1)), s_payees, TaskSamples.Ids, TaskSamples.Now);

        transfers.Select(transfer => transfer.Purpose).ShouldBe([TransferPurpose.TaskCapture, TransferPurpose.CreatorShare]);
    }

    [Fact]
    public void Release_OfAHold_VoidsIt()
    {
        var task = TaskSamples.Running(Money.Parse("1"));

        var release = Settlement.Release(task, s_payees.Clearing, TaskSamples.Ids.Next<Transfer>(), TaskSamples.Now).ShouldHaveSingleItem();

        (release.Kind, release.Amount, release.PendingId).ShouldBe((TransferKind.VoidPending, Money.Zero, task.Hold!.Id));
    }

    [Fact]
    public void Settlement_OfAFreeTask_MovesNothing()
    {
        var task = TaskSamples.Running();

        Settlement.Capture(task, SplitPolicy.Default.Split(Money.Zero), s_payees, TaskSamples.Ids, TaskSamples.Now).ShouldBeEmpty();
        Settlement.Release(task, s_payees.Clearing, TaskSamples.Ids.Next<Transfer>(), TaskSamples.Now).ShouldBeEmpty();
    }
}
