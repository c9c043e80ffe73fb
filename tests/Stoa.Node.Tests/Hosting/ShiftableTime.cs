namespace Stoa.Node.Tests.Hosting;

/// <summary>The machine's clock, until a test puts it forward. Timers run on the machine's.</summary>
public sealed class ShiftableTime : TimeProvider
{
    private long _ahead;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _ahead));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, by.Ticks);
}
