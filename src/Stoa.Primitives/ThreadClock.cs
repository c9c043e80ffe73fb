using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Stoa.Primitives;

/// <summary>Processor time of the calling thread: what it has worked, however long others kept the processor from it.</summary>
/// <remarks>On Linux; elsewhere the time of day stands for it, which is never less.</remarks>
public static partial class ThreadClock
{
    private const int ThreadCpuTimeOnLinux = 3;

    /// <summary>So much the calling thread has worked; only differences mean something, and only those between calls from one thread.</summary>
    public static TimeSpan Now => OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTimeOnLinux, out var time) == 0
        ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / TimeSpan.NanosecondsPerTick)
        : Stopwatch.GetElapsedTime(0);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int clock_gettime(int clock, out TimeSpecification time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpecification
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
