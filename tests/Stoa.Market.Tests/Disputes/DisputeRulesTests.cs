using Stoa.Market.Disputes;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Disputes;

public sealed class DisputeRulesTests
{
    private static readonly DateTimeOffset s_now = TaskSamples.Now.AddHours(1);
    private static readonly Id<Account> s_wallet = TaskSamples.Ids.Next<Account>();
    private static readonly Id<Account> s_node = TaskSamples.Ids.Next<Account>();
    private static readonly Id<Account> s_platform = TaskSamples.Ids.Next<Account>();

    [Fact]
    public void Open_OfATaskThatWasPaidFor_AsksForADepositOfItsPrice()
    {
        var dispute = Open(Succeeded(price: 70)).Value;

        dispute.Price.ShouldBe(new Money(70));
        dispute.State.ShouldBe(new DisputeState.Open(0, s_now));
        var hold = DisputeRules.Hold(dispute, s_wallet, s_node);
        (hold.Kind, hold.DebitAccountId, hold.Amount, hold.Id).ShouldBe((TransferKind.Pending, s_wallet, new Money(70), dispute.DepositId));
    }

    [Theory]
    [InlineData(70, 0, "", DisputeRefusal.DisputeInvalid)]
    [InlineData(70, 0, "\u001b[2J", DisputeRefusal.DisputeInvalid)]
    [InlineData(0, 0, "Wrong.", DisputeRefusal.NothingToDispute)]
    [InlineData(70, 31, "Wrong.", DisputeRefusal.DisputeTooLate)]
    public void Open_OfWhatCannotBeDisputed_IsRefused(long price, int daysAgo, string reason, DisputeRefusal refusal) =>
        Open(Succeeded(price), reason, s_now.AddDays(daysAgo)).Refusal!.Code.ShouldBe(refusal);

    [Fact]
    public void Open_OfATaskThatAskedModels_IsRefused_SinceNoRunDecides()
    {
        var task = Succeeded(price: 70);
        var state = (TaskState.Succeeded)task.State;
        TaskModelRequest[] asked = [new(1, null, "auto", null, null, 0, 0, "replicas_failed", Money.Zero, Money.Zero, Money.Zero, [])];

        var refused = Open(task with { State = state with { Result = state.Result with { Models = asked } } }).Refusal!;

        refused.Code.ShouldBe(DisputeRefusal.NothingToDispute);
        refused.Detail.ShouldContain("no run decides");
    }

    [Fact]
    public void Open_OfATaskThatDidNotSucceed_IsRefused() =>
        Open(TaskSamples.Running(new Money(100))).Refusal!.Code.ShouldBe(DisputeRefusal.NothingToDispute);

    [Fact]
    public void Judge_ByWhatTheRunFound()
    {
        using var key = PrivateKey.Generate();
        var receipt = TaskSamples.Receipt(key);
        var (same, other) = (receipt.OutputDigest, ContentHash.Of("other"u8));

        DisputeRules.Judge(receipt, Report(true, true, same)).Verdict.ShouldBe(DisputeVerdict.Rejected);
        DisputeRules.Judge(receipt, Report(false, true, other)).Verdict.ShouldBe(DisputeVerdict.Upheld);
        DisputeRules.Judge(receipt, Report(true, false, same)).Verdict.ShouldBe(DisputeVerdict.Upheld);
        var failed = new AttemptOutcome.Failed(new TaskFailure(FailureCode.Trap, "It trapped.", "", null), default);
        DisputeRules.Judge(receipt, new RerunReport(failed, false, false, null, null)).ShouldBe((DisputeVerdict.Upheld, "Run again it failed: It trapped."));

        RerunReport Report(bool output, bool fuel, ContentHash digest) =>
            new(new AttemptOutcome.Completed(digest, receipt.Usage, default), output, fuel, digest, receipt.Usage);
    }

    [Theory]
    [InlineData(DisputeVerdict.Rejected, 0, 0, "DisputeFee 70")]
    [InlineData(DisputeVerdict.Undecided, 0, 0, "DisputeReturn 0")]
    [InlineData(DisputeVerdict.Upheld, 100, 0, "DisputeReturn 0, Refund 70")]
    [InlineData(DisputeVerdict.Upheld, 50, 20, "DisputeReturn 0, Refund 50, Refund 20")]
    [InlineData(DisputeVerdict.Upheld, 0, 100, "DisputeReturn 0, Refund 70")]
    [InlineData(DisputeVerdict.Upheld, 50, 19, null)]
    public void Settle_ByTheVerdict_MovesWhatIsOwed(DisputeVerdict verdict, long node, long platform, string? expected)
    {
        var transfers = DisputeRules.Settle(
            Open(Succeeded(price: 70)).Value, verdict, s_wallet, Money.Zero, [(s_node, new Money(node)), (s_platform, new Money(platform))], s_node, TaskSamples.Ids, s_now);

        (transfers is null ? null : string.Join(", ", transfers.Select(transfer => $"{transfer.Purpose} {transfer.Amount.Nanodollars}"))).ShouldBe(expected);
    }

    [Theory]
    [InlineData(100, 0, "wallet 30 of node, credit 40 of node")]
    [InlineData(50, 20, "wallet 30 of node, credit 20 of node, credit 20 of platform")]
    [InlineData(20, 60, "wallet 20 of node, wallet 10 of platform, credit 40 of platform")]
    [InlineData(50, 19, null)]
    public void Settle_OfWhatWasPaidByCredit_GivesItBackAsCredit(long node, long platform, string? expected)
    {
        var dispute = Open(Succeeded(price: 70)).Value;

        var transfers = DisputeRules.Settle(
            dispute, DisputeVerdict.Upheld, s_wallet, new Money(40), [(s_node, new Money(node)), (s_platform, new Money(platform))], s_node, TaskSamples.Ids, s_now);

        (transfers is null
            ? null
            : string.Join(", ", transfers.Skip(1).Select(transfer =>
                $"{(transfer.CreditAccountId == s_wallet ? "wallet" : transfer.CreditAccountId == Account.CreditOf(dispute.OwnerId) ? "credit" : "?")} {transfer.Amount.Nanodollars} of {(transfer.DebitAccountId == s_node ? "node" : "platform")}")))
            .ShouldBe(expected);
    }

    private static Outcome<Dispute, DisputeRefusal> Open(AgentTask task, string reason = "Wrong.", DateTimeOffset? now = null) =>
        DisputeRules.Open(TaskSamples.Ids.Next<Dispute>(), TaskSamples.Ids.Next<Transfer>(), task, reason, TimeSpan.FromDays(30), now ?? s_now);

    private static AgentTask Succeeded(long price) => TaskSamples.Running(new Money(100)).Succeed(
        new TaskResult(ContentHash.Of("out"u8), 3, true, "text/plain", new Usage(1, 1, 1, 1, 1), new Money(price), TaskSamples.Ids.Next<Receipt>()), s_now);
}
