using System.Globalization;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>What must be done, in place of who does it.</summary>
/// <param name="Capabilities">All of these, 1 to 8.</param>
/// <param name="Budget">The most that the task may cost; null for what the wallet has.</param>
/// <param name="DeadlineMs">When it must be done, in milliseconds from the submission; null for no hurry.</param>
/// <param name="MinReputation">The least chance of success, from 0 to 1, that must be believed of the agent.</param>
/// <param name="Weights">What matters how much.</param>
/// <param name="Explores">Whether the task may be given to an agent that is not known to be the best.</param>
public sealed record Requirement(
    IReadOnlyList<string> Capabilities,
    Money? Budget,
    long? DeadlineMs,
    double MinReputation,
    SelectionWeights Weights,
    bool Explores)
{
    /// <summary>Where an agent is looked for.</summary>
    public SelectionScope Scope { get; init; }

    /// <summary>The most capabilities that are asked for at once.</summary>
    public const int MaxCapabilities = 8;

    /// <summary>The same for the same requirement.</summary>
    public string Canonical() => string.Create(
        CultureInfo.InvariantCulture,
        $"{string.Join(' ', Capabilities.Order(StringComparer.Ordinal))};{Budget};{DeadlineMs};{MinReputation:R};{Weights.Quality:R},{Weights.Price:R},{Weights.Speed:R},{Weights.Availability:R};{Explores}{(Scope is SelectionScope.CellFirst ? "" : $";{Scope}")}");
}

/// <summary>What matters how much; none is negative and they sum to 1.</summary>
public sealed record SelectionWeights(double Quality, double Price, double Speed, double Availability)
{
    /// <summary>0.4, 0.3, 0.2 and 0.1.</summary>
    public static SelectionWeights Default { get; } = new(0.4, 0.3, 0.2, 0.1);

    /// <summary>The same proportions with the sum 1; null when a weight is negative or not a number, or all are zero.</summary>
    public static SelectionWeights? From(double quality, double price, double speed, double availability)
    {
        var sum = quality + price + speed + availability;
        return double.IsFinite(sum) && sum > 0 && quality >= 0 && price >= 0 && speed >= 0 && availability >= 0
            ? new SelectionWeights(quality / sum, price / sum, speed / sum, availability / sum)
            : null;
    }
}
