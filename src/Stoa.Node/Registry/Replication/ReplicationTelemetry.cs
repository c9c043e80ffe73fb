using System.Diagnostics.Metrics;
using Stoa.Market.Registry.Replication;

namespace Stoa.Node.Registry.Replication;

/// <summary>Measures of how statements get from node to node.</summary>
public sealed class ReplicationTelemetry : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _statements;
    private readonly Counter<long> _syncs;
    private readonly Counter<long> _given;
    private readonly Histogram<double> _seconds;

    public ReplicationTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create("Stoa.Registry");
        _statements = _meter.CreateCounter<long>("stoa.registry.statements.received", "{statement}", "Statements that peers have sent, by way and by what became of them.");
        _syncs = _meter.CreateCounter<long>("stoa.registry.syncs", "{session}", "Comparisons with peers, by side, way and outcome.");
        _given = _meter.CreateCounter<long>("stoa.registry.statements.sent", "{statement}", "Statements that peers had not and got, by side.");
        _seconds = _meter.CreateHistogram<double>("stoa.registry.sync.duration", "s", "How long comparisons that this node has begun took.");
    }

    /// <summary>A statement came.</summary>
    /// <param name="way">How: <c>sync</c>, or another way that statements take.</param>
    /// <param name="outcome">What became of it: an effect, or why it is not taken.</param>
    public void Received(string way, string outcome) =>
        _statements.Add(1, new KeyValuePair<string, object?>("way", way), new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>A comparison has ended.</summary>
    /// <param name="side"><c>asking</c> or <c>answering</c>.</param>
    /// <param name="report">What it came to.</param>
    public void Ended(string side, ReconciliationReport report)
    {
        Count(side, report.Way.ToString(), report.Intake.Forged > 0 ? "forged" : report.IsComplete ? "complete" : "incomplete");
        if (report.Given > 0)
            _given.Add(report.Given, new KeyValuePair<string, object?>("side", side));
    }

    /// <summary>A comparison that this node has begun was broken off.</summary>
    public void Failed(string why) => Count("asking", "none", why);

    /// <summary>How long a comparison took.</summary>
    public void Took(TimeSpan time) => _seconds.Record(time.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    private void Count(string side, string way, string outcome) => _syncs.Add(
        1,
        new KeyValuePair<string, object?>("side", side),
        new KeyValuePair<string, object?>("way", way),
        new KeyValuePair<string, object?>("outcome", outcome));
}
