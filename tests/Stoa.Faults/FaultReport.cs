using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Stoa.Faults;

/// <summary>The figures of a run, in the order in which they are shown, and the promises that were broken.</summary>
internal sealed class FaultReport(string name)
{
    private const int MostShown = 20;

    private readonly List<(string Name, double Value)> _figures = [];
    private readonly ConcurrentQueue<string> _broken = new();

    public string Name { get; } = name;

    /// <summary>What broke a promise, in words.</summary>
    public IReadOnlyCollection<string> Broken => _broken;

    /// <summary>Adds a figure; its name has the unit last.</summary>
    public void Add(string figure, double value) => _figures.Add((figure, value));

    /// <summary>Adds median and greatest of samples; nothing when there are none.</summary>
    public void AddSpread(string figure, IReadOnlyCollection<double> samples)
    {
        if (samples.Count == 0)
            return;
        var sorted = samples.Order().ToArray();
        Add(figure + "_p50", sorted[(sorted.Length - 1) / 2]);
        Add(figure + "_p99", sorted[(int)Math.Ceiling(sorted.Length * 0.99) - 1]);
        Add(figure + "_max", sorted[^1]);
    }

    /// <summary>Says that a promise was broken.</summary>
    public void Break(string what) => _broken.Enqueue(what);

    public JsonObject ToJson()
    {
        var json = new JsonObject { ["run"] = Name };
        foreach (var (figure, value) in _figures)
            json[figure] = Math.Round(value, 6);
        json["broken"] = _broken.Count;
        json["broken_promises"] = new JsonArray([.. _broken.Take(MostShown).Select(what => (JsonNode)what)]);
        return json;
    }

    public void Write(TextWriter output)
    {
        output.WriteLine(Name);
        foreach (var (figure, value) in _figures)
            output.WriteLine($"  {figure,-28} {value.ToString("#,0.######", CultureInfo.InvariantCulture),14}");
        output.WriteLine($"  {"broken promises",-28} {_broken.Count,14}");
        foreach (var what in _broken.Take(MostShown))
            output.WriteLine($"    {what}");
    }
}
