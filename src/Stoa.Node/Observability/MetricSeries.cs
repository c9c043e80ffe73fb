using System.Globalization;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>The figures of one instrument for one set of labels.</summary>
internal sealed class MetricSeries(string labels, IReadOnlyList<double> bounds)
{
    private readonly Lock guard = new();
    private readonly long[] buckets = new long[bounds.Count + 1];
    private double sum;
    private long count;

    /// <summary>Adds to a counter.</summary>
    public void Add(double value)
    {
        lock (guard)
            sum += value;
    }

    /// <summary>Sets a gauge, or the running total of an observed counter.</summary>
    public void Set(double value)
    {
        lock (guard)
            sum = value;
    }

    /// <summary>Files a value in a histogram.</summary>
    public void File(double value)
    {
        var index = 0;
        while (index < bounds.Count && value > bounds[index])
            index++;
        lock (guard)
        {
            buckets[index]++;
            count++;
            sum += value;
        }
    }

    /// <summary>Writes the series in the Prometheus text format.</summary>
    public void Write(StringBuilder text, string name, bool isHistogram)
    {
        lock (guard)
        {
            if (!isHistogram)
            {
                Line(text, name, labels, sum);
                return;
            }

            long below = 0;
            for (var index = 0; index < bounds.Count; index++)
                Line(text, name + "_bucket", WithBound(Number(bounds[index])), below += buckets[index]);
            Line(text, name + "_bucket", WithBound("+Inf"), count);
            Line(text, name + "_sum", labels, sum);
            Line(text, name + "_count", labels, count);
        }
    }

    private string WithBound(string bound) => labels.Length == 0 ? $"le=\"{bound}\"" : $"{labels},le=\"{bound}\"";

    private static void Line(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);
}
