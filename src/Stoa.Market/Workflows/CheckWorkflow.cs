using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Workflows;

/// <summary>The act of looking at a workflow before anything runs: its form, what its nodes read of each other, the agents that it names, and what it may come to.</summary>
/// <param name="agents">The catalogue.</param>
/// <param name="submit">Knows what tasks cost.</param>
/// <param name="remote">Agents of the network.</param>
/// <param name="time">The clock.</param>
public sealed class CheckWorkflow(IAgentStore agents, SubmitTask submit, IRemoteOffers remote, TimeProvider time)
{
    private const int MaxAgents = 100;

    /// <summary>The workflow and what it may come to, or <see cref="WorkflowRefusal.WorkflowInvalid"/> with every reason.</summary>
    /// <param name="owner">Who would run it.</param>
    /// <param name="json">The document, UTF-8.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Outcome<CheckedWorkflow, WorkflowRefusal>> CheckAsync(Id<User> owner, ReadOnlyMemory<byte> json, CancellationToken cancellationToken) =>
        CheckAsync(owner, json, new Dictionary<string, ReadOnlyMemory<byte>>(), cancellationToken);

    /// <summary>The same of one that uses others.</summary>
    /// <param name="owner">Who would run it.</param>
    /// <param name="json">The document, UTF-8.</param>
    /// <param name="beside">Documents that it may use beside those that it brings along, by what it calls them: UTF-8.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="lookup">Knows documents that were given nowhere; null when nobody does.</param>
    public async Task<Outcome<CheckedWorkflow, WorkflowRefusal>> CheckAsync(
        Id<User> owner, ReadOnlyMemory<byte> json, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> beside, CancellationToken cancellationToken, WorkflowLookup? lookup = null)
    {
        if (!(await ReadAsync(json, beside, lookup, cancellationToken)).TryGet(out var whole, out var refusal))
            return refusal;
        var workflow = whole.Workflow;
        if (WorkflowCheck.Find(workflow) is { Count: > 0 } faults)
            return WorkflowReader.Refused(faults);
        var tasks = workflow.FindDocuments().SelectMany(document => Tasks(document.Graph)).ToList();
        var known = new Dictionary<string, AgentVersion?>(StringComparer.Ordinal);
        foreach (var name in tasks.Select(task => task.Submission.TextOf("agent")).OfType<string>().Distinct(StringComparer.Ordinal))
        {
            if (known.Count >= MaxAgents)
                return WorkflowReader.Refused([new FieldError("/nodes", $"A workflow names at most {MaxAgents} agents.")]);
            if (!ListingName.TryParse(name, null, out var listing))
                known.Add(name, null);
            else if (await agents.FindAsync(listing, cancellationToken) is { } agent)
                known.Add(name, agent);
            else if (await remote.FindAsync(listing, cancellationToken) is null)
                known.Add(name, null);
        }

        var errors = new WorkflowPorts(workflow, known, time).Find();
        if (errors.Count > 0)
            return WorkflowReader.Refused(errors);
        return new CheckedWorkflow(workflow, WorkflowCheck.MostSteps(workflow.Graph), await PriceAsync(owner, workflow, known, cancellationToken)) { Document = whole.Document };
    }

    /// <summary>Reads it, and looks up what is missing, and what is missing of that, as deep as workflows may use each other.</summary>
    private static async Task<Outcome<WholeWorkflow, WorkflowRefusal>> ReadAsync(
        ReadOnlyMemory<byte> json, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> beside, WorkflowLookup? lookup, CancellationToken cancellationToken)
    {
        var known = new Dictionary<string, ReadOnlyMemory<byte>>(beside, StringComparer.Ordinal);
        for (var level = 0; ; level++)
        {
            var missing = new List<WorkflowReference>();
            var read = WorkflowReader.ReadWith(json, known, missing);
            var before = known.Count;
            if (lookup is not null && level <= Workflow.MaxUses)
            {
                foreach (var reference in missing.Distinct())
                {
                    if (await lookup(reference, cancellationToken) is { } document)
                        known.TryAdd(reference.ToString(), document);
                }
            }

            if (known.Count == before)
                return read;
        }
    }

    private static IEnumerable<WorkflowWork.RunTask> Tasks(WorkflowGraph graph) => graph.Nodes.SelectMany(node =>
        node.Fallbacks.Append(node.Work).Concat(node.Compensation is null ? [] : [node.Compensation]).OfType<WorkflowWork.RunTask>().Concat(node.Work.Bodies.SelectMany(Tasks)));

    /// <summary>What all of it costs at its limits, as often as it may be done; null where that is not known.</summary>
    private async Task<Money?> PriceAsync(Id<User> owner, Workflow workflow, IReadOnlyDictionary<string, AgentVersion?> known, CancellationToken cancellationToken)
    {
        var quotes = new Dictionary<string, Money?>(StringComparer.Ordinal);
        foreach (var (name, agent) in known)
            quotes[name] = agent is null ? null : (await submit.QuoteAsync(owner, agent, TaskInput.MaxInlineBytes, RequestedLimits.None, cancellationToken)).Match<Money?>(quote => quote, _ => null);
        var used = new Dictionary<Workflow, Money?>(ReferenceEqualityComparer.Instance);
        var most = MostOf(workflow.Graph);
        return (most, workflow.Limits.Price) switch
        {
            ({ } sum, { } limit) => Money.Min(sum, limit),
            _ => most ?? workflow.Limits.Price,
        };

        Money? MostOf(WorkflowGraph graph) => Sum(graph.Nodes.Select(MostOfNode));

        // However often it is used; its own limit of the price is not kept within the run of another one, and so it bounds nothing here.
        Money? MostOfUsed(Workflow inner) => used.TryGetValue(inner, out var price) ? price : used[inner] = MostOf(inner.Graph);

        Money? MostOfNode(WorkflowNode node)
        {
            var own = node.Work is WorkflowWork.UseWorkflow use ? MostOfUsed(use.Inner) : node.Work is WorkflowWork.Choose choose
                ? choose.Branches.Select(branch => MostOf(branch.Body)).DefaultIfEmpty(Money.Zero).Aggregate((one, other) => one is null || other is null ? null : Money.Max(one.Value, other.Value))
                : Sum(node.Work.Bodies.Select(MostOf));
            return Sum([Times(own, node.Work.MostTurns), Times(QuoteOf(node.Work), node.Retry.Attempts), .. node.Fallbacks.Select(QuoteOf), node.Compensation is null ? Money.Zero : QuoteOf(node.Compensation)]);
        }

        Money? QuoteOf(WorkflowWork work) => work switch
        {
            WorkflowWork.RunTask task => task.Submission.TextOf("maxPrice") is { } cap && Money.TryParse(cap, null, out var amount) && amount >= Money.Zero ? amount : quotes.GetValueOrDefault(task.Submission.TextOf("agent") ?? ""),
            WorkflowWork.AskModel model => model.MaxPrice,
            _ => Money.Zero,
        };

        static Money? Sum(IEnumerable<Money?> parts) => parts.Aggregate((Money?)Money.Zero, (sum, part) => sum is null || part is null || sum.Value > new Money(long.MaxValue) - part.Value ? null : sum + part);

        static Money? Times(Money? price, int times) => price is null || price.Value.Nanodollars > long.MaxValue / times ? null : new Money(price.Value.Nanodollars * times);
    }
}

/// <summary>Finds the document of a workflow by what another one calls it.</summary>
/// <returns>JSON, UTF-8; null when there is none.</returns>
public delegate Task<ReadOnlyMemory<byte>?> WorkflowLookup(WorkflowReference reference, CancellationToken cancellationToken);

/// <summary>A workflow that holds together.</summary>
/// <param name="Workflow">As it was read.</param>
/// <param name="MostSteps">Tasks and requests to models, with everything at its bounds.</param>
/// <param name="MostPrice">All of them at their limits, with inputs of up to 1 MiB; no more than the workflow's own limit. Null when that is not known: the agent is chosen while it runs, or a request to a model has no limit.</param>
public sealed record CheckedWorkflow(Workflow Workflow, long MostSteps, Money? MostPrice)
{
    /// <summary>In JSON, UTF-8, with all that it uses: reading it alone gives the same workflow, whatever becomes of what was given beside it.</summary>
    public required ReadOnlyMemory<byte> Document { get; init; }
}
