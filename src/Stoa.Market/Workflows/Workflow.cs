namespace Stoa.Market.Workflows;

/// <summary>A workflow as it is written down: what it takes, what is done in which order, and what it gives.</summary>
/// <param name="Name">2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter.</param>
/// <param name="Description">For people, at most 1,000 characters.</param>
/// <param name="Input">JSON Schema, as text, of what a run is given; null when anything goes.</param>
/// <param name="Limits">Of a run as a whole.</param>
/// <param name="Graph">What is done.</param>
/// <remarks>Workflows that it uses are in it, as they were when it was read.</remarks>
public sealed record Workflow(string Name, string Description, string? Input, WorkflowLimits Limits, WorkflowGraph Graph)
{
    /// <summary>The largest document that is read, in bytes.</summary>
    public const int MaxBytes = 4 << 20;

    /// <summary>The most nodes of a document, those within nodes too.</summary>
    public const int MaxNodes = 20_000;

    /// <summary>How deep nodes stand within nodes.</summary>
    public const int MaxDepth = 8;

    /// <summary>The most tasks and requests to models that a run may come to, with all of its maps, loops and retries at their bounds.</summary>
    public const long MostSteps = 1_000_000;

    /// <summary>The most nodes that a run may begin and turns that it may go through: a node of a run has some hundred bytes, whatever it does.</summary>
    public const long MostTurns = 2_000_000;

    /// <summary>How deep workflows use workflows.</summary>
    public const int MaxUses = 8;

    /// <summary>What a run may come to.</summary>
    public WorkflowSize Size { get; } = WorkflowSize.Of(Graph);

    /// <summary>How deep those that it uses use others; 0 when it uses none.</summary>
    public int Levels { get; } = Graph.FindUses().Select(use => use.Inner.Levels + 1).DefaultIfEmpty().Max();

    /// <summary>Whether a node of it asks a model, or one of those that it uses, wherever they are.</summary>
    public bool AsksModels() => FindDocuments().Any(document => document.Graph.AsksModels());

    /// <summary>It, and those that it uses, and those that these use, each once.</summary>
    public IReadOnlyList<Workflow> FindDocuments()
    {
        var found = new List<Workflow> { this };
        var known = new HashSet<Workflow>(ReferenceEqualityComparer.Instance) { this };
        for (var place = 0; place < found.Count; place++)
            found.AddRange(found[place].Graph.FindUses().Select(use => use.Inner).Where(known.Add));
        return found;
    }
}

/// <summary>What a run may come to; each that is null is left to the bounds of the nodes.</summary>
/// <param name="Steps">Tasks and requests to models, each attempt counted.</param>
/// <param name="Price">All of them together.</param>
/// <param name="Time">From its begin to its end.</param>
public sealed record WorkflowLimits(long? Steps, Primitives.Money? Price, TimeSpan? Time)
{
    /// <summary>None but those of the nodes.</summary>
    public static WorkflowLimits None { get; } = new(null, null, null);
}

/// <summary>Nodes that read each other, and what they come to.</summary>
/// <param name="Nodes">Each has a name that no other one of the document has.</param>
/// <param name="Output">Made once all have ended; null when it has none.</param>
public sealed record WorkflowGraph(IReadOnlyList<WorkflowNode> Nodes, JsonTemplate? Output)
{
    /// <summary>How many nodes there are, those within nodes and those of workflows that are used too.</summary>
    public int CountNodes() => (int)Math.Min(int.MaxValue, WorkflowSize.Of(this).Nodes);

    /// <summary>The nodes that use other workflows, wherever they are in it.</summary>
    public IEnumerable<WorkflowWork.UseWorkflow> FindUses() => Nodes.SelectMany(node => node.Work is WorkflowWork.UseWorkflow use ? [use] : node.Work.Bodies.SelectMany(body => body.FindUses()));

    /// <summary>Whether a node of it asks a model, those within nodes, fallbacks and what undoes others included.</summary>
    internal bool AsksModels() => Nodes.Any(node =>
        node.Fallbacks.Append(node.Work).Concat(node.Compensation is null ? [] : [node.Compensation]).Any(work => work is WorkflowWork.AskModel || work.Bodies.Any(body => body.AsksModels())));

    /// <summary>No nodes and no output.</summary>
    public static WorkflowGraph Empty { get; } = new([], null);
}

/// <summary>One thing that is done.</summary>
/// <param name="Name">1 to 64 letters, digits and underscores, a letter first.</param>
/// <param name="Pointer">Where it stands in the document (RFC 6901).</param>
/// <param name="Work">What is done.</param>
public sealed record WorkflowNode(string Name, string Pointer, WorkflowWork Work)
{
    /// <summary>It is done only if this is true in the sense of JMESPath; null for always.</summary>
    public JsonTemplate? When { get; init; }

    /// <summary>Nodes of the same graph that have to have ended before, beside those that it reads.</summary>
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>How long it may take, attempts and what is between them included; null for as long as the run may.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often it is tried.</summary>
    public RetryTerms Retry { get; init; } = RetryTerms.Once;

    /// <summary>What becomes of the run when it has failed for good.</summary>
    public OnNodeFailure OnFailure { get; init; }

    /// <summary>What is done once all attempts have failed, in the order in which they are given; only of tasks and models.</summary>
    public IReadOnlyList<WorkflowWork> Fallbacks { get; init; } = [];

    /// <summary>What undoes it, should the run fail or be cancelled after it was done; null when there is nothing to undo.</summary>
    public WorkflowWork? Compensation { get; init; }
}

/// <summary>What becomes of a run whose node has failed.</summary>
public enum OnNodeFailure
{
    /// <summary>The run fails.</summary>
    Fail,

    /// <summary>It goes on. What reads the node's state runs as well; what reads its output alone is skipped.</summary>
    Skip,
}

/// <summary>How often a node is tried, and what is waited for in between.</summary>
/// <param name="Attempts">1 to 10.</param>
/// <param name="Delay">Before the second attempt.</param>
/// <param name="Factor">Each later delay is so many times the one before, up to <paramref name="MaxDelay"/>.</param>
/// <param name="MaxDelay">The longest one.</param>
public sealed record RetryTerms(int Attempts, TimeSpan Delay, double Factor, TimeSpan MaxDelay)
{
    /// <summary>The most attempts.</summary>
    public const int MaxAttempts = 10;

    /// <summary>One attempt.</summary>
    public static RetryTerms Once { get; } = new(1, TimeSpan.FromSeconds(1), 2, TimeSpan.FromMinutes(5));

    /// <summary>What is waited for after so many attempts.</summary>
    public TimeSpan After(int attempts) => TimeSpan.FromTicks((long)Math.Min(MaxDelay.Ticks, Delay.Ticks * Math.Pow(Factor, attempts - 1)));
}
