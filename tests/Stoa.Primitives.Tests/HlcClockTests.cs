using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class HlcClockTests
{
    private const long StartMs = 1_700_000_000_000;

    [Fact]
    public void Now_ClockMoves_FollowsItAndCountsBetween()
    {
        var time = new ManualTime(StartMs);
        var clock = new HlcClock(time);
        clock.Now().ShouldBe(new Hlc(StartMs, 0));
        clock.Now().ShouldBe(new Hlc(StartMs, 1));
        time.UnixTimeMs++;
        clock.Now().ShouldBe(new Hlc(StartMs + 1, 0));
        time.UnixTimeMs -= 1_000;
        clock.Now().ShouldBe(new Hlc(StartMs + 1, 1));
    }

    [Fact]
    public void Now_CounterFull_CarriesIntoTheTime()
    {
        var clock = new HlcClock(new ManualTime(StartMs));
        clock.Observe(new Hlc(StartMs, ushort.MaxValue)).ShouldBe(HlcObservation.Accepted);
        clock.Now().ShouldBe(new Hlc(StartMs + 1, 0));
    }

    [Fact]
    public void Observe_RemoteAhead_MakesLaterTimestampsGreater()
    {
        var clock = new HlcClock(new ManualTime(StartMs));
        var remote = new Hlc(StartMs + 500, 3);
        clock.Observe(remote).ShouldBe(HlcObservation.Accepted);
        clock.Now().ShouldBe(new Hlc(StartMs + 500, 4));
    }

    [Fact]
    public void Observe_RemoteBehind_ChangesNothing()
    {
        var clock = new HlcClock(new ManualTime(StartMs));
        clock.Observe(new Hlc(0, 9)).ShouldBe(HlcObservation.Accepted);
        clock.Now().ShouldBe(new Hlc(StartMs, 0));
    }

    [Theory]
    [InlineData(100, HlcObservation.Accepted)]
    [InlineData(101, HlcObservation.TooFarAhead)]
    public void Observe_AtTheDriftLimit_DecidesByIt(long aheadMs, HlcObservation expected)
    {
        var clock = new HlcClock(new ManualTime(StartMs), TimeSpan.FromMilliseconds(100));
        clock.Observe(new Hlc(StartMs + aheadMs, 7)).ShouldBe(expected);
        clock.Now().ShouldBe(expected == HlcObservation.Accepted ? new Hlc(StartMs + aheadMs, 8) : new Hlc(StartMs, 0));
    }

    [Fact]
    public void Observe_TheGreatestTimestamp_IsRefused()
    {
        var clock = new HlcClock(new ManualTime(StartMs));
        clock.Observe(new Hlc(Hlc.MaxUnixTimeMs, ushort.MaxValue)).ShouldBe(HlcObservation.TooFarAhead);
        clock.Now().ShouldBe(new Hlc(StartMs, 0));
    }

    [Fact]
    public void Constructor_NegativeDrift_IsRefused() =>
        Should.Throw<ArgumentOutOfRangeException>(() => new HlcClock(new ManualTime(StartMs), TimeSpan.FromMilliseconds(-1)));

    [Fact]
    public void Now_WhateverHappens_AscendsAndStaysNear() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(int StepMs, int RemoteAheadMs, bool Observes)[]>(), events =>
        {
            var time = new ManualTime(StartMs);
            var clock = new HlcClock(time, TimeSpan.FromMilliseconds(50));
            var highestPhysicalMs = time.UnixTimeMs;
            var last = clock.Now();
            foreach (var (stepMs, remoteAheadMs, observes) in events)
            {
                time.UnixTimeMs += stepMs;
                highestPhysicalMs = Math.Max(highestPhysicalMs, time.UnixTimeMs);
                var remote = new Hlc(time.UnixTimeMs + remoteAheadMs, 0);
                var accepted = observes && clock.Observe(remote) == HlcObservation.Accepted;
                var now = clock.Now();
                if (now <= last || (accepted && now <= remote) || now.UnixTimeMs > highestPhysicalMs + 50)
                    return false;
                last = now;
            }
            return true;
        }).ShouldHold();

    [Fact]
    public void Now_FromManyThreads_NeverRepeats()
    {
        var clock = new HlcClock(new ManualTime(StartMs));
        var given = new Hlc[4][];
        Parallel.For(0, given.Length, thread =>
        {
            given[thread] = new Hlc[5_000];
            for (var index = 0; index < given[thread].Length; index++)
                given[thread][index] = clock.Now();
        });
        given.ShouldAllBe(ofThread => ofThread.Zip(ofThread.Skip(1)).All(pair => pair.First < pair.Second));
        given.SelectMany(ofThread => ofThread).Distinct().Count().ShouldBe(20_000);
    }
}
