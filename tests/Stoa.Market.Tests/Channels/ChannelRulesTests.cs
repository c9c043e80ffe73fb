using Stoa.Market.Channels;
using Stoa.Primitives;
using static Stoa.Market.Tests.Channels.ChannelSamples;

namespace Stoa.Market.Tests.Channels;

public sealed class ChannelRulesTests
{
    private static readonly DateTimeOffset s_now = Start.AddHours(2);

    [Theory]
    [InlineData(1, 1, 2, 100, 60, 24, "/payee")]
    [InlineData(1, 2, 1, 100, 60, 24, "/payeeKey")]
    [InlineData(1, 2, 2, 0, 60, 24, "/deposit")]
    [InlineData(1, 2, 2, 100, 0, 24, "/challengeWindowSeconds")]
    [InlineData(1, 2, 2, 100, 43_201, 24, "/challengeWindowSeconds")]
    [InlineData(1, 2, 2, 100, 60, 0, "/expiresAt")]
    [InlineData(1, 2, 2, 100, 60, 8_785, "/expiresAt")]
    public void Opening_ThatBreaksARule_IsRefusedAtItsMember(int payer, int payee, int key, long deposit, int windowMinutes, int hours, string pointer)
    {
        var asked = Open(deposit, payer: payer, payee: payee) with { ChallengeWindow = TimeSpan.FromMinutes(windowMinutes), ExpiresAt = Start.AddHours(hours) };
        asked = asked with { Payee = asked.Payee with { Key = key == 1 ? asked.Payer.Key : asked.Payee.Key } };

        var refusal = ChannelRules.Open(asked, Limits).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(ChannelRefusal.ChannelInvalid);
        refusal.Errors.Select(error => error.Pointer).ShouldBe([pointer]);
    }

    [Fact]
    public void Vouchers_SettledOneAfterAnother_PayTheDifference()
    {
        var first = Apply(Open(100), new ChannelAct.Settle(Claim(Open(100), 30)));
        var second = Apply(first.After, new ChannelAct.Settle(Claim(first.After, 100)));

        (first.Paid, second.Paid).ShouldBe((new Money(30), new Money(70)));
        second.After.Remaining.ShouldBe(Money.Zero);
    }

    [Fact]
    public void Voucher_SettledTwice_ChangesNothing()
    {
        var channel = Apply(Open(100), new ChannelAct.Settle(Claim(Open(100), 30))).After;

        Apply(channel, new ChannelAct.Settle(Claim(channel, 30))).IsNone.ShouldBeTrue();
    }

    [Theory]
    [InlineData("settle 29", ChannelRefusal.VoucherSuperseded)]
    [InlineData("settle 101", ChannelRefusal.VoucherExceedsDeposit)]
    [InlineData("start 101", ChannelRefusal.VoucherExceedsDeposit)]
    [InlineData("agree 29", ChannelRefusal.AgreementOutOfRange)]
    [InlineData("agree 101", ChannelRefusal.AgreementOutOfRange)]
    [InlineData("topup 99", ChannelRefusal.DepositNotHigher)]
    [InlineData("expire 0", ChannelRefusal.NotDue)]
    [InlineData("finish 0", ChannelRefusal.NotDue)]
    public void OpenChannel_WithThirtySettled_Refuses(string act, ChannelRefusal refusal) => Refusal(Settled(), act, s_now).ShouldBe(refusal);

    [Theory]
    [InlineData("settle 29", 0, ChannelRefusal.VoucherSuperseded)]
    [InlineData("settle 31", 1, ChannelRefusal.ChallengeWindowOver)]
    [InlineData("start 50", 1, ChannelRefusal.ChallengeWindowOver)]
    [InlineData("topup 200", 0, ChannelRefusal.ChannelClosing)]
    [InlineData("expire 0", 48, ChannelRefusal.NotDue)]
    [InlineData("finish 0", 0, ChannelRefusal.NotDue)]
    public void ClosingChannel_HoursLater_Refuses(string act, int hours, ChannelRefusal refusal) => Refusal(
        Apply(Settled(), new ChannelAct.StartClose(ChannelSide.Payer, null)).After, act, s_now.AddHours(hours)).ShouldBe(refusal);

    [Theory]
    [InlineData("settle 50")]
    [InlineData("start 50")]
    [InlineData("agree 50")]
    [InlineData("topup 200")]
    [InlineData("expire 0")]
    [InlineData("finish 0")]
    public void ClosedChannel_RefusesEveryAct(string act) => Refusal(
        Settled() with { State = new ChannelState.Closed(s_now, false) }, act, s_now.AddDays(9)).ShouldBe(ChannelRefusal.ChannelClosed);

    [Fact]
    public void Closing_WithAHigherVoucherInTheWindow_PaysItAndReturnsTheRestAfterwards()
    {
        var closing = Apply(Settled(), new ChannelAct.StartClose(ChannelSide.Payer, Claim(Settled(), 10)));
        var challenged = Apply(closing.After, new ChannelAct.Settle(Claim(closing.After, 80)));
        var finished = Apply(challenged.After, new ChannelAct.Finish(), s_now.AddHours(1));

        (closing.Paid, challenged.Paid, finished.Returned).ShouldBe((Money.Zero, new Money(50), new Money(20)));
        finished.After.State.ShouldBe(new ChannelState.Closed(s_now.AddHours(1), false));
    }

    [Fact]
    public void Closing_AskedForAgain_PaysAHigherVoucherAndMovesNoWindow()
    {
        var closing = Apply(Settled(), new ChannelAct.StartClose(ChannelSide.Payer, null)).After;

        Apply(closing, new ChannelAct.StartClose(ChannelSide.Payer, null), s_now.AddMinutes(30)).IsNone.ShouldBeTrue();
        Apply(closing, new ChannelAct.StartClose(ChannelSide.Payee, Claim(closing, 30)), s_now.AddMinutes(30)).IsNone.ShouldBeTrue();
        var paid = Apply(closing, new ChannelAct.StartClose(ChannelSide.Payee, Claim(closing, 40)), s_now.AddMinutes(30));
        (paid.Paid, paid.After.State).ShouldBe((new Money(10), closing.State));
    }

    [Fact]
    public void Agreement_WhileClosing_EndsItAtOnce()
    {
        var closing = Apply(Settled(), new ChannelAct.StartClose(ChannelSide.Payee, null)).After;

        var closed = Apply(closing, new ChannelAct.CloseTogether(Agree(closing, 45)));

        (closed.Paid, closed.Returned).ShouldBe((new Money(15), new Money(55)));
        closed.After.State.ShouldBe(new ChannelState.Closed(s_now, true));
    }

    [Fact]
    public void Expiry_NoticedLate_GivesThePayeeTheWholeWindow()
    {
        var late = Start.AddDays(5);

        var expired = Apply(Settled(), new ChannelAct.Expire(), late).After;

        expired.State.ShouldBe(new ChannelState.Closing(null, late, late.AddHours(1)));
        Apply(expired, new ChannelAct.Settle(Claim(expired, 99)), late.AddMinutes(59)).Paid.ShouldBe(new Money(69));
        Refusal(Settled(), "topup 200", late).ShouldBe(ChannelRefusal.ChannelExpired);
    }

    [Fact]
    public void TopUp_AskedForTwice_MovesMoneyOnce()
    {
        var once = Apply(Settled(), new ChannelAct.TopUp(new Money(150)));

        once.Deposited.ShouldBe(new Money(50));
        Apply(once.After, new ChannelAct.TopUp(new Money(150))).IsNone.ShouldBeTrue();
    }

    private static Channel Settled() => Apply(Open(100), new ChannelAct.Settle(Claim(Open(100), 30))).After;

    private static ChannelChange Apply(Channel channel, ChannelAct act, DateTimeOffset? now = null) => ChannelRules.Apply(channel, act, now ?? s_now).Value;

    private static ChannelRefusal? Refusal(Channel channel, string text, DateTimeOffset now)
    {
        var words = text.Split(' ');
        var amount = long.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture);
        ChannelAct act = words[0] switch
        {
            "settle" => new ChannelAct.Settle(Claim(channel, amount)),
            "start" => new ChannelAct.StartClose(ChannelSide.Payer, Claim(channel, amount)),
            "agree" => new ChannelAct.CloseTogether(Agree(channel, amount)),
            "topup" => new ChannelAct.TopUp(new Money(amount)),
            "expire" => new ChannelAct.Expire(),
            _ => new ChannelAct.Finish(),
        };
        return ChannelRules.Apply(channel, act, now).Refusal?.Code;
    }
}
