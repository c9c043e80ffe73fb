using System.Runtime.InteropServices;

namespace Stoa.Bench.Wasm;

/// <summary>Processor time, which other processes disturb less than they do the time of day.</summary>
internal static partial class ThreadTime
{
    private const int ThreadCpuTimeOnLinux = 3;

    /// <summary>Milliseconds that the thread has run; where the system does not tell, the whole process.</summary>
    public static double NowMs =>
        OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTimeOnLinux, out var time) == 0
            ? (time.Seconds * 1e3) + (time.Nanoseconds / 1e6)
            : Environment.CpuUsage.TotalTime.TotalMilliseconds;

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
