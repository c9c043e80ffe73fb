using Stoa.Primitives;

namespace Stoa.Market.Workflows;

/// <summary>What a node does.</summary>
public abstract record WorkflowWork
{
    private WorkflowWork()
    {
    }

    /// <summary>What is written within it: the graphs, in order.</summary>
    public virtual IReadOnlyList<WorkflowGraph> Bodies => [];

    /// <summary>What it reads before it begins, without what its bodies read.</summary>
    public virtual IReadOnlyList<JsonTemplate> Reads => [];

    /// <summary>How often its bodies run at most.</summary>
    public virtual int MostTurns => 1;

    /// <summary>A task of the market.</summary>
    /// <param name="Submission">As it is given to <c>POST /api/v1/tasks</c>, with expressions in its texts.</param>
    public sealed record RunTask(JsonTemplate Submission) : WorkflowWork
    {
        public override IReadOnlyList<JsonTemplate> Reads => [Submission];
    }

    /// <summary>A request to a model.</summary>
    /// <param name="Request">As it is given to <c>POST /v1/chat/completions</c>, with expressions in its texts, and without streaming.</param>
    /// <param name="MaxPrice">It is not asked if it may cost more; null for any price that the run may.</param>
    public sealed record AskModel(JsonTemplate Request, Money? MaxPrice) : WorkflowWork
    {
        public override IReadOnlyList<JsonTemplate> Reads => [Request];
    }

    /// <summary>The same for each item of a list. Its output is the list of what each came to.</summary>
    /// <param name="Over">The list.</param>
    /// <param name="Item">What an item is called in the body.</param>
    /// <param name="Most">A longer list is refused.</param>
    /// <param name="Parallel">How many items at once.</param>
    /// <param name="Body">What is done with each.</param>
    public sealed record Map(JsonTemplate Over, string Item, int Most, int Parallel, WorkflowGraph Body) : WorkflowWork
    {
        public override IReadOnlyList<WorkflowGraph> Bodies => [Body];

        public override IReadOnlyList<JsonTemplate> Reads => [Over];

        public override int MostTurns => Most;
    }

    /// <summary>The same for one item of a list after the other, each with what the one before came to, as <c>accumulator</c>. Its output is what the last one came to.</summary>
    /// <param name="Over">The list.</param>
    /// <param name="Item">What an item is called in the body.</param>
    /// <param name="Most">A longer list is refused.</param>
    /// <param name="Initial">What the first one gets.</param>
    /// <param name="Body">What is done with each; its output is what the next one gets.</param>
    public sealed record Reduce(JsonTemplate Over, string Item, int Most, JsonTemplate Initial, WorkflowGraph Body) : WorkflowWork
    {
        public override IReadOnlyList<WorkflowGraph> Bodies => [Body];

        public override IReadOnlyList<JsonTemplate> Reads => [Over, Initial];

        public override int MostTurns => Most;
    }

    /// <summary>The first branch whose condition is true. Its output is the branch's; null when there is none.</summary>
    public sealed record Choose(IReadOnlyList<Branch> Branches) : WorkflowWork
    {
        public override IReadOnlyList<WorkflowGraph> Bodies => [.. Branches.Select(branch => branch.Body)];

        public override IReadOnlyList<JsonTemplate> Reads => [.. Branches.Select(branch => branch.When).OfType<JsonTemplate>()];
    }

    /// <summary>The same again and again, each turn with what the one before came to, as <c>state</c>. Its output is what the last turn came to.</summary>
    /// <param name="Most">How many turns; it fails when the condition still holds then.</param>
    /// <param name="Initial">What the first turn gets.</param>
    /// <param name="While">Looked at before each turn, with <c>state</c> and <c>turn</c>.</param>
    /// <param name="Body">What is done; its output is what the next turn gets.</param>
    public sealed record Loop(int Most, JsonTemplate Initial, JsonTemplate While, WorkflowGraph Body) : WorkflowWork
    {
        public override IReadOnlyList<WorkflowGraph> Bodies => [Body];

        public override IReadOnlyList<JsonTemplate> Reads => [Initial];

        public override int MostTurns => Most;
    }

    /// <summary>All of another workflow. Its output is what that gives.</summary>
    /// <param name="Input">What it is given.</param>
    /// <param name="Inner">It, as it was when the outer one was read.</param>
    public sealed record UseWorkflow(JsonTemplate Input, Workflow Inner) : WorkflowWork
    {
        public override IReadOnlyList<JsonTemplate> Reads => [Input];
    }

    /// <summary>Nothing, for a while or until something has come. Of an event its output is what came with it.</summary>
    /// <param name="For">So long; null when it waits for something else.</param>
    /// <param name="Until">Until this instant, ISO 8601 with an offset; null when it waits for something else.</param>
    /// <param name="Event">Until an event of this name was sent to the run; null when it waits for a time.</param>
    public sealed record Wait(TimeSpan? For, JsonTemplate? Until, string? Event) : WorkflowWork
    {
        public override IReadOnlyList<JsonTemplate> Reads => Until is null ? [] : [Until];
    }

    /// <summary>A person says yes or no. Its output is who it was, and what he wrote; a no is a failure.</summary>
    /// <param name="Text">What is asked.</param>
    /// <param name="By">Handles of who may answer; empty: whoever may run the workflow.</param>
    public sealed record Approval(JsonTemplate Text, IReadOnlyList<string> By) : WorkflowWork
    {
        public override IReadOnlyList<JsonTemplate> Reads => [Text];
    }
}

/// <summary>One way that a <see cref="WorkflowWork.Choose"/> may go.</summary>
/// <param name="When">Whether it is this one; null for whenever none before was.</param>
/// <param name="Body">What is done then.</param>
public sealed record Branch(JsonTemplate? When, WorkflowGraph Body);
