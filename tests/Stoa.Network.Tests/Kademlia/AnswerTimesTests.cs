using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

public sealed class AnswerTimesTests
{
    private readonly AnswerTimes _times = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(10));

    [Fact]
    public void Patience_FollowsWhatWasMeasured()
    {
        _times.Patience.ShouldBe(TimeSpan.FromMilliseconds(500));
        _times.Limit.ShouldBe(TimeSpan.FromSeconds(10));
        for (var number = 0; number < 100; number++)
            _times.Answered(TimeSpan.FromMilliseconds(number % 10 == 0 ? 400 : 40));
        _times.Patience.ShouldBe(TimeSpan.FromMilliseconds(50));
        _times.Limit.ShouldBe(TimeSpan.FromSeconds(1));
        for (var number = 0; number < 100; number++)
            _times.Answered(TimeSpan.FromMilliseconds(800));
        _times.Limit.ShouldBe(TimeSpan.FromMilliseconds(1_600));
    }

    [Fact]
    public void Limit_IsASecond_HoweverFastAnswersAre_ButNeverAboveTheMost()
    {
        var (patient, hasty) = (_times, new AnswerTimes(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(300)));
        foreach (var times in (AnswerTimes[])[patient, hasty])
        {
            for (var number = 0; number < 20; number++)
                times.Answered(TimeSpan.FromMilliseconds(2));
        }

        patient.Patience.ShouldBe(TimeSpan.FromMilliseconds(10));
        patient.Limit.ShouldBe(TimeSpan.FromSeconds(1));
        hasty.Limit.ShouldBe(TimeSpan.FromMilliseconds(300));
    }

    [Fact]
    public void Limit_Grows_WhenNothingComesAnyMore()
    {
        for (var number = 0; number < 20; number++)
            _times.Answered(TimeSpan.FromMilliseconds(40));
        for (var number = 0; number < 200; number++)
            _times.Missed();
        _times.Limit.ShouldBe(TimeSpan.FromSeconds(10));
        _times.Answered(TimeSpan.FromMilliseconds(400));
        _times.Limit.ShouldBe(TimeSpan.FromSeconds(1));
    }
}
