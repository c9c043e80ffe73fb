using System.Diagnostics;

namespace Stoa.Bench;

/// <summary>Something that can be measured by name.</summary>
/// <param name="Name">What is typed after <c>./bench</c>.</param>
/// <param name="Summary">One line for the list.</param>
/// <param name="RunAsync">Measures.</param>
internal sealed record Benchmark(string Name, string Summary, Func<BenchmarkRun, CancellationToken, Task<Figures>> RunAsync)
{
    /// <summary>What can be measured alone, by <c>--only</c>. Empty: only all of it.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];
}

/// <summary>One run of a benchmark.</summary>
/// <param name="Tell">Takes the steps, for a person who waits.</param>
/// <param name="Warn">Takes what is missing from the figures, and why.</param>
/// <param name="Only">The parts that are wanted; empty: all.</param>
internal sealed record BenchmarkRun(Action<string> Tell, Action<string> Warn, IReadOnlyList<string> Only)
{
    public bool Wants(string part) => Only.Count == 0 || Only.Contains(part);
}

/// <summary>Time since a start, in milliseconds.</summary>
internal static class Clock
{
    public static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}
