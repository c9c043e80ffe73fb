using Stoa.Market.Identity;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>A run that outlives the node that carries it.</summary>
/// <param name="Id">Its own.</param>
/// <param name="OwnerId">Who pays.</param>
/// <param name="Workflow">The name in its document.</param>
/// <param name="Version">Of the workflow that is kept by that name; null where the document came with the start.</param>
/// <param name="Digest">SHA-256 of the document that it began with, and ends with.</param>
/// <param name="State">As it was last written.</param>
/// <param name="MaxPrice">The most that all of it may cost; null for all that the account has.</param>
/// <param name="Spent">What it has cost so far.</param>
/// <param name="LogLength">How much has happened to it.</param>
/// <param name="LogBytes">How long all of that is.</param>
/// <param name="CancelRequestedAt">When somebody asked to stop it; null when nobody has.</param>
/// <param name="CreatedAt">UTC; its time begins then.</param>
/// <param name="EndedAt">UTC; null while it is not over.</param>
public sealed record DurableRun(
    Id<DurableRun> Id,
    Id<User> OwnerId,
    string Workflow,
    int? Version,
    ContentHash Digest,
    RunState State,
    Money? MaxPrice,
    Money Spent,
    long LogLength,
    long LogBytes,
    DateTimeOffset? CancelRequestedAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? EndedAt) : IIdentified
{
    public static string IdPrefix => "run";

    /// <summary>The longest value that comes to a run from outside, in bytes of JSON: what it is given, and what comes with an event.</summary>
    public const int MaxValueBytes = 64 << 10;

    /// <summary>The longest name of a member in such a value, in bytes of JSON.</summary>
    public const int MaxMemberNameBytes = MemberNames.MostBytes;

    /// <summary>The most events that wait until a node of the run waits for them.</summary>
    public const int MaxSignals = 1_000;

    /// <summary>Steps that all expressions of a run together may take.</summary>
    /// <remarks>Not an option: a run that is made anew has to come to the same, at whichever node.</remarks>
    public const long Effort = 300_000_000;

    /// <summary>What the API key that it was begun with may spend; null for all that the account has.</summary>
    public SpendingAllowance? Allowance { get; init; }

    /// <summary>W3C trace context of its start, which its tasks have, too; null when not traced.</summary>
    public string? TraceParent { get; init; }
}
