using System.Runtime.InteropServices;

namespace Stoa.Bench;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe() =>
        $"{Processor()}, {Environment.ProcessorCount} processors, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20:N0} MiB; "
        + $"{RuntimeInformation.OSDescription}; {RuntimeInformation.FrameworkDescription}{Load()}";

    /// <summary>How busy the machine is, with what else runs on it too.</summary>
    private static string Load()
    {
        const string Average = "/proc/loadavg";
        return File.Exists(Average) ? $"; load {File.ReadAllText(Average).Split(' ')[1]} in the last five minutes" : "";
    }

    private static string Processor()
    {
        const string Info = "/proc/cpuinfo";
        var model = File.Exists(Info) ? File.ReadLines(Info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return model?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
