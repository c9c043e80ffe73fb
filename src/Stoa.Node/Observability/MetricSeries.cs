using System.Globalization;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>The figures of one instrument for one set of labels.</summary>
internal sealed class MetricSeries(string labels, IReadOnlyList<double> bounds)
{
    private readonly Lock _guard = new();
    private readonly long[] _buckets = new long[bounds.Count + 1];
    private double _sum;
    private long _count;

    /// <summary>Adds to a counter.</summary>
    public void Add(double value)
    {
        lock (_guard)
            _sum += value;
    }

    /// <summary>Sets a gauge, or the running total of an observed counter.</summary>
    public void Set(double value)
    {
        lock (_guard)
            _sum = value;
    }

    /// <summary>Files a value in a histogram.</summary>
    public void File(double value)
    {
        var index = 0;
        while (index < bounds.Count && value > bounds[index])
            index++;
        lock (_guard)
        {
            _buckets[index]++;
            _count++;
            _sum += value;
        }
    }

    /// <summary>Writes the series in the Prometheus text format.</summary>
    public void Write(StringBuilder text, string name, bool isHistogram)
    {
        lock (_guard)
        {
            if (!isHistogram)
            {
                Line(text, name, labels, _sum);
                return;
            }

            long below = 0;
            for (var index = 0; index < bounds.Count; index++)
                Line(text, name + "_bucket", WithBound(Number(bounds[index])), below += _buckets[index]);
            Line(text, name + "_bucket", WithBound("+Inf"), _count);
            Line(text, name + "_sum", labels, _sum);
            Line(text, name + "_count", labels, _count);
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
