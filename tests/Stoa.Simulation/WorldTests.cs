namespace Stoa.Simulation;

public sealed class WorldTests
{
    [Fact]
    public void Time_JumpsToWhatHappensNext()
    {
        var world = new World(1);
        var order = new List<string>();
        world.Run(() => Task.WhenAll(SayAsync("later", 20), SayAsync("sooner", 10), SayAsync("much later", 3_000_000)));
        order.ShouldBe(["sooner at 10", "later at 20", "much later at 3000000"]);

        async Task SayAsync(string what, int afterMs)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(afterMs), world.Time, TestContext.Current.CancellationToken);
            order.Add($"{what} at {(world.Time.GetUtcNow() - VirtualTime.Start).TotalMilliseconds}");
        }
    }

    [Fact]
    public void Happenings_OfOneMoment_KeepTheirOrder()
    {
        var world = new World(1);
        var order = new List<int>();
        world.Run(async () =>
        {
            for (var index = 0; index < 10; index++)
                world.Time.CreateTimer(state => order.Add((int)state!), index, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
            await Task.Delay(TimeSpan.FromSeconds(1), world.Time);
        });
        order.ShouldBe(Enumerable.Range(0, 10));
    }

    [Fact]
    public void Act_ThatWaitsForWhatNeverComes_IsADeadlock() =>
        Should.Throw<DeadlockException>(() => new World(7).Run(() => new TaskCompletionSource().Task)).Message.ShouldContain("Seed 7");

    [Fact]
    public void Act_ThatTakesTooLong_IsStopped()
    {
        var world = new World(1);
        Should.Throw<TimeoutException>(() => world.Run(async () =>
        {
            while (true)
                await Task.Delay(TimeSpan.FromMinutes(1), world.Time);
        }));
    }

    [Fact]
    public void Act_ThatFails_SaysHow() =>
        Should.Throw<InvalidDataException>(() => new World(1).Run(async () =>
        {
            await Task.Yield();
            throw new InvalidDataException();
        }));

    [Fact]
    public void Act_ThatLeavesForTheThreadPool_IsAnError() =>
        Should.Throw<InvalidOperationException>(() => new World(1).Run(async () => await Task.Run(() => Thread.SpinWait(100_000))))
            .Message.ShouldContain("another thread");

    [Fact]
    public void Timers_CanBeSetAnewAndStopped()
    {
        var world = new World(1);
        var rings = new List<double>();
        world.Run(async () =>
        {
            using var timer = world.Time.CreateTimer(_ => rings.Add(Seconds()), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromSeconds(2.5), world.Time);
            timer.Change(TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
            await Task.Delay(TimeSpan.FromSeconds(6), world.Time);
            timer.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
            timer.Dispose();
            await Task.Delay(TimeSpan.FromSeconds(6), world.Time);
        });
        rings.ShouldBe([1, 2, 7.5]);

        double Seconds() => (world.Time.GetUtcNow() - VirtualTime.Start).TotalSeconds;
    }

    [Fact]
    public void Tokens_AndPeriodicTimers_RunOnVirtualTime()
    {
        var world = new World(1);
        var ticks = 0;
        world.Run(async () =>
        {
            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(10.5), world.Time);
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), world.Time);
            try
            {
                while (await timer.WaitForNextTickAsync(stop.Token))
                    ticks++;
            }
            catch (OperationCanceledException)
            {
            }
        });
        ticks.ShouldBe(10);
    }
}
