namespace Stoa.Market.Metering;

/// <summary>What was used. Each kind has its own quantities in the published schema; what a node measures and bills today are <see cref="Task"/> and <see cref="Call"/>.</summary>
public enum UsageKind
{
    /// <summary>A task that succeeded and was charged: fuel, bytes, memory and time, as the sandbox measured them.</summary>
    Task,

    /// <summary>A call of another agent within a task, that was charged with it: the same quantities.</summary>
    Call,

    /// <summary>Tokens of a model.</summary>
    Inference,

    /// <summary>Bytes kept over time.</summary>
    Storage,

    /// <summary>Bytes moved.</summary>
    Transfer,

    /// <summary>Time that a deployment was kept ready.</summary>
    DeploymentTime,
}
