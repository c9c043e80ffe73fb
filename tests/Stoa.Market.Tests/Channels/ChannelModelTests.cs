using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Channels;

/// <summary>Every interleaving of messages, loss, duplication, reordering, crashes and cheats, up to four units of money and six hours.</summary>
[Trait("speed", "slow")]
public sealed class ChannelModelTests(ITestOutputHelper output)
{
    /// <summary>Bugs that the search must find, each with what it says of it.</summary>
    private static readonly Dictionary<string, (MarketRules Rules, string Fault)> s_bugs = new()
    {
        ["a voucher pays its whole amount again"] = (
            Bug((channel, act, change) => act is ChannelAct.Settle settle && change is not null ? change with { Paid = settle.Claim.Cumulative } : null),
            "than it has signed"),
        ["the last voucher counts, not the highest"] = (
            Bug((channel, act, change) => act is ChannelAct.Settle settle && channel.State is ChannelState.Closing && settle.Claim.Cumulative < channel.Settled
                ? new ChannelChange(channel, channel with { Settled = settle.Claim.Cumulative }, Money.Zero, Money.Zero, Money.Zero) : null),
            "goes forward"),
        ["the deposit is no limit"] = (
            Bug((channel, act, change) => act is ChannelAct.Settle settle && change is null && channel.State is ChannelState.Open && settle.Claim.Cumulative > channel.Deposit
                ? new ChannelChange(channel, channel with { Settled = settle.Claim.Cumulative }, Money.Zero, settle.Claim.Cumulative - channel.Settled, Money.Zero) : null),
            "more than the deposit"),
        ["no challenge is heard"] = (
            new MarketRules(MarketRules.Real.Check, MarketRules.Real.CheckAgreement, (channel, act, now) =>
                act is ChannelAct.Settle && channel.State is ChannelState.Closing ? new Refusal<ChannelRefusal>(ChannelRefusal.ChannelClosing, "") : ChannelRules.Apply(channel, act, now)),
            "exactly its highest voucher"),
        ["the window is not waited for"] = (
            new MarketRules(MarketRules.Real.Check, MarketRules.Real.CheckAgreement, (channel, act, now) =>
                ChannelRules.Apply(channel, act, act is ChannelAct.Finish ? now.AddHours(1) : now)),
            "before the window was over"),
        ["a second request begins the window anew"] = (
            new MarketRules(MarketRules.Real.Check, MarketRules.Real.CheckAgreement, (channel, act, now) =>
                ChannelRules.Apply(act is ChannelAct.StartClose && channel.State is ChannelState.Closing ? channel with { State = new ChannelState.Open() } : channel, act, now)),
            "as long as it must be"),
        ["a top-up adds"] = (
            new MarketRules(MarketRules.Real.Check, MarketRules.Real.CheckAgreement, (channel, act, now) =>
                ChannelRules.Apply(channel, act is ChannelAct.TopUp ? new ChannelAct.TopUp(channel.Deposit + new Money(1)) : act, now)),
            "ever wanted"),
        ["an expired channel stays open"] = (
            new MarketRules(MarketRules.Real.Check, MarketRules.Real.CheckAgreement, (channel, act, now) =>
                act is ChannelAct.Expire ? new Refusal<ChannelRefusal>(ChannelRefusal.NotDue, "") : ChannelRules.Apply(channel, act, now)),
            "never ends"),
        ["the rest is returned with a voucher unpaid"] = (
            Bug((channel, act, change) => act is ChannelAct.StartClose { Claim: not null } && change is not null ? change with { Paid = Money.Zero } : null),
            "settled"),
        ["the channel of a voucher is not looked at"] = (
            new MarketRules(
                (voucher, terms) => voucher is Voucher.Signed && VoucherCheck.Check(voucher, terms).Refusal?.Code is ChannelRefusal.VoucherForOtherChannel
                    ? VoucherCheck.Check(voucher, terms with { Channel = VoucherPayload.Read(voucher.Envelope.Payload).Channel }).Match<Outcome<Claim, ChannelRefusal>>(
                        claim => new Claim(terms.Channel, claim.Cumulative, voucher), refusal => refusal)
                    : VoucherCheck.Check(voucher, terms),
                MarketRules.Real.CheckAgreement,
                ChannelRules.Apply),
            "than it has signed"),
    };

    public static TheoryData<string> Bugs => [.. s_bugs.Keys];

    [Fact]
    public void Rules_InEveryState_PayNoMoreThanSignedAndDepositedAndAlwaysEnd()
    {
        var model = new ChannelModel(MarketRules.Real);
        model.ForgeriesTaken.ShouldBe(0);

        var report = ModelCheck.Run(model);

        output.WriteLine($"{report.States} states, {report.Steps} steps, {report.Ends} ends");
        report.Fault.ShouldBeNull();
        report.States.ShouldBeGreaterThan(10_000);
        report.Ends.ShouldBeGreaterThan(0);
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Search_OfRulesWithABug_FindsIt(string bug)
    {
        var (rules, fault) = s_bugs[bug];

        var report = ModelCheck.Run(new ChannelModel(rules));

        output.WriteLine(report.Fault ?? "nothing found");
        report.Fault.ShouldNotBeNull().ShouldContain(fault);
    }

    /// <summary>The real rules, but for what <paramref name="plant"/> says; it gets the change, null when the act was refused.</summary>
    private static MarketRules Bug(Func<Channel, ChannelAct, ChannelChange?, ChannelChange?> plant) => new(
        MarketRules.Real.Check,
        MarketRules.Real.CheckAgreement,
        (channel, act, now) =>
        {
            var outcome = ChannelRules.Apply(channel, act, now);
            return plant(channel, act, outcome.Refusal is null ? outcome.Value : null) is { } changed ? changed : outcome;
        });
}
