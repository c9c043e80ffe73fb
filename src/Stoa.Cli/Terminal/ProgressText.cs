using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>Progress in words: what the agent says, where it says something, and what the sandbox measures.</summary>
internal static class ProgressText
{
    public static string Of(TaskProgressData progress) => progress.Done is { } done
        ? $"{Of(done, progress.Total, progress.Message)}, {Format.Fuel(progress.Fuel)}, {Format.Duration(TimeSpan.FromMilliseconds(progress.ElapsedMs))}"
        : $"{Format.Size(progress.InputBytesRead)} of {Format.Size(progress.InputBytesTotal)} read, "
        + $"{Format.Size(progress.OutputBytesWritten)} written, {Format.Fuel(progress.Fuel)}, "
        + Format.Duration(TimeSpan.FromMilliseconds(progress.ElapsedMs));

    /// <summary>The part that is done by the agent's word, or else the part of the input that was read: from 0 to 1. 0 where nobody knows.</summary>
    public static double Fraction(TaskProgressData progress) => progress.Done is { } done
        ? Fraction(done, progress.Total ?? 0)
        : Fraction(progress.InputBytesRead, progress.InputBytesTotal);

    /// <summary>What an agent says.</summary>
    public static string Of(long done, long? total, string? message)
    {
        var count = Format.Invariant($"{done:N0}") + (total is { } all ? Format.Invariant($" of {all:N0}") : "");
        return message is null ? count : $"{Format.Line(message)} {count}";
    }

    private static double Fraction(long done, long total) => total <= 0 ? 0 : Math.Clamp((double)done / total, 0, 1);
}
