using System.Diagnostics.Metrics;

namespace Stoa.Network.Gossip;

/// <summary>What a router counts. The meter is <c>Stoa.Network</c>.</summary>
internal sealed class GossipMetrics : IDisposable
{
    private readonly Meter _meter = new("Stoa.Network");
    private readonly Counter<long> _published;
    private readonly Counter<long> _accepted;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _control;
    private readonly Counter<long> _penalties;
    private readonly Counter<long> _deliveryFailures;

    public GossipMetrics()
    {
        _published = _meter.CreateCounter<long>("stoa.network.gossip.published", description: "Messages that were published here.");
        _accepted = _meter.CreateCounter<long>("stoa.network.gossip.accepted", description: "Messages of others that were accepted.");
        _refused = _meter.CreateCounter<long>("stoa.network.gossip.refused", description: "Messages, or whole exchanges, of others that went no further, by why.");
        _dropped = _meter.CreateCounter<long>("stoa.network.gossip.dropped", description: "Parts that were not sent to a peer since too much waited, by what.");
        _control = _meter.CreateCounter<long>("stoa.network.gossip.control", description: "Grafts and prunes, by which and direction.");
        _penalties = _meter.CreateCounter<long>("stoa.network.gossip.penalties", description: "Breaches of good behaviour by peers, by which.");
        _deliveryFailures = _meter.CreateCounter<long>("stoa.network.gossip.deliveries.failed", description: "Messages that were accepted, and whose delivery failed here.");
    }

    /// <summary>Whose counters these are: each router has its own.</summary>
    internal Meter Meter => _meter;

    public void Publish() => _published.Add(1);

    public void Accept() => _accepted.Add(1);

    public void Refuse(GossipRefusal why) => _refused.Add(1, new KeyValuePair<string, object?>("why", why.ToString()));

    public void Drop(SendPriority what) => _dropped.Add(1, new KeyValuePair<string, object?>("what", what.ToString()));

    public void Control(string which, bool isOut) => _control.Add(
        1, new KeyValuePair<string, object?>("which", which), new KeyValuePair<string, object?>("direction", isOut ? "out" : "in"));

    public void Penalise(string which, int times) => _penalties.Add(times, new KeyValuePair<string, object?>("which", which));

    public void FailDelivery() => _deliveryFailures.Add(1);

    public void Dispose() => _meter.Dispose();
}
