using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What the end of an attempt says about its agent.</summary>
public static class AgentVerdict
{
    /// <summary>Of a success.</summary>
    public static EndedAttempt OfSuccess(AgentTask task, AgentVersion agent, Usage usage, Money price, DateTimeOffset now) =>
        Ended(task, agent, Verdict.Good, "", usage, price, now);

    /// <summary>Of a failure; null when the agent had no part in it.</summary>
    public static EndedAttempt? OfFailure(AgentTask task, AgentVersion agent, TaskFailure failure, DateTimeOffset now) =>
        Judge(failure.Code, task.Limits, agent.Manifest.Limits) is { } verdict
            ? Ended(task, agent, verdict, EnumWord.Of(failure.Code), failure.Usage, Money.Zero, now)
            : null;

    /// <summary>Whether another agent may do better: whatever this one did, but not what happened to its node.</summary>
    public static bool IsOfAgent(FailureCode code) =>
        code is not (FailureCode.NodeLost or FailureCode.SupplierFailed or FailureCode.NoQuorum or FailureCode.StorageUnavailable or FailureCode.StorageFull or FailureCode.NoBids
            or FailureCode.DeadlinePassed or FailureCode.SealBroken or FailureCode.SealingKeyUnknown);

    /// <summary>A limit that the consumer has lowered is no fault of the agent that runs into it: else it would cost nothing to harm one.</summary>
    private static Verdict? Judge(FailureCode code, AgentLimits given, AgentLimits own) => code switch
    {
        FailureCode.Trap or FailureCode.CallStackExhausted or FailureCode.OutputInvalid => Verdict.Fault,
        FailureCode.OutOfFuel => given.Fuel < own.Fuel ? Verdict.Declined : Verdict.Fault,
        FailureCode.TimedOut => given.TimeoutMs < own.TimeoutMs ? Verdict.Declined : Verdict.Fault,
        FailureCode.OutputTooLarge => given.OutputBytes < own.OutputBytes ? Verdict.Declined : Verdict.Fault,
        FailureCode.NotStartable => given.MemoryBytes < own.MemoryBytes ? Verdict.Declined : Verdict.Unavailable,
        FailureCode.AgentExit => Verdict.Declined,
        FailureCode.AgentUnavailable => Verdict.Unavailable,
        FailureCode.NodeLost or FailureCode.SupplierFailed or FailureCode.NoQuorum or FailureCode.StorageUnavailable or FailureCode.StorageFull or FailureCode.NoBids
            or FailureCode.DeadlinePassed or FailureCode.SealBroken or FailureCode.SealingKeyUnknown => null,
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };

    private static EndedAttempt Ended(
        AgentTask task, AgentVersion agent, Verdict verdict, string reason, Usage? usage, Money price, DateTimeOffset now) => new(
        $"{agent.Publisher}/{agent.Manifest.Name}",
        agent.PublisherId,
        task.OwnerId,
        verdict,
        reason,
        price,
        usage?.Fuel ?? 0,
        usage?.PeakMemoryBytes ?? 0,
        usage?.DurationMs ?? 0,
        now);
}
