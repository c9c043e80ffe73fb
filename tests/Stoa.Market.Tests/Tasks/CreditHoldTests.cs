using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class CreditHoldTests
{
    private static readonly Id<Account> s_wallet = TaskSamples.Ids.Next<Account>();
    private static readonly Id<Account> s_credit = TaskSamples.Ids.Next<Account>();
    private static readonly Id<Account> s_clearing = TaskSamples.Ids.Next<Account>();
    private static readonly CreditHold s_hold = new(TaskSamples.Ids.Next<AgentTask>(), s_wallet, Credit: new Money(3), Own: new Money(7));

    [Theory]
    [InlineData(0, 7, 0)]
    [InlineData(2, 7, 0)]
    [InlineData(3, 7, 0)]
    [InlineData(4, 6, 1)]
    [InlineData(10, 0, 7)]
    public void Settle_SpendsCreditFirst_AndGivesOwnMoneyBack(long price, long back, long ownPaid)
    {
        var settled = s_hold.Settle([Resolve(price)]);

        (settled.Back?.Amount.Nanodollars ?? 0, settled.OwnPaid!.Value.Nanodollars).ShouldBe((back, ownPaid));
        if (settled.Back is { } transfer)
            (transfer.Kind, transfer.DebitAccountId, transfer.CreditAccountId, transfer.PendingId, transfer.Purpose).ShouldBe((TransferKind.Posted, s_credit, s_wallet, null, TransferPurpose.CreditReturn));
    }

    [Theory]
    [InlineData(10, 0, 3, 7)]
    [InlineData(6, 4, 3, 3)]
    [InlineData(3, 7, 3, 0)]
    [InlineData(2, 7, 2, 0)]
    public void Settle_OfAHoldThatAnAuctionLowers_GivesBackWhatIsNotHeldAnyMore(long lowered, long back, long credit, long own)
    {
        var again = Resolve(0) with { Id = TaskSamples.Ids.Next<Transfer>(), Kind = TransferKind.Pending, PendingId = null, Amount = new Money(lowered), Purpose = TransferPurpose.TaskHold };

        var (transfer, left, ownPaid) = s_hold.Settle([Resolve(0), again]);

        (transfer?.Amount.Nanodollars ?? 0, left.Credit.Nanodollars, left.Own.Nanodollars, ownPaid).ShouldBe((back, credit, own, null));
    }

    private static Transfer Resolve(long price) => new(
        TaskSamples.Ids.Next<Transfer>(), price == 0 ? TransferKind.VoidPending : TransferKind.PostPending, s_credit, s_clearing, new Money(price), TaskSamples.Ids.Next<Transfer>(),
        TransferPurpose.TaskCapture, "test", TaskSamples.Now);
}
