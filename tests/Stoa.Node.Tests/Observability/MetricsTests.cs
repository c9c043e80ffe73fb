using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Node.Observability;

namespace Stoa.Node.Tests.Observability;

public sealed class MetricsTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Metrics _metrics;
    private readonly Meter _meter;

    public MetricsTests()
    {
        var factory = _services.GetRequiredService<IMeterFactory>();
        _metrics = new Metrics(factory);
        _meter = factory.Create("Stoa.Test");
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _services.Dispose();
    }

    [Fact]
    public void Counter_SumsWhatIsAdded()
    {
        var counter = _meter.CreateCounter<long>("stoa.tasks", description: "Tasks.");

        counter.Add(2, new KeyValuePair<string, object?>("state", "done"));
        counter.Add(3, new KeyValuePair<string, object?>("state", "done"));

        Lines("stoa_tasks").ShouldBe(["# HELP stoa_tasks_total Tasks.", "# TYPE stoa_tasks_total counter", "stoa_tasks_total{state=\"done\"} 5"]);
    }

    [Fact]
    public void UpDownCounter_IsAGauge()
    {
        var gauge = _meter.CreateUpDownCounter<int>("stoa.open", unit: "By");

        gauge.Add(5);
        gauge.Add(-2);

        Lines("stoa_open").ShouldContain("stoa_open_bytes 3");
    }

    [Fact]
    public void Histogram_FilesValuesByItsAdvisedBounds()
    {
        var histogram = _meter.CreateHistogram("stoa.wait", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] });

        foreach (var value in new[] { 0.5, 1, 1.5, 3 })
            histogram.Record(value);

        Lines("stoa_wait").ShouldBe(
        [
            "# HELP stoa_wait_seconds stoa.wait", "# TYPE stoa_wait_seconds histogram", "stoa_wait_seconds_bucket{le=\"1\"} 2",
            "stoa_wait_seconds_bucket{le=\"2\"} 3", "stoa_wait_seconds_bucket{le=\"+Inf\"} 4", "stoa_wait_seconds_sum 6", "stoa_wait_seconds_count 4",
        ]);
    }

    [Fact]
    public void ObservedGauge_TellsWhatIsTrueNow()
    {
        var queued = 7;
        _meter.CreateObservableGauge("stoa.queued", () => queued);
        Lines("stoa_queued").ShouldContain("stoa_queued 7");

        queued = 4;

        Lines("stoa_queued").ShouldContain("stoa_queued 4");
    }

    [Fact]
    public void Labels_AreEscapedAndInOrder()
    {
        var counter = _meter.CreateCounter<long>("stoa.odd");

        counter.Add(1, new KeyValuePair<string, object?>("z.z", "a\"b\\c\nd"), new KeyValuePair<string, object?>("a", 1));

        Lines("stoa_odd").ShouldContain("stoa_odd_total{a=\"1\",z_z=\"a\\\"b\\\\c\\nd\"} 1");
    }

    [Fact]
    public void SeriesWithoutEnd_AreGatheredInOne()
    {
        var counter = _meter.CreateCounter<long>("stoa.many");

        for (var index = 0; index < MetricFamily.SeriesMax + 50; index++)
            counter.Add(1, new KeyValuePair<string, object?>("id", index));

        Lines("stoa_many").Length.ShouldBe(MetricFamily.SeriesMax + 3);
        Lines("stoa_many").ShouldContain("stoa_many_total{otel_metric_overflow=\"true\"} 50");
    }

    [Fact]
    public void Meter_OfAnotherNodeInTheProcess_IsNotHeard()
    {
        using var others = new ServiceCollection().AddMetrics().BuildServiceProvider();
        others.GetRequiredService<IMeterFactory>().Create("Stoa.Test").CreateCounter<long>("stoa.foreign").Add(1);

        Lines("stoa_foreign").ShouldBeEmpty();
    }

    private string[] Lines(string name) =>
        [.. _metrics.Write().Split('\n').Where(line => line.StartsWith(name, StringComparison.Ordinal) || line.Contains(" " + name, StringComparison.Ordinal))];
}
