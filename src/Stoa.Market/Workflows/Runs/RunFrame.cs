using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <summary>One turn of a graph: the run's own, or that of a node with nodes within it.</summary>
/// <param name="plan">The graph.</param>
/// <param name="parent">The step that it is within; null for the run's own.</param>
/// <param name="number">Which turn, item or branch of it.</param>
/// <param name="values">What expressions read in it besides what they read outside of it.</param>
internal sealed class RunFrame(RunPlan plan, RunStep? parent, int number, IReadOnlyDictionary<string, ExpressionValue> values)
{
    public RunPlan Plan => plan;

    public RunStep? Parent => parent;

    public int Number => number;

    public IReadOnlyDictionary<string, ExpressionValue> Values => values;

    /// <summary>Its steps, at the places of their nodes.</summary>
    public RunStep[] Steps { get; } = new RunStep[plan.Graph.Nodes.Count];

    /// <summary>Steps that have not ended.</summary>
    public int Open { get; set; }

    /// <summary>Nothing new begins in it.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Why it is stopping, if by a failure.</summary>
    public StepError? Failure { get; set; }

    public string Prefix => parent is null ? "" : parent.HasTurns ? $"{parent.Path}[{number}]." : $"{parent.Path}.";
}

/// <summary>A node of a frame.</summary>
internal sealed class RunStep(RunFrame frame, int place)
{
    public RunFrame Frame => frame;

    public int Place => place;

    public WorkflowNode Node => frame.Plan.Graph.Nodes[place];

    public string Path { get; } = frame.Prefix + frame.Plan.Graph.Nodes[place].Name;

    /// <summary>Whether what is within it runs more than once, or one of several.</summary>
    public bool HasTurns => Node.Work is not (WorkflowWork.RunTask or WorkflowWork.AskModel);

    public StepState State { get; set; }

    /// <summary>Nodes before it that have not ended.</summary>
    public int Missing { get; set; }

    /// <summary>How often it was tried; fallbacks count on.</summary>
    public int Attempt { get; set; }

    public ExpressionValue Output { get; set; }

    public ExpressionValue Content { get; set; }

    public StepError? Error { get; set; }

    /// <summary>Why it is being stopped; null when it is not.</summary>
    public StepError? StopReason { get; set; }

    public bool IsStopping { get; set; }

    // Of one with nodes within it.

    public IReadOnlyList<ExpressionValue> Items { get; set; } = [];

    public int NextItem { get; set; }

    public ExpressionValue[] Outputs { get; set; } = [];

    public ExpressionValue Carried { get; set; }

    /// <summary>The turns that are at work.</summary>
    public HashSet<RunFrame> Frames { get; } = [];

    public bool HasEnded => State >= StepState.Succeeded;
}
