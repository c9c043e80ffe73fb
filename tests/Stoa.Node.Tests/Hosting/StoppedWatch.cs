namespace Stoa.Node.Tests.Hosting;

/// <summary>The machine's clock, but by which nothing takes any time. Timers run on the machine's.</summary>
public sealed class StoppedWatch : TimeProvider
{
    public override long GetTimestamp() => 0;
}
