using System.Diagnostics.Metrics;

namespace Stoa.Network.Hosting;

/// <summary>What a host counts. The meter is <c>Stoa.Network</c>.</summary>
internal sealed class NetworkMetrics : IDisposable
{
    private readonly Meter _meter = new("Stoa.Network");

    public NetworkMetrics()
    {
        Opened = _meter.CreateCounter<long>("stoa.network.connections.opened", description: "Connections that came about, by direction.");
        Refused = _meter.CreateCounter<long>("stoa.network.connections.refused", description: "Connections that were ended at once, by why.");
        DialFailures = _meter.CreateCounter<long>("stoa.network.dials.failed", description: "Dials that did not come about, by why.");
        Streams = _meter.CreateCounter<long>("stoa.network.streams", description: "Streams that peers have opened, by protocol.");
        StreamFailures = _meter.CreateCounter<long>("stoa.network.streams.failed", description: "Streams of peers that were reset here, by protocol and why.");
        OffenceCount = _meter.CreateCounter<long>("stoa.network.offences", description: "Breaches of protocols by peers.");
    }

    public Counter<long> Opened { get; }

    public Counter<long> Refused { get; }

    public Counter<long> DialFailures { get; }

    public Counter<long> Streams { get; }

    public Counter<long> StreamFailures { get; }

    public Counter<long> OffenceCount { get; }

    public void Dispose() => _meter.Dispose();
}
