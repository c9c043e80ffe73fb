namespace Stoa.Primitives.Tests;

public sealed class ThreadClockTests
{
    [Fact]
    public void Now_OfAThreadThatWaits_StandsStillOnLinux()
    {
        var began = ThreadClock.Now;
        Thread.Sleep(100);
        var waited = ThreadClock.Now - began;
        while (ThreadClock.Now - began < waited + TimeSpan.FromMilliseconds(20))
            Thread.SpinWait(100);

        waited.ShouldBeGreaterThanOrEqualTo(TimeSpan.Zero);
        if (OperatingSystem.IsLinux())
            waited.ShouldBeLessThan(TimeSpan.FromMilliseconds(50));
    }
}
