using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <content>Tasks that several executors run, of whom enough have to agree.</content>
public sealed partial class SubmitTask
{
    // As many executors beyond those that are asked for are covered by the hold, should some of these not do it.
    private const int SpareRuns = 2;

    /// <summary>Prepares a task that several executors run: this cell, where it has the program, and other operators' nodes.</summary>
    private async Task<Outcome<Prepared, TaskRefusal>> OrderRunsAsync(
        Id<User> owner, TaskRequest request, Redundancy redundancy, AgentVersion? own, BatchCounts? batch, CancellationToken cancellationToken)
    {
        if (request.Input.IsSealed)
            return Refuse(TaskRefusal.NotSupplied, "Several executors run it, and only this node can open what is sealed to it. Submit it in the clear, or without redundancy.");
        var foreign = own is null ? await FindForeignAsync(request.Agent!, batch, cancellationToken) : null;
        if ((own?.Manifest ?? foreign?.Manifest) is not { } manifest)
            return Refuse(TaskRefusal.AgentUnknown, $"There is no agent {request.Agent}. List what there is here with GET /api/v1/agents, and in the whole network with GET /api/v1/listings.");
        var (id, listing, program) = own is null ? (foreign!.Id, foreign.Listing, foreign.ProgramDigest) : (own.Id, own.Listing, own.ProgramDigest);
        if (!manifest.IsAlone)
        {
            return Refuse(TaskRefusal.NotSupplied, manifest.Asks.Count > 0
                ? $"{listing} asks models, which answer the same question in another way each time: executors that do as they should would not agree. Take an agent that asks none, or submit it without redundancy."
                : $"{listing} calls other agents, which is only done by the cell that it was published in. Take an agent that calls nobody, or submit it without redundancy.");
        }

        if (!TaskRules.CheckParameters(manifest.Parameters, request.Parameters).TryGet(out var parameters, out var refusal))
            return refusal;
        if (!TaskRules.CheckLimits(manifest.Limits, request.Limits, maxMemoryBytes).TryGet(out var limits, out refusal))
            return refusal;
        if (!(await CheckInputAsync(owner, manifest.Input, request.Input, cancellationToken)).TryGet(out var input, out refusal))
            return refusal;
        if (!manifest.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), TaskPricing.FactorOf(manifest.Factors, request.Priority, open: 0), out var posted))
            return BeyondMoney(listing, limits);

        // With regions it is other nodes alone: which node of this cell will have the task, nobody knows.
        var here = request.Regions.Count > 0 ? null : own ?? await remote.FindHereAsync(program, manifest.Name, cancellationToken);
        if (here is not null && (!RunPlan.MayRun(here, parameters, limits)
            || !here.Manifest.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), TaskPricing.FactorOf(here.Manifest.Factors, request.Priority, open: 0), out _)))
        {
            here = null;
        }

        var mine = here is null || !here.Manifest.Price.TryPrice(PricedWork.AtLimits(input.SizeBytes, limits), TaskPricing.FactorOf(here.Manifest.Factors, request.Priority, open: 0), out var parts)
            ? Money.Zero
            : parts.Total;
        var others = redundancy.Runs - (here is null ? 0 : 1);
        var order = new QuoteRequest(program, input.SizeBytes, limits, request.Places);
        if (!(batch is null ? (Money[])[.. await remote.QuoteRunsAsync(order, manifest.Name, cancellationToken)] : await batch.QuoteRunsAsync(remote, order, manifest.Name, cancellationToken)).TryGet(out var quoted, out refusal))
            return refusal;
        if (quoted.Length < others)
        {
            return Refuse(
                TaskRefusal.ExecutorsTooFew,
                $"{redundancy.Runs} executors are asked for, and {quoted.Length + redundancy.Runs - others} could run {listing} now: {(here is null ? "" : "this node and ")}{quoted.Length} suppliers. Ask for fewer runs, or try again later.");
        }

        var least = Sum(quoted.Take(others));
        var most = Sum(quoted.Take(others + SpareRuns).OrderDescending().Take(others));
        if (least is not { } fewest || most is not { } dearest || mine > new Money(long.MaxValue) - dearest)
            return BeyondMoney(listing, limits);
        // Who is dearer than is allowed is no spare one.
        var hold = mine + (request.MaxPrice is { } budget && mine + dearest > budget ? fewest : dearest);
        return new Prepared(id, listing, parameters, limits, input, posted, hold, Money.Min(hold, posted.Base + posted.Input), CandidateCount: 1, Demand: null, Selection: null)
        {
            IsRemote = true,
        };

        static Money? Sum(IEnumerable<Money> amounts)
        {
            var sum = amounts.Aggregate((Int128)0, (total, amount) => total + amount.Nanodollars);
            return sum <= long.MaxValue ? new Money((long)sum) : null;
        }
    }
}
