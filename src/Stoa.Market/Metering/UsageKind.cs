namespace Stoa.Market.Metering;

/// <summary>What was used. Each kind has its own quantities in the published schema; what a node measures and bills today are all but <see cref="DeploymentTime"/>.</summary>
public enum UsageKind
{
    /// <summary>A task that succeeded and was charged: fuel, bytes, memory and time, as the sandbox measured them.</summary>
    Task,

    /// <summary>A call of another agent within a task, that was charged with it: the same quantities.</summary>
    Call,

    /// <summary>Requests to a model that were paid for: tokens, as the node counted them.</summary>
    Inference,

    /// <summary>Content that a user keeps beyond what is free, by the hour.</summary>
    Storage,

    /// <summary>Content that was sent to a user beyond what is free.</summary>
    Transfer,

    /// <summary>Time that a deployment was kept ready.</summary>
    DeploymentTime,
}
