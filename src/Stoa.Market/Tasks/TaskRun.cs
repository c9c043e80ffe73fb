using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What a run among several comes to.</summary>
public enum RunStanding
{
    /// <summary>It gave what enough of them agree on.</summary>
    Agreed,

    /// <summary>It gave something else than what enough of the others agree on: its executor has lied, or is broken.</summary>
    Contradicted,

    /// <summary>Outputs differ, and too few agree to say which is right.</summary>
    Disputed,

    /// <summary>Nobody contradicts it, and too few have answered.</summary>
    Unconfirmed,

    /// <summary>It gave nothing that could be compared.</summary>
    Failed,
}

/// <summary>One of the runs of a task that several executors do.</summary>
/// <param name="Node">Peer id of the node that ran it.</param>
/// <param name="Standing">What it comes to.</param>
/// <param name="Output">Digest of what it gave; null when it failed.</param>
/// <param name="Price">What its receipt says.</param>
/// <param name="Receipt">As it was signed; null when it failed.</param>
/// <param name="Detail">How it failed; null when it did not.</param>
public sealed record TaskRun(string Node, RunStanding Standing, ContentHash? Output, Money Price, DsseEnvelope? Receipt, string? Detail);

/// <summary>Decides which output several runs agree on.</summary>
public static class Quorum
{
    /// <summary>The output that at least so many gave; null when there is none.</summary>
    /// <param name="outputs">Of the runs that gave one.</param>
    /// <param name="agree">More than half of all runs: so there is one at most.</param>
    public static ContentHash? AgreedOn(IReadOnlyCollection<ContentHash> outputs, int agree) =>
        outputs.GroupBy(output => output).FirstOrDefault(same => same.Count() >= agree) is { } agreed ? agreed.Key : null;

    /// <summary>What a run comes to.</summary>
    /// <param name="output">What it gave; null for nothing.</param>
    /// <param name="outputs">What all gave.</param>
    /// <param name="agreed">What enough agree on; null for nothing.</param>
    public static RunStanding Judge(ContentHash? output, IReadOnlyCollection<ContentHash> outputs, ContentHash? agreed)
    {
        if (output is null)
            return RunStanding.Failed;
        if (agreed is not null)
            return output == agreed ? RunStanding.Agreed : RunStanding.Contradicted;
        return outputs.Any(other => other != output) ? RunStanding.Disputed : RunStanding.Unconfirmed;
    }
}
