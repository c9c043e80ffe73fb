namespace Stoa.Market.Selection;

/// <summary>Where a consumer would have his task run, without demanding it: a twentieth part of the score, beside the four others.</summary>
/// <remarks>Which node of the cell takes a task nobody knows beforehand: so of the cell's agents the part is the chance that it is one of those that stand there.</remarks>
/// <param name="Regions">Any of these; not empty.</param>
/// <param name="CellShare">The share of the cell's nodes that stand in one of them, from 0 to 1.</param>
public sealed record RegionPreference(IReadOnlyList<string> Regions, double CellShare)
{
    /// <summary>The weight of the part: about as much as half the price brings by default. The other four share what is left in their proportions.</summary>
    public const double Weight = 0.05;

    /// <summary>The part of who stands in a region; null for nowhere in particular.</summary>
    public double PartOf(string? region) => region is not null && Regions.Contains(region) ? 1 : 0;

    /// <summary>A candidate with this part in its score.</summary>
    public static Candidate Weigh(Candidate candidate, double part)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return candidate with { Score = ((1 - Weight) * candidate.Score) + (Weight * part), Region = part };
    }

    /// <summary>A choice among agents of the cell with this part in their scores: their order stays as it is.</summary>
    public Choice Weigh(Choice choice)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return choice with { RegionWeight = Weight, Candidates = [.. choice.Candidates.Select(candidate => Weigh(candidate, CellShare))] };
    }
}
