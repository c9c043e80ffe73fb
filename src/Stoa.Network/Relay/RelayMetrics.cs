using System.Diagnostics.Metrics;

namespace Stoa.Network.Relay;

/// <summary>What a relay counts. The meter is <c>Stoa.Network</c>.</summary>
internal sealed class RelayMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Counter<long> _ends;
    private readonly Counter<long> _bytes;

    /// <param name="reservations">Counted.</param>
    /// <param name="circuits">Counted.</param>
    /// <param name="meters">Makes the meters of whoever runs the relay; null for one of the process.</param>
    public RelayMetrics(Reservations reservations, Circuits circuits, IMeterFactory? meters)
    {
        _meter = meters?.Create("Stoa.Network") ?? new Meter("Stoa.Network");
        _requests = _meter.CreateCounter<long>("stoa.network.relay.requests", description: "What peers asked of this relay, by what and by the answer.");
        _ends = _meter.CreateCounter<long>("stoa.network.relay.circuits.ended", description: "Circuits through this relay that have ended, by why.");
        _bytes = _meter.CreateCounter<long>("stoa.network.relay.bytes", "By", "Bytes that circuits through this relay carried, both ways together.");
        _meter.CreateObservableGauge("stoa.network.relay.reservations", () => reservations.Count, description: "Peers that have a reservation at this relay.");
        _meter.CreateObservableGauge("stoa.network.relay.circuits", () => circuits.Count, description: "Circuits through this relay.");
    }

    public void Answer(string what, Wire.Status status) => _requests.Add(
        1, new KeyValuePair<string, object?>("what", what), new KeyValuePair<string, object?>("status", status.ToString()));

    public void End(CircuitEnd why) => _ends.Add(1, new KeyValuePair<string, object?>("why", why.ToString()));

    public void Carry(int bytes) => _bytes.Add(bytes);

    public void Dispose() => _meter.Dispose();
}
