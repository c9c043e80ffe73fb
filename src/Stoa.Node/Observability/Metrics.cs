using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>Listens to the meters of this process and tells their figures in the Prometheus text format.</summary>
/// <remarks>Heard are the node's own meters (<c>Stoa.*</c>), those of the web server and that of the runtime.</remarks>
public sealed class Metrics : IDisposable
{
    private static readonly string[] s_heard = ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    private readonly ConcurrentDictionary<Instrument, MetricFamily> _families = new();
    private readonly MeterListener _listener = new();
    private readonly IMeterFactory _ours;

    /// <param name="meters">Makes the meters of this node; those of another node in the same process are not heard.</param>
    public Metrics(IMeterFactory meters)
    {
        _ours = meters;
        _listener.InstrumentPublished = (instrument, listening) =>
        {
            if (Hears(instrument.Meter))
                listening.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument, made => new MetricFamily(made)));
        };
        _listener.SetMeasurementEventCallback<byte>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<short>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<float>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _listener.Start();
    }

    /// <summary>All figures as they are now.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        lock (_listener)
        {
            foreach (var (instrument, family) in _families)
            {
                if (instrument.IsObservable)
                    family.Clear();
            }

            _listener.RecordObservableInstruments();
            foreach (var family in _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal))
                family.Write(text);
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    // A meter that a factory made belongs to that factory's node; one without a factory belongs to the process.
    private bool Hears(Meter meter) =>
        (meter.Name.StartsWith("Stoa.", StringComparison.Ordinal) || s_heard.Contains(meter.Name))
        && (meter.Scope is null || ReferenceEquals(meter.Scope, _ours));

    private static void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) =>
        ((MetricFamily)state!).Record(value, tags, instrument.IsObservable);
}
