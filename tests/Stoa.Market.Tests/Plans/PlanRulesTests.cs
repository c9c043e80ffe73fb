using Stoa.Market.Identity;
using Stoa.Market.Plans;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Plans;

public sealed class PlanRulesTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 31, 12, 30, 0, TimeSpan.Zero);
    private static readonly Plan s_basic = Offer("basic", 10, 8);
    private static readonly Plan s_pro = Offer("pro", 40, 50);

    [Theory]
    [InlineData(0, "2026-01-31")]
    [InlineData(1, "2026-02-28")]
    [InlineData(2, "2026-03-31")]
    [InlineData(3, "2026-04-30")]
    [InlineData(12, "2027-01-31")]
    [InlineData(25, "2028-02-29")]
    public void Periods_AreCalendarMonthsOfTheDayOfSubscription(int period, string day)
    {
        var start = PlanRules.StartOf(s_now, period);

        start.ToString("yyyy-MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture).ShouldBe(day + " 12:30");
        PlanRules.PeriodAt(s_now, start, 0).ShouldBe(period);
        PlanRules.PeriodAt(s_now, start.AddMilliseconds(-1), 0).ShouldBe(Math.Max(0, period - 1));
        PlanRules.PeriodAt(s_now, start, period + 3).ShouldBe(period + 3, "a clock that goes back renews nothing");
    }

    [Fact]
    public void Upgrade_CostsAndGivesTheRestOfThePeriod_ToTheNanodollar()
    {
        var subscription = Subscribe(s_basic);
        var (whole, left) = ((subscription.EndAt - subscription.StartAt).Ticks, (subscription.EndAt - s_now.AddDays(7)).Ticks);

        var (changed, price, credit) = subscription.Upgrade(s_pro, s_now.AddDays(7));

        changed.Plan.ShouldBe(s_pro);
        price.Nanodollars.ShouldBe((long)decimal.Ceiling(30m * 1_000_000_000m * left / whole));
        credit.Nanodollars.ShouldBe((long)decimal.Ceiling(42m * 1_000_000_000m * left / whole));
        subscription.Upgrade(s_pro, s_now).Price.ShouldBe(Money.Parse("30"));
        subscription.Upgrade(s_pro, subscription.EndAt.AddDays(1)).Price.ShouldBe(Money.Zero, "nothing is left of it");
    }

    [Fact]
    public void Renew_AfterMonthsInWhichNobodyLooked_PaysThePeriodOfNowAlone()
    {
        var renewed = Subscribe(s_basic).Renew(s_now.AddMonths(5).AddDays(2));

        renewed.Period.ShouldBe(5);
        (renewed.StartAt <= s_now.AddMonths(5).AddDays(2) && s_now.AddMonths(5).AddDays(2) < renewed.EndAt).ShouldBeTrue();
    }

    [Fact]
    public void Overdue_IsTriedAgainUntilTheDaysOfGraceAreOver()
    {
        var end = Subscribe(s_basic).EndAt;

        var first = Subscribe(s_basic).Overdue(end, graceDays: 3);
        var late = (SubscriptionState.PastDue)first.State;
        (late.Until, late.AgainAt, late.IsReminded).ShouldBe((end.AddDays(3), end.AddHours(6), false));
        var last = (SubscriptionState.PastDue)first.Overdue(end.AddDays(2.9), 3).State;
        (last.Until, last.AgainAt, last.IsReminded).ShouldBe((end.AddDays(3), end.AddDays(3), true));
        first.Overdue(end.AddDays(3), 3).State.ShouldBe(new SubscriptionState.Ended(end.AddDays(3), SubscriptionEnd.Unpaid));
    }

    [Fact]
    public void Discount_IsOffSoManyPeriods_AndNotOffTheRestOfOne()
    {
        var subscription = Subscribe(s_basic) with { Discount = new Discount(TaskSamples.Ids.Next<Coupon>(), 25, 2, Plan: null) };

        subscription.NextPrice.ShouldBe(Money.Parse("7.5"));
        var once = subscription.Renew(subscription.EndAt);
        once.NextPrice.ShouldBe(Money.Parse("7.5"));
        once.Renew(once.EndAt).NextPrice.ShouldBe(Money.Parse("10"));
        subscription.Upgrade(s_pro, s_now).Price.ShouldBe(Money.Parse("30"));
        PlanRules.Reduce(new Money(1), 99).ShouldBe(new Money(1), "a fraction of a nanodollar is the operator's");
        PlanRules.Reduce(new Money(1), 100).ShouldBe(Money.Zero);
    }

    [Fact]
    public void Discount_ForOnePlan_IsOffNoOther()
    {
        var subscription = Subscribe(s_basic) with { Discount = new Discount(TaskSamples.Ids.Next<Coupon>(), 100, 3, "basic") };

        subscription.NextPrice.ShouldBe(Money.Zero);
        subscription.PriceOf(s_pro).ShouldBe(Money.Parse("40"));
        (subscription with { Next = s_pro }).NextPrice.ShouldBe(Money.Parse("40"));
        var renewed = subscription.Upgrade(s_pro, s_now).Changed.Renew(subscription.EndAt);
        renewed.NextPrice.ShouldBe(Money.Parse("40"));
        (renewed with { Next = s_basic }).NextPrice.ShouldBe(Money.Zero);
        (renewed with { Next = s_basic }).Renew(renewed.EndAt).Discount!.Periods.ShouldBe(1, "the month of the other plan was one of the three");
    }

    [Theory]
    [InlineData("", "/name")]
    [InlineData("Pro", "/name")]
    [InlineData("-pro", "/name")]
    [InlineData("pro-2", null)]
    public void Check_OfAName_NamesWhatIsWrong(string name, string? pointer) =>
        PlanRules.Check(name, "", s_basic.Terms).Select(error => error.Pointer).ShouldBe(pointer is null ? [] : [pointer]);

    [Fact]
    public void Check_OfTerms_NamesEachThatIsWrong() =>
        PlanRules.Check("pro", "a\nb", new PlanTerms(new Money(-1), new Money(-1), 0, UserUsage.GreatestLimit + 1)).Select(error => error.Pointer)
            .ShouldBe(["/description", "/price", "/credit", "/maxOpenTasks", "/maxContentBytes"]);

    private static Subscription Subscribe(Plan plan) => new(
        TaskSamples.Ids.Next<Subscription>(), TaskSamples.Ids.Next<User>(), plan, Next: null, s_now, Period: 0, new SubscriptionState.Active(), IsCancelled: false, Discount: null);

    private static Plan Offer(string name, long price, long credit) => new(
        TaskSamples.Ids.Next<Plan>(), name, 1, "", new PlanTerms(Money.FromDollars(price), Money.FromDollars(credit), null, null), IsOffered: true, s_now);
}
