using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>Measured progress in words.</summary>
internal static class ProgressText
{
    public static string Of(TaskProgressData progress) =>
        $"{Format.Size(progress.InputBytesRead)} of {Format.Size(progress.InputBytesTotal)} read, "
        + $"{Format.Size(progress.OutputBytesWritten)} written, {Format.Fuel(progress.Fuel)}, "
        + Format.Duration(TimeSpan.FromMilliseconds(progress.ElapsedMs));

    /// <summary>The part of the input that was read, from 0 to 1.</summary>
    public static double Fraction(TaskProgressData progress) =>
        progress.InputBytesTotal <= 0 ? 0 : Math.Clamp((double)progress.InputBytesRead / progress.InputBytesTotal, 0, 1);
}
