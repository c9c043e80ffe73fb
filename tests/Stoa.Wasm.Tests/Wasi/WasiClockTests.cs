using Stoa.Wasm.Wasi;

namespace Stoa.Wasm.Tests.Wasi;

public sealed class WasiClockTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void Deterministic_EachReading_MovesItOneStep()
    {
        var clock = WasiClock.Deterministic(s_start);
        var startNs = (ulong)(s_start - DateTimeOffset.UnixEpoch).Ticks * 100;
        clock.PeekRealtimeNs().ShouldBe(startNs);
        clock.ReadRealtimeNs().ShouldBe(startNs + 1_000);
        clock.ReadMonotonicNs().ShouldBe(2_000UL);
        clock.PeekRealtimeNs().ShouldBe(startNs + 2_000);
    }

    [Fact]
    public void Deterministic_Waiting_MovesItByTheWait()
    {
        var clock = WasiClock.Deterministic(s_start);
        clock.WaitAsync(5_000_000_000, CancellationToken.None).IsCompletedSuccessfully.ShouldBeTrue();
        clock.ReadMonotonicNs().ShouldBe(5_000_001_000UL);
    }

    [Fact]
    public void Deterministic_WaitsForCenturies_NeverOverflow()
    {
        var clock = WasiClock.Deterministic(s_start);
        for (var i = 0; i < 4; i++)
            _ = clock.WaitAsync(ulong.MaxValue, CancellationToken.None);
        clock.ReadRealtimeNs().ShouldBeGreaterThan((ulong)long.MaxValue);
    }

    [Fact]
    public void Real_MonotonicReadings_GrowStrictly()
    {
        var clock = WasiClock.Real(TimeProvider.System);
        var last = 0UL;
        for (var i = 0; i < 10_000; i++)
        {
            var now = clock.ReadMonotonicNs();
            now.ShouldBeGreaterThan(last);
            last = now;
        }
    }

    [Fact]
    public void Real_Readings_ComeFromTheProvider()
    {
        var clock = WasiClock.Real(new StoppedTime());
        clock.ReadRealtimeNs().ShouldBe(42_000_000_000UL);
        (clock.ReadMonotonicNs(), clock.ReadMonotonicNs()).ShouldBe((1UL, 2UL));
        clock.MonotonicResolutionNs.ShouldBe(1_000UL);
    }

    [Fact]
    public async Task Real_WaitThatIsCancelled_Ends()
    {
        var clock = WasiClock.Real(TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var wait = clock.WaitAsync(ulong.MaxValue, stop.Token);
        wait.IsCompleted.ShouldBeFalse();
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(wait);
    }

    private sealed class StoppedTime : TimeProvider
    {
        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => 7;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(42);
    }
}
