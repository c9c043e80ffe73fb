using System.Globalization;
using Stoa.Primitives;

namespace Stoa.Bench.Wasm;

/// <summary>Processor time, which other processes disturb less than they do the time of day.</summary>
internal static class ThreadTime
{
    /// <summary>Milliseconds that the thread has run; where the system does not tell, the whole process.</summary>
    public static double NowMs =>
        OperatingSystem.IsLinux()
            ? ThreadClock.Now.TotalMilliseconds
            : Environment.CpuUsage.TotalTime.TotalMilliseconds;

    /// <summary>Milliseconds that the threads of a name have run in this process, to a hundredth of a second; null where the system does not tell.</summary>
    public static double? OfNamedMs(string name)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var ticks = 0L;
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            if (File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd() != name)
                continue;
            // Behind the name in brackets: user time is the 12th word, system time the 13th, in hundredths of a second.
            var words = File.ReadAllText(Path.Combine(thread, "stat")).Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            ticks += long.Parse(words[11], CultureInfo.InvariantCulture) + long.Parse(words[12], CultureInfo.InvariantCulture);
        }

        return ticks * 10;
    }
}
