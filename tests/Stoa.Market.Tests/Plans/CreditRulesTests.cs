using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Plans;

public sealed class CreditRulesTests
{
    private static readonly DateTimeOffset s_now = TaskSamples.Now;
    private static readonly CreditGrant s_first = Give(10, s_now.AddDays(1));
    private static readonly CreditGrant s_second = Give(20, s_now.AddDays(2));
    private static readonly CreditGrant s_forEver = Give(5, null);

    [Theory]
    [InlineData(35, "10 20 5")]
    [InlineData(33, "8 20 5")]
    [InlineData(25, "0 20 5")]
    [InlineData(7, "0 2 5")]
    [InlineData(0, "0 0 0")]
    public void Settle_SaysThatWhatExpiresFirstIsSpentFirst(long balance, string remaining) =>
        Text(CreditRules.Settle([s_forEver, s_second, s_first], new Money(balance))).ShouldBe(remaining);

    [Theory]
    [InlineData(35, 0, "10 0 0")]
    [InlineData(35, 4, "6 0 0")]
    [InlineData(35, 10, "0 0 0")]
    [InlineData(35, 30, "0 0 0")]
    [InlineData(25, 0, "0 0 0")]
    public void Expire_TakesWhatIsOver_AndNothingThatTasksHold(long balance, long held, string expired)
    {
        var settled = CreditRules.Settle([s_forEver, s_second, s_first], new Money(balance));

        var taken = CreditRules.Expire(settled, new Money(held), s_now.AddDays(1)).ToDictionary(one => one.Grant.Id, one => one.Amount);

        string.Join(' ', settled.Select(grant => taken.GetValueOrDefault(grant.Id).Nanodollars)).ShouldBe(expired);
    }

    [Theory]
    [InlineData(0, true, 0, null)]
    [InlineData(1, true, 0, PlanRefusal.CouponOver)]
    [InlineData(0, false, 0, PlanRefusal.CouponNotForYou)]
    [InlineData(0, true, 3, PlanRefusal.CouponOver)]
    public void MayRedeem_HeedsWhoAndHowOften(int own, bool isNew, long redeemed, PlanRefusal? refusal) =>
        (CouponRules.MayRedeem(Make(redeemed), own, isNew, s_now)?.Code).ShouldBe(refusal);

    [Fact]
    public void MayRedeem_HeedsWhen()
    {
        CouponRules.MayRedeem(Make(0), 0, true, s_now.AddDays(1))!.Code.ShouldBe(PlanRefusal.CouponOver);
        CouponRules.MayRedeem(Make(0) with { WithdrawnAt = s_now }, 0, true, s_now)!.Code.ShouldBe(PlanRefusal.CouponUnknown);
        CouponRules.MayRedeem(null, 0, true, s_now)!.Code.ShouldBe(PlanRefusal.CouponUnknown);
        CouponRules.MayRedeem(Make(0), 0, true, s_now).ShouldBeNull();
    }

    [Fact]
    public void Check_OfCoupons_NamesEachThatIsWrong()
    {
        var limits = new CouponLimits(0, 0, false, null);

        CouponRules.Check(new CouponGift.Credit(Money.Zero, 0), limits).Select(error => error.Pointer).ShouldBe(["/credit", "/creditDays", "/maxRedemptions", "/perUser"]);
        CouponRules.Check(new CouponGift.Off(101, 0, null), new CouponLimits(1, 1, false, null)).Select(error => error.Pointer).ShouldBe(["/percentOff", "/months"]);
        CouponRules.Check(new CouponGift.Off(100, 1, null), new CouponLimits(1, 1, false, null)).ShouldBeEmpty();
    }

    private static Coupon Make(long redeemed) => new(
        TaskSamples.Ids.Next<Coupon>(), ContentHash.Of("code"u8), "code-…", new CouponGift.Credit(new Money(1), null), new CouponLimits(3, 1, true, s_now.AddDays(1)), redeemed,
        TaskSamples.Ids.Next<User>(), WithdrawnAt: null, s_now);

    private static CreditGrant Give(long amount, DateTimeOffset? end) => new(
        TaskSamples.Ids.Next<CreditGrant>(), TaskSamples.Ids.Next<User>(), CreditSource.Plan, "test", new Money(amount), new Money(amount), end, s_now);

    private static string Text(IReadOnlyList<CreditGrant> grants) => string.Join(' ', grants.Select(grant => grant.Remaining.Nanodollars));
}
