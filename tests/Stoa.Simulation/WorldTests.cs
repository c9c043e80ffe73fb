using System.Threading.Channels;

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

    public static TheoryData<string, Func<World, Task>> Ways => new()
    {
        { "Task.Run", _ => Task.Run(() => Thread.SpinWait(100_000)) },
        { "SemaphoreSlim", async world =>
            {
                using var semaphore = new SemaphoreSlim(0);
                using var stop = new CancellationTokenSource();
                world.Time.CreateTimer(_ => semaphore.Release(), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
                await semaphore.WaitAsync(stop.Token);
            } },
        { "ReadAllAsync", async world =>
            {
                var channel = Channel.CreateUnbounded<int>();
                world.Time.CreateTimer(_ => channel.Writer.TryWrite(1), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
                await foreach (var one in channel.Reader.ReadAllAsync())
                    break;
            } },
    };

    [Theory, MemberData(nameof(Ways))]
    public void Act_ThatLeavesForTheThreadPool_IsAnError(string way, Func<World, Task> act)
    {
        var world = new World(1);
        Should.Throw<InvalidOperationException>(() => world.Run(async () => await act(world)), way).Message.ShouldContain("another thread");
    }

    /// <summary>What is made for several threads but keeps to the context is at home here.</summary>
    [Fact]
    public void Channels_AndSemaphoresWithoutATokenAndWaitsWithATimeout_StayInTheWorld()
    {
        var world = new World(1);
        world.Run(async () =>
        {
            var channel = Channel.CreateUnbounded<int>();
            using var semaphore = new SemaphoreSlim(0);
            world.Time.CreateTimer(_ => channel.Writer.TryWrite(7), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
            world.Time.CreateTimer(_ => semaphore.Release(), null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
            (await channel.Reader.ReadAsync()).ShouldBe(7);
            await semaphore.WaitAsync();
            await Thrown.ByAsync<TimeoutException>(() => new TaskCompletionSource().Task.WaitAsync(TimeSpan.FromSeconds(3), world.Time));
            (world.Time.GetUtcNow() - VirtualTime.Start).TotalSeconds.ShouldBe(5);
        });
    }

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
