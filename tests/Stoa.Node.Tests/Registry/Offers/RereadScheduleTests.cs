using Stoa.Node.Registry.Offers;

namespace Stoa.Node.Tests.Registry.Offers;

/// <summary>When what follows from listings is read again.</summary>
public sealed class RereadScheduleTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly RereadSchedule _schedule = new(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(600));

    [Fact]
    public void Read_IsDueAtOnceAtFirst_AndThenNowAndThen()
    {
        _schedule.IsDue(0, s_start).ShouldBeTrue();
        _schedule.Read(0, s_start);

        _schedule.IsDue(0, s_start.AddSeconds(599)).ShouldBeFalse();
        _schedule.IsDue(0, s_start.AddSeconds(600)).ShouldBeTrue();
    }

    [Fact]
    public void Changes_AreReadOnce_AShortWhileAfterTheLastOfThem()
    {
        _schedule.Read(0, s_start);
        var reads = 0;
        for (var second = 1; second <= 40; second++)
        {
            var changes = Math.Min(second, 20);
            if (!_schedule.IsDue(changes, s_start.AddSeconds(second)))
                continue;
            reads++;
            second.ShouldBe(23);
            _schedule.Read(changes, s_start.AddSeconds(second));
        }

        reads.ShouldBe(1);
    }

    [Fact]
    public void Changes_ThatNeverEnd_AreReadAllTheSame()
    {
        _schedule.Read(0, s_start);
        var first = Enumerable.Range(1, 300).First(second => _schedule.IsDue(second, s_start.AddSeconds(second)));

        first.ShouldBe(61);
    }
}
