using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Selection;

/// <summary>Why an agent that has the rarest of the capabilities is no candidate: the first of these reasons that applies.</summary>
public enum Unfit
{
    /// <summary>It failed for this task already.</summary>
    Tried,

    /// <summary>It does not have all of the capabilities.</summary>
    Capabilities,

    /// <summary>It is suspended for its faults.</summary>
    Suspended,

    /// <summary>It needs more memory than a task gets here.</summary>
    Memory,

    /// <summary>At its limits it would cost more than the budget.</summary>
    Budget,

    /// <summary>By what was observed it takes longer than there is time.</summary>
    Deadline,

    /// <summary>Its reputation is below what is required.</summary>
    Reputation,

    /// <summary>It does not take this input or these parameters. Found out for the best ones only.</summary>
    Input,

    /// <summary>It calls other agents, and the task is put out to bids: nobody can bid for what others cost. Found out for the best ones only.</summary>
    Calls,
}

/// <summary>Why a candidate was chosen or was not.</summary>
public enum Standing
{
    /// <summary>It has the task.</summary>
    Chosen,

    /// <summary>Another one scored higher.</summary>
    LowerScore,

    /// <summary>It was as good as the chosen one and had more to do, or the draw of two passed it by.</summary>
    Load,

    /// <summary>The task was given to another one to find out more about it.</summary>
    PassedOverToExplore,
}

/// <summary>A candidate with all that decided about it.</summary>
/// <param name="Agent">The version.</param>
/// <param name="Quality">Its part of the score before the weight, 0 to 1, and so the next three.</param>
/// <param name="Price">Cheaper is more.</param>
/// <param name="Speed">Faster is more.</param>
/// <param name="Availability">More often there is more.</param>
/// <param name="Score">The parts by their weights.</param>
/// <param name="Reputation">The believed chance of success at a task of this price.</param>
/// <param name="ExpectedPrice">By what its runs used so far.</param>
/// <param name="PriceAtLimits">The most that it can cost.</param>
/// <param name="ExpectedSeconds">By its runs so far.</param>
/// <param name="Evidence">Weight of the receipts behind it.</param>
/// <param name="Load">Tasks that it runs: here now, at the other nodes of the cell a second ago.</param>
/// <param name="Standing">Why it was chosen or was not.</param>
public sealed record Candidate(
    IndexedAgent Agent,
    double Quality,
    double Price,
    double Speed,
    double Availability,
    double Score,
    double Reputation,
    Money ExpectedPrice,
    Money PriceAtLimits,
    double ExpectedSeconds,
    double Evidence,
    int Load,
    Standing Standing)
{
    /// <summary>What both prices were multiplied by.</summary>
    public PriceFactor Factor { get; init; } = PriceFactor.One;

    /// <summary>Peer id of the other operator's node that would run it; null of an agent of the cell.</summary>
    public string? Supplier { get; init; }

    /// <summary>Its part of the score for standing where the consumer would have it, 0 to 1; null where he has said nothing.</summary>
    public double? Region { get; init; }
}

/// <summary>A choice, with its reasons.</summary>
/// <param name="At">When it was made.</param>
/// <param name="Weights">What mattered how much.</param>
/// <param name="Candidates">The best, the chosen one among them: by score, and the explored ones. Empty when nobody can do it.</param>
/// <param name="CandidateCount">How many could do it.</param>
/// <param name="UnfitCounts">How many could not, by the first reason.</param>
/// <param name="IsExploring">The choice was made to learn.</param>
/// <param name="Typical">What the candidates' parts are compared with: the medians.</param>
public sealed record Choice(
    DateTimeOffset At,
    SelectionWeights Weights,
    IReadOnlyList<Candidate> Candidates,
    int CandidateCount,
    IReadOnlyDictionary<Unfit, int> UnfitCounts,
    bool IsExploring,
    TypicalCandidate Typical)
{
    /// <summary>What it mattered where candidates stand; null where the consumer has said nothing.</summary>
    public double? RegionWeight { get; init; }

    /// <summary>Who gets the task; null when nobody can do it.</summary>
    public Candidate? Chosen => Candidates.FirstOrDefault(candidate => candidate.Standing is Standing.Chosen);
}

/// <summary>The medians of the candidates, from up to 255 of them.</summary>
/// <param name="Price">Expected, in dollars.</param>
/// <param name="Failure">Believed chance to fail.</param>
/// <param name="Seconds">Expected wall time.</param>
/// <param name="Unavailability">Believed chance that it cannot be had.</param>
public sealed record TypicalCandidate(double Price, double Failure, double Seconds, double Unavailability);
