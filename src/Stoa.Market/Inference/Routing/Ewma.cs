namespace Stoa.Market.Inference.Routing;

/// <summary>An exponentially weighted moving average.</summary>
/// <param name="smoothing">The part of the newest value, from 0 to 1.</param>
internal sealed class Ewma(double smoothing)
{
    /// <summary>The average; null before the first value.</summary>
    public double? Value { get; private set; }

    /// <summary>Adds a value.</summary>
    public void Add(double value) => Value = Value is { } average ? average + (smoothing * (value - average)) : value;
}
