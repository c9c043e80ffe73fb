using System.Globalization;
using System.Text.Json.Nodes;

namespace Stoa.Wasm.Fuzz;

/// <summary>When to stop: after a time, or a number of executions, whichever comes first; and when enough was found.</summary>
internal sealed record FuzzBounds(TimeSpan Time, long Executions, long Inputs = long.MaxValue)
{
    private const int MaxFindings = 10;

    public bool AreReached(TimeSpan elapsed, FuzzReport report) =>
        elapsed >= Time || report.Executions >= Executions || report.Inputs >= Inputs || report.Findings.Count >= MaxFindings;
}

/// <summary>What a fuzzer did.</summary>
internal sealed class FuzzReport(string mode)
{
    public string Mode { get; } = mode;

    public ulong FirstSeed { get; init; }

    /// <summary>Modules, or inputs that might be some. Their seeds follow one another.</summary>
    public long Inputs { get; set; }

    /// <summary>Calls compared; of the decoder the inputs decoded.</summary>
    public long Executions { get; set; }

    public long ExecutionsInV8 { get; set; }

    public long Traps { get; set; }

    /// <summary>Inputs that were valid modules; for the decoder.</summary>
    public long Valid { get; set; }

    /// <summary>Fuel used by the calls.</summary>
    public long Units { get; set; }

    public TimeSpan Elapsed { get; set; }

    public List<Finding> Findings { get; } = [];

    public JsonObject ToJson() => new()
    {
        ["mode"] = Mode,
        ["first_seed"] = FirstSeed,
        ["inputs"] = Inputs,
        ["valid"] = Valid,
        ["executions"] = Executions,
        ["executions_in_v8"] = ExecutionsInV8,
        ["traps"] = Traps,
        ["fuel"] = Units,
        ["seconds"] = Math.Round(Elapsed.TotalSeconds, 1),
        ["findings"] = new JsonArray([.. Findings.Select(finding => new JsonObject
        {
            ["replay"] = finding.Command,
            ["description"] = finding.Description,
        })]),
    };

    public override string ToString()
    {
        double perSecond = Executions / Math.Max(Elapsed.TotalSeconds, 0.001);
        string what = Mode == Decode.DecodeFuzzer.Mode
            ? $"{Inputs} inputs, {Valid} of them valid modules"
            : $"{Executions} calls of {Inputs} modules compared, {ExecutionsInV8} of them with V8, {Traps} traps, {Units} units of fuel";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Mode}: {what}, in {Elapsed.TotalSeconds:0.0} s ({perSecond:0} a second), first seed {FirstSeed}: {Findings.Count} findings");
    }
}
