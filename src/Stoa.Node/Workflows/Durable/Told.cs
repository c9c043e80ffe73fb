using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>What comes to a run that this node carries.</summary>
internal abstract record Told
{
    private Told()
    {
    }

    /// <summary>Something of it may be done that was put off, or that it wants since it was loaded.</summary>
    public sealed record GoOn : Told;

    /// <summary>A task has ended. Its output is read where it is not at hand.</summary>
    public sealed record TaskEnded(StepKey Key, AgentTask Task, ReadOnlyMemory<byte>? Output) : Told;

    /// <summary>A request to a model was answered, or was not.</summary>
    public sealed record ModelEnded(StepKey Key, WorkOutcome Outcome, Money Price) : Told;

    /// <summary>A time has come.</summary>
    public sealed record TimeCame(StepKey Key) : Told;

    /// <summary>Somebody outside wants something of it.</summary>
    public sealed record Signalled(RunSignal Signal) : Told;
}
