using System.Globalization;

namespace Stoa.Simulation;

/// <summary>How fast a world runs, for people to read: it is told and never asserted.</summary>
internal sealed class Pace(World world, int seed)
{
    // Of the processor, which others may be busy with too.
    private readonly TimeSpan _before = Environment.CpuUsage.TotalTime;

    public override string ToString()
    {
        var (passed, took) = ((world.Time.GetUtcNow() - VirtualTime.Start).TotalSeconds, (Environment.CpuUsage.TotalTime - _before).TotalSeconds);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"STOA_TEST_SEED={seed}: {passed:0} virtual seconds and {world.Happenings} happenings in {took:0.0} s of the processor, {passed / Math.Max(took, 0.001):0} virtual seconds a second.");
    }
}
