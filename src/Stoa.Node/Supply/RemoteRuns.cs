using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Offers;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Has tasks run at other operators' nodes, by the calls that they sell to everybody.</summary>
/// <remarks>
/// An attempt goes to one supplier; the retry of the queue brings the next one. What was begun is gone on with, by whichever node of the cell has the task then: the call bears the same key and
/// the same voucher, and is the same call at the supplier.
/// </remarks>
/// <param name="agents">What the network lists.</param>
/// <param name="versions">What was published here.</param>
/// <param name="programs">Which of that has which program.</param>
/// <param name="suppliers">Whom tasks are given to.</param>
/// <param name="quotes">What they would take.</param>
/// <param name="runs">Makes calls.</param>
/// <param name="checks">Has some of what was done done again.</param>
/// <param name="time">The clock of deadlines.</param>
public sealed class RemoteRuns(
    SqlForeignAgents agents, IAgentStore versions, OwnPrograms programs, SqlSuppliers suppliers, SupplierQuotes quotes, SupplierRuns runs, SpotCheckDraw checks, TimeProvider time) : IRemoteRuns
{
    /// <inheritdoc/>
    public async Task<RemoteOutcome> RunAsync(AgentTask task, OpenInput input, Stream output, AttemptProgress progress, CancellationToken cancellationToken)
    {
        var agent = await GetAsync(task, cancellationToken);
        var call = await suppliers.FindCallAsync(task.Id, cancellationToken) ?? await BeginAsync(task, agent, cancellationToken);
        if (call is null)
            return new RemoteOutcome.Failed($"No supplier that offers {task.Agent} takes it for at most {task.MaxPrice} USD now.");
        var outcome = await runs.RunAsync(call, RunOf(task, agent.ProgramDigest, agent.Manifest.Output.MediaType), input, output, progress, cancellationToken);
        if (outcome is RemoteOutcome.Completed)
            await checks.DrawAsync(task, call.Supplier, CancellationToken.None);
        return outcome;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RemoteRun>> StopAsync(AgentTask task, OpenInput input, Func<SpoolStream> output, CancellationToken cancellationToken)
    {
        var calls = await suppliers.ListCallsAsync(task.Id, cancellationToken);
        if (calls.Count == 0)
            return [];
        var plan = await PlanRunsAsync(task, cancellationToken);
        var run = RunOf(task, plan.Program, plan.MediaType);
        var ended = await Task.WhenAll(calls.Select(async call =>
        {
            if (call.State is CallOutcome.Open && !await runs.StopAsync(call, plan.Program, cancellationToken))
                return null;
            var spool = output();
            return new RemoteRun(call.Supplier.Node.ToString(), await runs.RunAsync(call, run, input, spool, progress: null, cancellationToken), spool);
        }));
        return [.. ended.OfType<RemoteRun>()];
    }

    /// <inheritdoc/>
    public async Task<RunPlan> PlanRunsAsync(AgentTask task, CancellationToken cancellationToken)
    {
        // Who may run it is bound to regions, and the node of this cell that has the task may stand anywhere.
        var isBound = (await suppliers.FindPlacesAsync(task.Id, cancellationToken)).Regions.Count > 0;
        if (!task.Agent.IsKeyed)
        {
            var own = await versions.GetAsync(task.AgentId, cancellationToken) ?? throw new IOException($"The agent {task.Agent} is not in the catalogue.");
            return new RunPlan(own.ProgramDigest, own.Manifest.Output.MediaType, isBound ? null : own.Id);
        }

        var agent = await GetAsync(task, cancellationToken);
        var here = isBound ? null : await programs.FindAsync(agent.ProgramDigest, agent.Manifest.Name, cancellationToken);
        return new RunPlan(agent.ProgramDigest, agent.Manifest.Output.MediaType, here is not null && RunPlan.MayRun(here, task.Parameters, task.Limits) ? here.Id : null);
    }

    /// <inheritdoc/>
    public async Task<int> BeginRunsAsync(RunsOrder order, int least, CancellationToken cancellationToken)
    {
        var task = order.Task;
        var before = (await suppliers.ListCallsAsync(task.Id, cancellationToken)).Count;
        var begun = before < order.Count ? await BeginManyAsync(order, order.Count - before, cancellationToken) : [];
        if (before + begun.Count >= least)
            return before + begun.Count;
        // Their vouchers have not left: nobody has run anything.
        foreach (var call in begun)
            await suppliers.FailAsync(call, CallOutcome.Cancelled, "Too few others would have run it.", CancellationToken.None);
        return before;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RemoteRun>> RunManyAsync(RunsOrder order, OpenInput input, Func<SpoolStream> output, CancellationToken cancellationToken)
    {
        var task = order.Task;
        var run = RunOf(task, order.Program, order.MediaType);
        var calls = (await suppliers.ListCallsAsync(task.Id, cancellationToken)).Where(call => !order.Without.Contains(call.Supplier.Node.ToString())).ToList();
        if (calls.Count < order.Count)
            calls.AddRange(await BeginManyAsync(order, order.Count - calls.Count, cancellationToken));
        return await Task.WhenAll(calls.Select(async call =>
        {
            var spool = output();
            return new RemoteRun(call.Supplier.Node.ToString(), await runs.RunAsync(call, run, input, spool, progress: null, cancellationToken), spool);
        }));
    }

    private async Task<List<SupplierCall>> BeginManyAsync(RunsOrder order, int count, CancellationToken cancellationToken)
    {
        var task = order.Task;
        var limits = task.LimitsAt(time.GetUtcNow());
        var request = new QuoteRequest(order.Program, task.Input.SizeBytes, limits, await suppliers.FindPlacesAsync(task.Id, cancellationToken));
        var tried = await suppliers.ListTriedAsync(task.Id, cancellationToken);
        var begun = new List<SupplierCall>();
        foreach (var quote in (await quotes.RankAsync(request, cancellationToken)).Where(quote => quote.Name == task.Agent.Name && !tried.ContainsKey(quote.Supplier.Id)))
        {
            if (begun.Count == count)
                break;
            if (await suppliers.BeginAsync(task.Id, quote.Supplier.Id, CallTerms.Of(quote, limits), order.Most, cancellationToken) is { } call)
                begun.Add(call);
        }

        return begun;
    }

    private async Task<SupplierCall?> BeginAsync(AgentTask task, ForeignAgent agent, CancellationToken cancellationToken)
    {
        var limits = task.LimitsAt(time.GetUtcNow());
        var request = new QuoteRequest(agent.ProgramDigest, task.Input.SizeBytes, limits, await suppliers.FindPlacesAsync(task.Id, cancellationToken));
        var tried = await suppliers.ListTriedAsync(task.Id, cancellationToken);
        // Whoever has not had it comes first; whoever has lied about it does not get it again.
        var ranked = (await quotes.RankAsync(request, cancellationToken))
            .Where(quote => quote.Amount <= task.MaxPrice && tried.GetValueOrDefault(quote.Supplier.Id) is not CallOutcome.Lied)
            .OrderBy(quote => tried.ContainsKey(quote.Supplier.Id));
        foreach (var quote in ranked)
        {
            if (await suppliers.BeginAsync(task.Id, quote.Supplier.Id, CallTerms.Of(quote, limits), most: null, cancellationToken) is { } call)
                return call;
        }

        return null;
    }

    private async Task<ForeignAgent> GetAsync(AgentTask task, CancellationToken cancellationToken) =>
        await agents.GetAsync(task.AgentId, cancellationToken) ?? throw new IOException($"The listing of {task.Agent} is not in the database.");

    private static ProgramRun RunOf(AgentTask task, ContentHash program, string mediaType) =>
        new(program, task.Input.Digest, task.Input.SizeBytes, task.Parameters, task.Limits, mediaType) { World = task.World };
}
