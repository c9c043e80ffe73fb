using System.Text.Json.Nodes;

namespace Stoa.Bench;

/// <summary>The outcome of a benchmark: names with their unit last, in the order in which they are shown.</summary>
internal sealed class Figures
{
    private readonly List<(string Name, double Value)> _values = [];
    private readonly List<FigureGroup> _groups = [];

    public IReadOnlyList<(string Name, double Value)> Values => _values;

    /// <summary>Figures that exist once for each of several things.</summary>
    public IReadOnlyList<FigureGroup> Groups => _groups;

    /// <summary>What else one has to know about them, such as what stood beside: short, without a full stop.</summary>
    public List<string> Notes { get; } = [];

    public void Add(string name, double value) => _values.Add((name, value));

    public void AddGroup(string name, IEnumerable<(string Key, double Value)> values) => _groups.Add(new(name, [.. values]));

    /// <summary>The named percentiles of samples.</summary>
    public void AddPercentiles(string name, IEnumerable<double> samples, params int[] percentiles) =>
        AddPercentiles(name, "", samples, percentiles);

    /// <summary>The same, with something behind the percentile in their names.</summary>
    public void AddPercentiles(string name, string suffix, IEnumerable<double> samples, params int[] percentiles)
    {
        var sorted = samples.Order().ToArray();
        foreach (var percentile in percentiles)
            Add($"{name}_p{percentile}{suffix}", Percentile(sorted, percentile));
    }

    /// <summary>One object; a group is an object in it.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (name, value) in _values)
            json[name] = Math.Round(value, 4);
        foreach (var group in _groups)
            json[group.Name] = new JsonObject(group.Values.Select(item => KeyValuePair.Create(item.Key, (JsonNode?)Math.Round(item.Value, 4))));
        return json;
    }

    public static double Median(IEnumerable<double> samples) => Percentile([.. samples.Order()], 50);

    public static double GeometricMean(IEnumerable<double> ratios) => Math.Exp(ratios.Average(Math.Log));

    private static double Percentile(double[] sorted, int percentile) =>
        sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(sorted.Length * percentile / 100.0) - 1)];
}

/// <summary>One figure for each of several things.</summary>
internal sealed record FigureGroup(string Name, IReadOnlyList<(string Key, double Value)> Values)
{
    public IEnumerable<string> Keys => Values.Select(value => value.Key);
}
