using Stoa.Market.Auctions;
using Stoa.Market.Selection;

namespace Stoa.Market.Tasks;

/// <summary>What a new task's agent was chosen by.</summary>
/// <param name="Requirement">As asked for.</param>
/// <param name="Limits">Of the request: they cut those of each agent that tries.</param>
/// <param name="DeadlineAt">When it must be done; null for no hurry.</param>
/// <param name="Choice">The choice and its reasons.</param>
public sealed record TaskSelection(Requirement Requirement, RequestedLimits Limits, DateTimeOffset? DeadlineAt, Choice Choice);

/// <summary>A task that goes from an agent that failed it to another one.</summary>
/// <param name="Tried">All that have failed it, <c>publisher/name</c>.</param>
/// <param name="Choice">The choice of the next one and its reasons; null when it is the next one of an auction.</param>
public sealed record Reassignment(IReadOnlyList<string> Tried, Choice? Choice)
{
    /// <summary>The demand factor that was fixed for the next one, in parts per thousand; null when it has none.</summary>
    public int? Demand { get; init; }
}

/// <summary>What is kept of a task's selection.</summary>
/// <param name="Requirement">As asked for.</param>
/// <param name="Limits">Of the request.</param>
/// <param name="DeadlineAt">When it must be done; null for no hurry.</param>
/// <param name="Tried">Agents that failed it, <c>publisher/name</c>.</param>
/// <param name="Choices">Every choice in order, as the JSON of <see cref="ChoiceJson"/>.</param>
public sealed record StoredSelection(
    Requirement Requirement, RequestedLimits Limits, DateTimeOffset? DeadlineAt, IReadOnlyList<string> Tried, IReadOnlyList<string> Choices)
{
    /// <summary>What was to become of the task if nobody had bid; null when it was not put out to bids.</summary>
    public OnNoBids? OnNoBids { get; init; }
}
