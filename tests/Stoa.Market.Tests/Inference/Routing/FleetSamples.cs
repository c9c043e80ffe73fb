using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Routing;

/// <summary>Replicas, and a clock that is moved by hand.</summary>
internal static class FleetSamples
{
    public static RoutedRequest Request { get; } = new(100, default, 0, null);

    public static ReplicaModel Model(string listing = "acme/llama@1.0.0", params string[] capabilities) =>
        new(ListingName.Parse(listing), null, capabilities.Length == 0 ? ["chat"] : capabilities, 8_192, null);

    public static Replica Replica(int number, int maxRequests = 4, int weight = 1, string? region = null, ReplicaModel? model = null, ModelPrice? price = null) => new(
        new Id<Replica>(new Guid(number, 0, 0, new byte[8])),
        model ?? Model(),
        new Uri($"http://127.0.0.1:{9_000 + number}/v1"),
        "llama",
        region,
        weight,
        maxRequests,
        price,
        IsDraining: false,
        DateTimeOffset.UnixEpoch);

    public static Id<User> Account(int number) => new(new Guid(number, 1, 0, new byte[8]));

    public static ReplicaChooser Chooser(int seed = 1) => new(new PrefixIndex(1_024, 600), new Random(seed));

    public static RequestEnd Served(double firstTokenMs = 50) => new(RequestEndKind.Served, firstTokenMs, firstTokenMs + 100, 11, false);
}

internal sealed class HandTime : TimeProvider
{
    private readonly List<HandTimer> _timers = [];

    // Well behind the slow start of what is registered at zero.
    public long NowMs { get; private set; } = 100_000;

    public override long TimestampFrequency => 1_000;

    public override long GetTimestamp() => NowMs;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMilliseconds(NowMs);

    public void Advance(long milliseconds)
    {
        NowMs += milliseconds;
        foreach (var timer in _timers.ToList().Where(timer => timer.Due <= NowMs))
            timer.Fire();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new HandTimer(this, callback, state);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    private sealed class HandTimer(HandTime time, TimerCallback callback, object? state) : ITimer
    {
        public long Due { get; private set; } = long.MaxValue;

        public void Fire()
        {
            Due = long.MaxValue;
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : time.NowMs + (long)dueTime.TotalMilliseconds;
            return true;
        }

        public void Dispose() => Due = long.MaxValue;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
