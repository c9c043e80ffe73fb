using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>One instrument with all its series.</summary>
internal sealed class MetricFamily
{
    /// <summary>Labels come from requests too; beyond this many series one takes all the rest, so that nobody can fill the memory.</summary>
    public const int SeriesMax = 1000;

    private const string Overflow = "otel_metric_overflow=\"true\"";

    // From a tenth of a millisecond to a minute, and from a kilobyte to a gigabyte.
    private static readonly double[] s_seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] s_bytes = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    private static readonly double[] s_plain = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

    private readonly ConcurrentDictionary<string, MetricSeries> _series = new(StringComparer.Ordinal);

    // The same few tags come with each measurement, and to write them as labels takes longer than to count.
    private readonly ConcurrentDictionary<int, (KeyValuePair<string, object?>[] Tags, MetricSeries Series)> _byTags = new();
    private readonly IReadOnlyList<double> _bounds;
    private readonly string _help;
    private readonly Kind _kind;

    public MetricFamily(Instrument instrument)
    {
        _kind = KindOf(instrument);
        Name = NameOf(instrument, _kind);
        _help = (instrument.Description ?? instrument.Name).ReplaceLineEndings(" ");
        _bounds = _kind is not Kind.Histogram ? [] : BoundsOf(instrument);
    }

    private enum Kind
    {
        Counter,
        Gauge,
        Histogram,
    }

    /// <summary>Name in the Prometheus text format.</summary>
    public string Name { get; }

    /// <summary>Takes a measurement. An observed instrument tells totals, others tell changes.</summary>
    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, bool isTotal)
    {
        var one = Find(tags);
        if (_kind is Kind.Histogram)
            one.File(value);
        else if (isTotal)
            one.Set(value);
        else
            one.Add(value);
    }

    /// <summary>Forgets the series of an observed instrument, which are told anew each time.</summary>
    public void Clear()
    {
        _series.Clear();
        _byTags.Clear();
    }

    public void Write(StringBuilder text)
    {
        if (_series.IsEmpty)
            return;
        text.Append("# HELP ").Append(Name).Append(' ').Append(_help.Replace("\\", "\\\\", StringComparison.Ordinal)).Append('\n');
        text.Append("# TYPE ").Append(Name).Append(' ').Append(_kind switch { Kind.Counter => "counter", Kind.Gauge => "gauge", _ => "histogram" }).Append('\n');
        foreach (var (_, one) in _series.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            one.Write(text, Name, _kind is Kind.Histogram);
    }

    private MetricSeries Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var (name, value) in tags)
        {
            hash.Add(name);
            hash.Add(value);
        }

        var at = hash.ToHashCode();
        if (_byTags.TryGetValue(at, out var known) && AreSame(tags, known.Tags))
            return known.Series;
        var found = Find(MetricLabels.Format(tags));
        if (_byTags.Count < SeriesMax)
            _byTags[at] = (tags.ToArray(), found);
        return found;
    }

    // What compares pairs in general does so by reflection.
    private static bool AreSame(ReadOnlySpan<KeyValuePair<string, object?>> tags, KeyValuePair<string, object?>[] known)
    {
        if (tags.Length != known.Length)
            return false;
        for (var index = 0; index < known.Length; index++)
        {
            if (tags[index].Key != known[index].Key || !Equals(tags[index].Value, known[index].Value))
                return false;
        }

        return true;
    }

    private MetricSeries Find(string labels)
    {
        if (_series.TryGetValue(labels, out var known))
            return known;
        var kept = _series.Count < SeriesMax ? labels : Overflow;
        return _series.GetOrAdd(kept, key => new MetricSeries(key, _bounds));
    }

    private static Kind KindOf(Instrument instrument)
    {
        var type = instrument.GetType().Name;
        if (type.StartsWith("Histogram", StringComparison.Ordinal))
            return Kind.Histogram;
        return type.StartsWith("Counter", StringComparison.Ordinal) || type.StartsWith("ObservableCounter", StringComparison.Ordinal)
            ? Kind.Counter
            : Kind.Gauge;
    }

    private static string NameOf(Instrument instrument, Kind kind)
    {
        var name = MetricLabels.Sanitise(instrument.Name);
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "ms" => "_milliseconds", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return kind is Kind.Counter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static IReadOnlyList<double> BoundsOf(Instrument instrument)
    {
        var advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound).ToArray(),
            _ => null,
        };
        return advised ?? instrument.Unit switch { "s" => s_seconds, "By" => s_bytes, _ => s_plain };
    }
}
