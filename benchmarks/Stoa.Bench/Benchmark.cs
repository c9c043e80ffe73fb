using System.Diagnostics;

namespace Stoa.Bench;

/// <summary>Something that can be measured by name.</summary>
/// <param name="Name">What is typed after <c>./bench</c>.</param>
/// <param name="Summary">One line for the list.</param>
/// <param name="RunAsync">Measures; tells what it is doing through the given writer.</param>
internal sealed record Benchmark(string Name, string Summary, Func<Action<string>, CancellationToken, Task<Figures>> RunAsync);

/// <summary>The outcome of a benchmark: names with their unit last, in the order in which they are shown.</summary>
internal sealed class Figures
{
    private readonly List<(string Name, double Value)> _values = [];

    public IReadOnlyList<(string Name, double Value)> Values => _values;

    public void Add(string name, double value) => _values.Add((name, value));

    /// <summary>The named percentiles of samples in milliseconds.</summary>
    public void AddPercentiles(string name, IEnumerable<double> samplesMs, params int[] percentiles)
    {
        var sorted = samplesMs.Order().ToArray();
        foreach (var percentile in percentiles)
            Add($"{name}_p{percentile}", Percentile(sorted, percentile));
    }

    public static double Median(IEnumerable<double> samples) => Percentile([.. samples.Order()], 50);

    private static double Percentile(double[] sorted, int percentile) =>
        sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(sorted.Length * percentile / 100.0) - 1)];
}

/// <summary>Time since a start, in milliseconds.</summary>
internal static class Clock
{
    public static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}
