using Stoa.Market.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Market.Tests.PayPerCall;

public sealed class UnpaidThrottleTests
{
    private static readonly CallCredit s_credit = new(new Money(100), new Money(60), new Money(30), Money.Zero);

    private readonly Clock _time = new();
    private readonly UnpaidThrottle _throttle;

    public UnpaidThrottleTests() => _throttle = new UnpaidThrottle(_time);

    [Fact]
    public void TooLittle_OfAMomentAgo_IsTooLittleStill_ForAsMuchAndMore()
    {
        _throttle.FindTooLittle(new Money(20), new Money(100)).ShouldBeNull("nothing is known yet");
        _throttle.NoteUnpaid(new Money(20), new Money(100), s_credit);

        _throttle.FindTooLittle(new Money(20), new Money(100)).ShouldBe(s_credit);
        _throttle.FindTooLittle(new Money(21), new Money(99)).ShouldBe(s_credit);
        _throttle.FindTooLittle(new Money(19), new Money(100)).ShouldBeNull("less may be paid for");
        _throttle.FindTooLittle(new Money(20), new Money(101)).ShouldBeNull("more was paid");
        _time.Now += UnpaidThrottle.Remembered;
        _throttle.FindTooLittle(new Money(20), new Money(100)).ShouldBeNull("that was long ago");
    }

    [Fact]
    public void WhatIsPaid_IsForgotten()
    {
        for (var request = 0; request < UnpaidThrottle.MostInARow; request++)
            _throttle.NoteUnpaid(new Money(20), new Money(100), s_credit);
        _throttle.MayBringLong(new Money(100)).ShouldBeFalse();

        _throttle.NotePaid();

        _throttle.FindTooLittle(new Money(20), new Money(100)).ShouldBeNull();
        _throttle.MayBringLong(new Money(100)).ShouldBeTrue();
    }

    [Fact]
    public void LongBodies_OfWhoDoesNotPay_AreReadAFewTimes_AndAgainAfterAPause()
    {
        _throttle.NoteUnpaid(new Money(20), new Money(100), s_credit);
        for (var request = 1; request < UnpaidThrottle.MostInARow; request++)
        {
            _throttle.MayBringLong(new Money(100)).ShouldBeTrue();
            _throttle.FindTooLittle(new Money(20), new Money(100)).ShouldNotBeNull();
        }

        _throttle.MayBringLong(new Money(100)).ShouldBeFalse();
        // 60 spent, 30 reserved, and 20 that were asked for.
        _throttle.MayBringLong(new Money(109)).ShouldBeFalse();
        _throttle.MayBringLong(new Money(110)).ShouldBeTrue("it is what was demanded");
        _time.Now += UnpaidThrottle.Pause - TimeSpan.FromTicks(1);
        _throttle.MayBringLong(new Money(100)).ShouldBeFalse();
        _time.Now += TimeSpan.FromTicks(1);
        _throttle.MayBringLong(new Money(100)).ShouldBeTrue();
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
