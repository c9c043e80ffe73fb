namespace Stoa.Market.Tasks;

/// <summary>How urgent a task is among its consumer's own.</summary>
/// <remarks>A consumer's tasks of one priority are a lane, worked on in order; lanes take turns by weight. See docs/task-states.md.</remarks>
public enum TaskPriority
{
    /// <summary>When there is time: weight 1.</summary>
    Background = 0,

    /// <summary>As it comes: weight 2. The default.</summary>
    Normal = 1,

    /// <summary>Before the normal ones: weight 4.</summary>
    High = 2,

    /// <summary>Before all others of the consumer: weight 8.</summary>
    Urgent = 3,
}

/// <summary>How lanes share: self-clocked fair queueing with integer tags.</summary>
/// <remarks>
/// A task's tag is the greater of the virtual time and its lane's last tag, and a step more; tasks are claimed by tag, and the virtual time is
/// the tag of the newest claim (Golestani, "A Self-Clocked Fair Queueing Scheme for Broadband Applications", 1994). A lane with a hundred thousand tasks has
/// its next turn one step on, as any other has; a lane that was idle saves up no turns. The more weight, the shorter the step.
/// </remarks>
public static class FairQueue
{
    /// <summary>The tag of what waited before turns were counted.</summary>
    public const long HeadTag = 0;

    /// <summary>How far the tags of two tasks of a lane lie apart: 8, 4, 2 or 1.</summary>
    public static long StepOf(TaskPriority priority) => 8L >> (int)priority;
}
