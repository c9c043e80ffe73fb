using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class IdSourceTests
{
    private const long StartMs = 1_700_000_000_000;

    [Fact]
    public void NextUuid_Any_IsVersion7WithTheTime()
    {
        var uuid = new IdSource(new ManualTime(StartMs), new Random(1)).NextUuid();
        uuid.Version.ShouldBe(7);
        (uuid.Variant >> 2).ShouldBe(0b10);
        TimeOf(uuid).ShouldBe(StartMs);
    }

    [Fact]
    public void NextUuid_WithinOneMillisecond_AscendsBeyondTheCounter()
    {
        var ids = new IdSource(new ManualTime(StartMs), new Random(1));
        var made = Enumerable.Range(0, 10_000).Select(_ => ids.NextUuid()).ToArray();
        made.ShouldBeInOrder(SortDirection.Ascending);
        made.Distinct().Count().ShouldBe(made.Length);
        made.ShouldAllBe(uuid => uuid.Version == 7 && uuid.Variant >> 2 == 0b10);
        TimeOf(made[0]).ShouldBe(StartMs);
        TimeOf(made[^1]).ShouldBeInRange(StartMs + 2, StartMs + 3);
    }

    [Fact]
    public void NextUuid_WhateverTheClockDoes_Ascends() =>
        Prop.ForAll((int[] stepsMs) =>
        {
            var time = new ManualTime(StartMs);
            var ids = new IdSource(time, new Random(1));
            var last = ids.NextUuid();
            return stepsMs.All(stepMs =>
            {
                time.UnixTimeMs += stepMs;
                var next = ids.NextUuid();
                var ascends = next > last && TimeOf(next) >= time.UnixTimeMs;
                last = next;
                return ascends;
            });
        }).ShouldHold();

    [Fact]
    public void NextUuid_WithTheSameSeed_RepeatsItself()
    {
        var (first, second) = (new IdSource(new ManualTime(StartMs), new Random(7)), new IdSource(new ManualTime(StartMs), new Random(7)));
        for (var count = 0; count < 100; count++)
            first.NextUuid().ShouldBe(second.NextUuid());
    }

    [Fact]
    public void Next_FromManyThreads_NeverRepeats()
    {
        var ids = new IdSource(new ManualTime(StartMs), new Random(1));
        var made = new Id<Ship>[4][];
        Parallel.For(0, made.Length, thread =>
        {
            made[thread] = new Id<Ship>[5_000];
            for (var index = 0; index < made[thread].Length; index++)
                made[thread][index] = ids.Next<Ship>();
        });
        made.ShouldAllBe(ofThread => ofThread.Zip(ofThread.Skip(1)).All(pair => pair.First < pair.Second));
        made.SelectMany(ofThread => ofThread).Distinct().Count().ShouldBe(20_000);
    }

    private static long TimeOf(Guid uuid) => Convert.ToInt64(uuid.ToString("N")[..12], 16);
}
