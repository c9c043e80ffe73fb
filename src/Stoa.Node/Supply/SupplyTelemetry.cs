using System.Diagnostics.Metrics;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Measures of what other operators' nodes do for this one.</summary>
public sealed class SupplyTelemetry : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _checks;

    public SupplyTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create("Stoa.Supply");
        _calls = _meter.CreateCounter<long>("stoa.supply.calls", "{call}", "Calls at suppliers that ended, by outcome.");
        _checks = _meter.CreateCounter<long>("stoa.supply.spot_checks", "{check}", "Tasks of suppliers that were done again elsewhere, by outcome.");
    }

    /// <summary>A call has ended.</summary>
    public void Called(CallOutcome outcome) => _calls.Add(1, new KeyValuePair<string, object?>("outcome", EnumWord.Of(outcome)));

    /// <summary>A check has ended.</summary>
    public void Checked(SpotCheckOutcome outcome) => _checks.Add(1, new KeyValuePair<string, object?>("outcome", EnumWord.Of(outcome)));

    public void Dispose() => _meter.Dispose();
}
