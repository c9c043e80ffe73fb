using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>Listens to the meters of this process and tells their figures in the Prometheus text format.</summary>
/// <remarks>Heard are the node's own meters (<c>Stoa.*</c>), those of the web server and that of the runtime.</remarks>
public sealed class Metrics : IDisposable
{
    private static readonly string[] heard = ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    private readonly ConcurrentDictionary<Instrument, MetricFamily> families = new();
    private readonly MeterListener listener = new();
    private readonly IMeterFactory ours;

    /// <param name="meters">Makes the meters of this node; those of another node in the same process are not heard.</param>
    public Metrics(IMeterFactory meters)
    {
        ours = meters;
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (Hears(instrument.Meter))
                listening.EnableMeasurementEvents(instrument, families.GetOrAdd(instrument, made => new MetricFamily(made)));
        };
        listener.SetMeasurementEventCallback<byte>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.SetMeasurementEventCallback<short>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.SetMeasurementEventCallback<float>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        listener.Start();
    }

    /// <summary>All figures as they are now.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        lock (listener)
        {
            foreach (var (instrument, family) in families)
            {
                if (instrument.IsObservable)
                    family.Clear();
            }

            listener.RecordObservableInstruments();
            foreach (var family in families.Values.OrderBy(family => family.Name, StringComparer.Ordinal))
                family.Write(text);
        }

        return text.ToString();
    }

    public void Dispose() => listener.Dispose();

    // A meter that a factory made belongs to that factory's node; one without a factory belongs to the process.
    private bool Hears(Meter meter) =>
        (meter.Name.StartsWith("Stoa.", StringComparison.Ordinal) || heard.Contains(meter.Name))
        && (meter.Scope is null || ReferenceEquals(meter.Scope, ours));

    private static void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) =>
        ((MetricFamily)state!).Record(value, tags, instrument.IsObservable);
}
