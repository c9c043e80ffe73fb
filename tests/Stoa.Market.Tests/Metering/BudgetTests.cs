using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Metering;

public sealed class BudgetTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);
    private static readonly Id<User> s_owner = new(Guid.NewGuid());

    [Theory]
    [InlineData(UsageSpan.Hour, "2026-11-30T23:59:59.999Z", "2026-11-30T23:00:00Z", "2026-12-01T00:00:00Z")]
    [InlineData(UsageSpan.Day, "2026-11-30T23:59:59.999Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z")]
    [InlineData(UsageSpan.Month, "2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData(UsageSpan.Month, "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z")]
    [InlineData(UsageSpan.Day, "2026-11-30T00:30:00+01:00", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z")]
    public void Period_OfAnInstant_IsOfUtc(UsageSpan span, string instant, string start, string next)
    {
        span.StartOf(Time(instant)).ShouldBe(Time(start));
        span.Next(Time(start)).ShouldBe(Time(next));

        static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData("", "ann/upper@1.0.0", true)]
    [InlineData("ann", "ann/upper@1.0.0", true)]
    [InlineData("ann", "anna/upper@1.0.0", false)]
    [InlineData("ann/upper", "ann/upper@2.0.0", true)]
    [InlineData("ann/upper", "ann/upper-case@1.0.0", false)]
    [InlineData("ann/upper", "bob/upper@1.0.0", false)]
    public void Scope_CoversItsAgents(string scope, string agent, bool covers) => New(scope: scope).Covers(ListingName.Parse(agent)).ShouldBe(covers);

    [Fact]
    public void Hold_UpToTheAmount_FitsAndNotANanodollarMore()
    {
        var held = New("1").Hold(Money.Parse("0.4")).ShouldNotBeNull().Settle(New().Meter.Start, Money.Parse("0.4"), Money.Parse("0.1"));

        held.Left.ShouldBe(Money.Parse("0.9"));
        held.Hold(Money.Parse("0.9")).ShouldNotBeNull().Left.ShouldBe(Money.Zero);
        held.Hold(Money.Parse("0.900000001")).ShouldBeNull();
        held.Hold(new Money(long.MaxValue)).ShouldBeNull();
        (held with { Amount = Money.Parse("0.05") }).Left.ShouldBe(Money.Zero, "an amount that was lowered below what is spent");
        (held with { Amount = Money.Parse("0.05") }).Hold(Money.Zero).ShouldNotBeNull("what costs nothing always fits");
    }

    [Fact]
    public void Period_Renews_AndNeverGoesBack()
    {
        var used = New("1").Hold(Money.Parse("0.4")).ShouldNotBeNull();

        used.At(s_noon.AddHours(11)).ShouldBe(used);
        var renewed = used.At(s_noon.AddHours(12));
        renewed.Meter.ShouldBe(BudgetMeter.New(s_noon.AddHours(12)));
        renewed.At(s_noon).ShouldBe(renewed);
        renewed.Settle(used.Meter.Start, Money.Parse("0.4"), Money.Parse("0.3")).ShouldBe(renewed, "what was held yesterday counts there");
    }

    [Theory]
    [InlineData(0, 0, false, new int[0])]
    [InlineData(0.499999999, 0, false, new int[0])]
    [InlineData(0.5, 0, false, new[] { 50 })]
    [InlineData(0.9, 50, false, new[] { 80 })]
    [InlineData(1, 0, false, new[] { 50, 80, 100 })]
    [InlineData(0.6, 50, true, new[] { 100 })]
    [InlineData(1, 100, false, new int[0])]
    public void Threshold_IsToldOnce(double captured, int told, bool isExhausted, int[] passed)
    {
        var budget = New("1") with { Meter = new BudgetMeter(s_noon.AddHours(-12), Money.Zero, Money.FromDollars((decimal)captured), told, isExhausted) };

        var (said, after) = budget.Tell();

        said.ShouldBe(passed);
        after.Tell().Passed.ShouldBeEmpty();
        (budget.AlertAt <= budget.Meter.Captured || isExhausted).ShouldBe(passed.Length > 0, "the row says by itself whether there is something to tell");
        (after.AlertAt <= after.Meter.Captured).ShouldBeFalse();
    }

    [Fact]
    public void Exhaustion_IsNotedOnlyIfItIsToBeTold()
    {
        New().Exhaust().Meter.IsExhausted.ShouldBeTrue();
        (New() with { Thresholds = [50] }).Exhaust().Meter.IsExhausted.ShouldBeFalse();
        New().Exhaust().Tell().Told.Exhaust().Meter.IsExhausted.ShouldBeFalse("it was told");
    }

    [Theory]
    [InlineData(null, null, "", 0)]
    [InlineData("ann/upper", null, "ann/upper", 0)]
    [InlineData(null, "ann", "ann", 0)]
    [InlineData("ann/upper@1.0.0", null, null, 1)]
    [InlineData("upper", null, null, 1)]
    [InlineData(null, "Ann", null, 1)]
    [InlineData("ann/upper", "ann", null, 1)]
    public void Scope_OfARequest_IsCheckedAgainstTheGrammar(string? agent, string? publisher, string? scope, int faults)
    {
        var errors = new List<FieldError>();

        var read = BudgetRules.ReadScope(agent, publisher, errors);

        errors.Count.ShouldBe(faults);
        if (faults == 0)
            read.ShouldBe(scope);
    }

    [Theory]
    [InlineData(new[] { 100, 50, 50 }, new[] { 50, 100 }, 0)]
    [InlineData(new int[0], new int[0], 0)]
    [InlineData(new[] { 0 }, null, 1)]
    [InlineData(new[] { 101 }, null, 1)]
    [InlineData(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, null, 1)]
    public void Thresholds_OfARequest_AreFewPercentagesInOrder(int[] given, int[]? read, int faults)
    {
        var errors = new List<FieldError>();

        var thresholds = BudgetRules.ReadThresholds(given, errors);

        errors.Count.ShouldBe(faults);
        if (read is not null)
            thresholds.ShouldBe(read);
    }

    private static Budget New(string amount = "1", string scope = "") => new(
        new Id<Budget>(Guid.Empty), s_owner, UsageSpan.Day, scope, Money.Parse(amount), [50, 80, 100], true, BudgetMeter.New(s_noon.AddHours(-12)), s_noon);
}
