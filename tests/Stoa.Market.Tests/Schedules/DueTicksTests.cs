using Stoa.Market.Schedules;

namespace Stoa.Market.Tests.Schedules;

public sealed class DueTicksTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(MissedRuns.Skip)]
    [InlineData(MissedRuns.RunOnce)]
    [InlineData(MissedRuns.RunAll)]
    public void Tick_OnTime_RunsWhateverThePolicy(MissedRuns policy)
    {
        var due = DueTicks.At(Every("*/10 * * * *"), s_noon, s_noon.AddSeconds(2), policy);

        due.Run.ShouldBe([s_noon]);
        (due.Missed, due.Next).ShouldBe((0, s_noon.AddMinutes(10)));
    }

    [Fact]
    public void NothingDue_IsNothingRun()
    {
        var due = DueTicks.At(Every("*/10 * * * *"), s_noon, s_noon.AddSeconds(-1), MissedRuns.RunAll);

        due.Run.ShouldBeEmpty();
        due.Next.ShouldBe(s_noon);
    }

    [Theory]
    [InlineData(MissedRuns.Skip, new int[0])]
    [InlineData(MissedRuns.RunOnce, new[] { 30 })]
    [InlineData(MissedRuns.RunAll, new[] { 0, 10, 20, 30 })]
    public void MissedTicks_AreAsThePolicySays(MissedRuns policy, int[] minutes)
    {
        var due = DueTicks.At(Every("*/10 * * * *"), s_noon, s_noon.AddMinutes(35), policy);

        due.Run.ShouldBe(minutes.Select(minute => s_noon.AddMinutes(minute)));
        (due.Missed, due.Next).ShouldBe((4, s_noon.AddMinutes(40)));
    }

    [Theory]
    [InlineData(MissedRuns.Skip, new[] { 30 })]
    [InlineData(MissedRuns.RunOnce, new[] { 30 })]
    [InlineData(MissedRuns.RunAll, new[] { 0, 10, 20, 30 })]
    public void MissedTicks_BeforeOneThatIsOnTime_AreCoveredByIt(MissedRuns policy, int[] minutes) =>
        DueTicks.At(Every("*/10 * * * *"), s_noon, s_noon.AddMinutes(30).AddSeconds(5), policy).Run.ShouldBe(minutes.Select(minute => s_noon.AddMinutes(minute)));

    [Fact]
    public void AYearOfMissedMinutes_RunsTheLastHundred()
    {
        var due = DueTicks.At(Every("* * * * *"), s_noon.AddYears(-1), s_noon.AddSeconds(90), MissedRuns.RunAll);

        due.Run.Count.ShouldBe(DueTicks.MaxMissed + 1);
        due.Run[^1].ShouldBe(s_noon.AddMinutes(1));
        due.Missed.ShouldBe((365 * 24 * 60) + 1);
    }

    private static Timetable Every(string text) =>
        new(CronExpression.TryParse(text, out var cron, out var reason) ? cron : throw new InvalidOperationException(reason), TimeZoneInfo.Utc);
}
