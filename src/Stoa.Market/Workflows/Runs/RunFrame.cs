using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <summary>One turn of a graph: the run's own, or that of a node with nodes within it.</summary>
/// <param name="plan">The graph.</param>
/// <param name="parent">The step that it is within; null for the run's own.</param>
/// <param name="number">Which turn, item or branch of it.</param>
/// <param name="values">What expressions read in it besides what they read outside of it.</param>
/// <param name="count">What is counted of the document that the graph is of.</param>
internal sealed class RunFrame(RunPlan plan, RunStep? parent, int number, IReadOnlyDictionary<string, ExpressionValue> values, RunCount count)
{
    public RunPlan Plan => plan;

    public RunStep? Parent => parent;

    public int Number => number;

    public IReadOnlyDictionary<string, ExpressionValue> Values => values;

    public RunCount Count => count;

    /// <summary>Its steps, at the places of their nodes.</summary>
    public RunStep[] Steps { get; } = plan.Graph.Nodes.Count == 0 ? [] : new RunStep[plan.Graph.Nodes.Count];

    /// <summary>Steps that have not ended.</summary>
    public int Open { get; set; }

    /// <summary>Nothing new begins in it.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Why it is stopping, if by a failure.</summary>
    public StepError? Failure { get; set; }

    /// <summary>What it came to, the step that it is within has got.</summary>
    public bool IsTaken { get; set; }

    /// <summary>All in it has ended well, and what it comes to could not be made of it.</summary>
    public bool IsBroken { get; set; }

    public string Prefix => parent is null ? "" : parent.HasNumberedTurns ? $"{parent.Path}[{number}]." : $"{parent.Path}.";
}

/// <summary>How many tasks and requests to models a document has come to, with all that it uses.</summary>
/// <param name="outer">Of the document that uses it; null for the run's own.</param>
/// <param name="most">How many there may be; null for as many as the outer ones may have.</param>
internal sealed class RunCount(RunCount? outer, long? most)
{
    private long _begun;

    /// <summary>Counts one more.</summary>
    /// <returns>The limit that forbids it; null when none does.</returns>
    public long? TryCount()
    {
        for (var at = this; at is not null; at = at.Outer)
        {
            if (at.IsFull)
                return at.Most;
        }

        for (var at = this; at is not null; at = at.Outer)
            at._begun++;
        return null;
    }

    private RunCount? Outer => outer;

    private long? Most => most;

    private bool IsFull => _begun >= most;
}

/// <summary>A node of a frame.</summary>
/// <param name="frame">Which.</param>
/// <param name="place">Where its node is among those of the frame.</param>
/// <param name="before">Attempts of the same path in a turn that was given up.</param>
internal sealed class RunStep(RunFrame frame, int place, StepAttempts before = default)
{
    private int _attemptsBefore = before.Tries;

    public RunFrame Frame => frame;

    public int Place => place;

    public WorkflowNode Node => frame.Plan.Graph.Nodes[place];

    public string Path { get; } = frame.Prefix + frame.Plan.Graph.Nodes[place].Name;

    /// <summary>Whether what is within it runs more than once, or one of several.</summary>
    public bool HasNumberedTurns => Node.Work is not (WorkflowWork.RunTask or WorkflowWork.AskModel or WorkflowWork.UseWorkflow);

    public StepState State { get; set; }

    /// <summary>Nodes before it that have not ended.</summary>
    public int Missing { get; set; }

    /// <summary>How often it was tried since it began, or since the run was resumed; fallbacks count on.</summary>
    public int Tried { get; set; }

    /// <summary>The number of its last attempt. None is drawn twice, however often the run is resumed.</summary>
    public int Attempt => _attemptsBefore + Tried;

    /// <summary>How often it was begun to undo it.</summary>
    public int Undos { get; set; } = before.Undos;

    /// <summary>How often the run had been resumed when it began.</summary>
    public int Round { get; set; }

    public ExpressionValue Output { get; set; }

    public ExpressionValue Content { get; set; }

    public StepError? Error { get; set; }

    /// <summary>Why it is being stopped; null when it is not.</summary>
    public StepError? StopReason { get; set; }

    public bool IsStopping { get; set; }

    /// <summary>What it did is undone.</summary>
    public bool IsUndone { get; set; }

    /// <summary>It goes on with the turns that it has, once it is considered.</summary>
    public bool IsHalfDone { get; set; }

    /// <summary>The path is of a turn that was given up.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>Of one with nodes within it, once it has begun.</summary>
    public RunTurns? Turns { get; set; }

    public bool HasEnded => State >= StepState.Succeeded;

    public StepAttempts Attempts => new(Attempt, Undos);

    /// <summary>Forgets what became of it, but for the attempts that were made.</summary>
    public void Clear()
    {
        _attemptsBefore = Attempt;
        (State, Tried, Missing) = (StepState.Waiting, 0, 0);
        (Output, Content, Error, StopReason) = (default, default, null, null);
        (IsStopping, IsUndone, IsHalfDone, Turns) = (false, false, false, null);
    }
}

/// <summary>What was drawn of a path.</summary>
/// <param name="Tries">Attempts to do it.</param>
/// <param name="Undos">Attempts to undo it.</param>
internal readonly record struct StepAttempts(int Tries, int Undos);

/// <summary>The turns of a step with nodes within it.</summary>
internal sealed class RunTurns
{
    /// <summary>Of a map or reduce: what it goes over.</summary>
    public IReadOnlyList<ExpressionValue> Items { get; init; } = [];

    /// <summary>The number of the next turn.</summary>
    public int Next { get; set; }

    /// <summary>Of a map: what the items came to.</summary>
    public ExpressionValue[] Outputs { get; init; } = [];

    /// <summary>Of a reduce or loop: what the next turn gets.</summary>
    public ExpressionValue Carried { get; set; }

    /// <summary>Those that have begun, in the order of their numbers.</summary>
    public List<RunFrame> All { get; } = [];

    /// <summary>Those that are at work.</summary>
    public HashSet<RunFrame> Open { get; } = [];

    /// <summary>Those that go on where they were before the run was resumed, and have not yet.</summary>
    public Queue<RunFrame> Again { get; } = [];
}
