namespace Stoa.Market.Tasks;

/// <summary>When another attempt is worth it, and how long to wait for it.</summary>
/// <remarks>
/// A sandboxed agent is deterministic: the same input under the same limits traps, burns its fuel or refuses the input
/// again. So only these failures are transient: the agent's own word for it (exit code 75), storage that did not
/// answer or is full, and other operators' nodes, of which there may be another one. A timeout is final too: fuel bounds the work, and an agent that is too slow for its limit on one node is not
/// helped by doing it three times. A full disk is full for as long as it takes somebody to make room, so that is waited for much longer. Delays are exponential with full jitter (Brooker, "Exponential Backoff And Jitter"):
/// anything from nothing to the cap, so that tasks that failed together do not come back together. A node that
/// vanishes is not the agent's fault: losses are counted apart from attempts.
/// </remarks>
public sealed record RetryPolicy
{
    /// <summary>No delay of any policy is longer: 1 minute.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    /// <summary>Attempts in all. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Attempts in all of a task that finds the node's disk full: with the delays between them, about an hour. Default 125.</summary>
    public int MaxAttemptsWhileFull { get; init; } = 125;

    /// <summary>The cap of the first delay; doubles with each attempt. Default 1 s.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The cap of every delay. Default <see cref="LongestDelay"/>.</summary>
    public TimeSpan MaxDelay { get; init; } = LongestDelay;

    /// <summary>How often a task may lose its node and start again. Default 5.</summary>
    public int MaxLosses { get; init; } = 5;

    /// <summary>Whether the same task may do better another time.</summary>
    public static bool IsTransient(FailureCode code) => code switch
    {
        FailureCode.AgentUnavailable or FailureCode.StorageUnavailable or FailureCode.StorageFull or FailureCode.SupplierFailed => true,
        FailureCode.AgentExit or FailureCode.Trap or FailureCode.CallStackExhausted or FailureCode.OutOfFuel
            or FailureCode.TimedOut or FailureCode.OutputTooLarge or FailureCode.OutputInvalid or FailureCode.NotStartable or FailureCode.NodeLost
            or FailureCode.NoBids or FailureCode.NoQuorum or FailureCode.DeadlinePassed or FailureCode.SealBroken or FailureCode.SealingKeyUnknown => false,
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };

    /// <summary>Ends an attempt that failed: back to the queue for later, or failed for good.</summary>
    /// <param name="task">Running.</param>
    /// <param name="failure">What happened.</param>
    /// <param name="now">UTC.</param>
    /// <param name="random">Chance of the jitter.</param>
    public AgentTask AfterFailure(AgentTask task, TaskFailure failure, DateTimeOffset now, Random random)
    {
        var attempt = task.Attempts + 1;
        if (!IsTransient(failure.Code))
            return task.Fail(failure, now);
        var most = failure.Code is FailureCode.StorageFull ? Math.Max(MaxAttempts, MaxAttemptsWhileFull) : MaxAttempts;
        if (attempt >= most)
            return task.Fail(failure with { Detail = $"{failure.Detail} This was attempt {attempt} of {most}." }, now);
        var dueAt = now + DelayAfter(attempt, random);
        return dueAt >= task.DeadlineAt
            ? task.Fail(failure with { Detail = $"{failure.Detail} Another attempt would come after the deadline." }, now)
            : task.Retry(dueAt);
    }

    /// <summary>Takes a task whose node vanished: back to the queue at once, or failed when that happened too often.</summary>
    public AgentTask AfterLoss(AgentTask task, DateTimeOffset now) => task.Losses < MaxLosses
        ? task.Lose(now)
        : task.GiveUp(
            new TaskFailure(
                FailureCode.NodeLost,
                $"{task.Losses + 1} nodes that worked on this task vanished before they had finished. Nothing was charged; submit it again.",
                Log: "",
                Usage: null),
            now);

    /// <summary>The wait after so many attempts.</summary>
    internal TimeSpan DelayAfter(int attempts, Random random)
    {
        // Thirty doublings of a tick-sized delay pass any cap that makes sense, and keep the factor far from running over.
        var cap = Math.Min(FirstDelay.TotalMilliseconds * (1L << Math.Min(attempts - 1, 30)), MaxDelay.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(cap * random.NextDouble());
    }
}
