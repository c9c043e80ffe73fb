using System.Globalization;
using Stoa.Market.Schedules;

namespace Stoa.Market.Tests.Schedules;

public sealed class CronTests
{
    [Theory]
    [InlineData("", "Five fields")]
    [InlineData("* * * *", "Five fields")]
    [InlineData("* * * * * *", "Five fields")]
    [InlineData("@fortnightly", "Five fields")]
    [InlineData("60 * * * *", "minute")]
    [InlineData("* 24 * * *", "hour")]
    [InlineData("* * 0 * *", "day of the month")]
    [InlineData("* * 32 * *", "day of the month")]
    [InlineData("* * * 13 *", "month")]
    [InlineData("* * * FOO *", "JAN")]
    [InlineData("* * * * 8", "day of the week")]
    [InlineData("*/0 * * * *", "step")]
    [InlineData("*/60 * * * *", "step")]
    [InlineData("5-1 * * * *", "backwards")]
    [InlineData("1,,2 * * * *", "minute")]
    [InlineData("-1 * * * *", "minute")]
    [InlineData("1-2-3 * * * *", "minute")]
    [InlineData("* * L * *", "day of the month")]
    [InlineData("0 0 30 2 *", "never fire")]
    [InlineData("0 0 31 4,6,9,11 *", "never fire")]
    [InlineData("0 0 30 FEB */2", "never fire")]
    public void Expression_ThatCannotBe_IsRefusedWithTheReason(string text, string reason)
    {
        CronExpression.TryParse(text, out var cron, out var told).ShouldBeFalse();

        cron.ShouldBeNull();
        told!.ShouldContain(reason);
    }

    [Theory]
    [InlineData("@hourly", "2026-03-01 12:30", "2026-03-01 13:00")]
    [InlineData("@DAILY", "2026-03-01 12:30", "2026-03-02 00:00")]
    [InlineData("@weekly", "2026-03-02 12:30", "2026-03-08 00:00")]
    [InlineData("@monthly", "2026-03-02 12:30", "2026-04-01 00:00")]
    [InlineData("@yearly", "2026-03-02 12:30", "2027-01-01 00:00")]
    [InlineData("30 8 * * MON-FRI", "2026-11-20 08:30", "2026-11-23 08:30")]
    [InlineData("0 9 * * fri-sun", "2026-11-19 10:00", "2026-11-20 09:00")]
    [InlineData("0 9 * * 7", "2026-11-19 10:00", "2026-11-22 09:00")]
    [InlineData("5/20 * * * *", "2026-01-01 00:05", "2026-01-01 00:25")]
    [InlineData("0 8-18/5 * * *", "2026-01-01 13:00", "2026-01-01 18:00")]
    [InlineData("0 0 13 * FRI", "2026-11-22 00:00", "2026-11-27 00:00")]
    [InlineData("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00")]
    [InlineData("0 0 30 2 MON", "2026-02-01 00:00", "2026-02-02 00:00")]
    [InlineData("0 0 31 * *", "2026-03-31 00:00", "2026-05-31 00:00")]
    [InlineData("  0   0 1 1 * ", "2026-01-01 00:00", "2027-01-01 00:00")]
    public void Next_IsTheFirstInstantAfter(string text, string after, string expected) =>
        Table(text, "UTC").Next(Utc(after)).ShouldBe(Utc(expected));

    [Theory]
    // Berlin: 02:00 becomes 03:00 on 2026-03-29, 03:00 becomes 02:00 on 2026-10-25.
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00", "2026-03-30 00:30")]
    [InlineData("0,15,30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00", "2026-03-30 00:00")]
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 00:30", "2026-10-26 01:30")]
    [InlineData("30 * * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 00:30", "2026-03-29 01:30")]
    [InlineData("30 * * * *", "Europe/Berlin", "2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:30")]
    [InlineData("0 */2 * * *", "Europe/Berlin", "2026-03-28 23:30", "2026-03-29 02:00", "2026-03-29 04:00")]
    // São Paulo put its clocks forward at midnight: 2018-11-04 began at 01:00.
    [InlineData("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00", "2018-11-04 03:00", "2018-11-05 02:00")]
    // Samoa left out 2011-12-30.
    [InlineData("0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00", "2011-12-30 10:00", "2012-12-29 22:00")]
    public void ChangeOfClocks_IsAsDocumented(string text, string zone, string after, string first, string second) =>
        Table(text, zone).After(Utc(after)).Take(2).ShouldBe([Utc(first), Utc(second)]);

    [Theory]
    [InlineData("UTC", "2026-01-01")]
    [InlineData("Europe/Berlin", "2026-03-20")]
    [InlineData("Europe/Berlin", "2026-10-18")]
    [InlineData("America/New_York", "2026-10-25")]
    [InlineData("America/St_Johns", "2006-10-22")]
    [InlineData("America/Sao_Paulo", "2018-10-28")]
    [InlineData("America/Sao_Paulo", "2019-02-10")]
    [InlineData("Australia/Lord_Howe", "2026-09-28")]
    [InlineData("Australia/Lord_Howe", "2026-03-30")]
    [InlineData("Pacific/Apia", "2011-12-24")]
    [InlineData("Asia/Kathmandu", "2026-06-01")]
    [InlineData("Africa/Casablanca", "2026-02-10")]
    [Trait("speed", "slow")]
    public void Instants_AreThoseOfAWalkThroughEveryMinute(string zoneName, string start)
    {
        var random = new Lcg(7);
        var (from, until) = (Utc(start + " 00:00"), Utc(start + " 00:00") + TimeSpan.FromDays(16));
        for (var round = 0; round < 40; round++)
        {
            var text = $"{Field(random, 0, 59)} {Field(random, 0, 23)} {Field(random, 1, 31)} {Field(random, 1, 12)} {Field(random, 0, 7)}";
            if (!CronExpression.TryParse(text, out var cron, out _))
                continue;
            var zone = Timetable.FindZone(zoneName)!;

            var ticks = new Timetable(cron, zone).After(from).TakeWhile(tick => tick < until).ToList();

            ticks.ShouldBe(Walk(cron, zone, from, until), $"{text} in {zoneName}");
        }
    }

    [Theory]
    [InlineData("Europe/Berlin", true)]
    [InlineData("UTC", true)]
    [InlineData("America/Argentina/Buenos_Aires", true)]
    [InlineData("Etc/GMT+5", true)]
    [InlineData("W. Europe Standard Time", false)]
    [InlineData("Mars/Olympus", false)]
    [InlineData("", false)]
    [InlineData("../../etc/passwd", false)]
    [InlineData("/etc/localtime", false)]
    [InlineData("zone.tab", false)]
    public void Zones_AreFoundByTheirIanaNames(string name, bool isThere) => (Timetable.FindZone(name) is not null).ShouldBe(isThere);

    /// <summary>What the documentation says, minute by minute.</summary>
    private static List<DateTimeOffset> Walk(CronExpression cron, TimeZoneInfo zone, DateTimeOffset from, DateTimeOffset until)
    {
        var ticks = new List<DateTimeOffset>();
        var seen = new HashSet<DateTime>();
        var start = from - TimeSpan.FromHours(3);
        var previous = TimeZoneInfo.ConvertTime(start - TimeSpan.FromMinutes(1), zone).DateTime;
        for (var instant = start; instant < until; instant += TimeSpan.FromMinutes(1))
        {
            var local = TimeZoneInfo.ConvertTime(instant, zone).DateTime;
            var fires = cron.IsAt(local) && (seen.Add(local) || cron.RunsThroughHours);
            for (var left = previous.AddMinutes(1); left < local && !cron.RunsThroughHours; left = left.AddMinutes(1))
                fires |= cron.IsAt(left) && seen.Add(left);
            if (fires && instant > from)
                ticks.Add(instant);
            previous = local;
        }

        return ticks;
    }

    private static string Field(Lcg random, int first, int last)
    {
        string Part() => random.Next(5) switch
        {
            0 => "*",
            1 => $"*/{1 + random.Next(last)}",
            2 => Range(),
            3 => $"{Range()}/{1 + random.Next(5)}",
            _ => $"{first + random.Next(last - first + 1)}",
        };
        string Range()
        {
            var low = first + random.Next(last - first + 1);
            return $"{low}-{low + random.Next(last - low + 1)}";
        }

        return random.Next(3) == 0 ? "*" : string.Join(',', Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Part()));
    }

    private static Timetable Table(string text, string zone)
    {
        CronExpression.TryParse(text, out var cron, out var reason).ShouldBeTrue(reason);
        return new Timetable(cron!, Timetable.FindZone(zone).ShouldNotBeNull());
    }

    private static DateTimeOffset Utc(string text) => DateTimeOffset.ParseExact(text, "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>Chance that is the same in every run.</summary>
    private sealed class Lcg(uint seed)
    {
        private uint _state = seed;

        public int Next(int below)
        {
            _state = (_state * 1_664_525) + 1_013_904_223;
            return (int)((_state >> 8) % (uint)below);
        }
    }
}
