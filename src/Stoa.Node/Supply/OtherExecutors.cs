using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>How a check comes to other executors.</summary>
/// <param name="Checks">Where its calls are begun.</param>
/// <param name="Suppliers">Who they are.</param>
/// <param name="Quotes">For how much.</param>
/// <param name="Runs">Makes calls.</param>
/// <param name="Options">What a day may cost.</param>
public sealed record SpotCheckWays(SqlSpotChecks Checks, SqlSuppliers Suppliers, SupplierQuotes Quotes, SupplierRuns Runs, SupplyOptions Options);

/// <summary>Suppliers other than the one that is checked, one after the other: those that were called before come first, as the same calls.</summary>
/// <param name="ways">To them.</param>
/// <param name="check">The check.</param>
/// <param name="task">What is done again.</param>
/// <param name="receipt">As the supplier has sworn to it.</param>
/// <param name="input">The way to what it ran on.</param>
/// <param name="begun">Calls of the check that were made before.</param>
internal sealed class OtherExecutors(SpotCheckWays ways, SpotCheck check, AgentTask task, Receipt receipt, OpenInput input, IReadOnlyList<SupplierCall> begun)
{
    private int _resumed;

    // The deadline that cut the time of the first run is over.
    private AgentLimits Limits => SpotCheckRules.LimitsOf(receipt, task);

    /// <summary>Has the next one run it; null when nobody is left who would within the money that is for it.</summary>
    public async Task<(CheckedRun? Run, Id<Supplier>? Supplier)> NextAsync(CancellationToken cancellationToken)
    {
        for (var turn = 0; turn < SupplierChoice.MaxSuppliers; turn++)
        {
            var call = _resumed < begun.Count ? begun[_resumed++] : await BeginAsync(cancellationToken);
            if (call is null)
                return default;
            var run = new ProgramRun(receipt.ProgramDigest, receipt.InputDigest, task.Input.SizeBytes, receipt.Parameters, Limits, "")
            {
                World = new TaskWorld(receipt.Seed, receipt.ClockMs),
            };
            if (await ways.Runs.RunAsync(call, run, input, Stream.Null, progress: null, cancellationToken) is RemoteOutcome.Completed { Receipt: var other })
                return (new CheckedRun(other.OutputDigest, other.Usage.Fuel), call.Supplier.Id);
        }

        return default;
    }

    private async Task<SupplierCall?> BeginAsync(CancellationToken cancellationToken)
    {
        // What was bound to regions stays there.
        var request = new QuoteRequest(receipt.ProgramDigest, task.Input.SizeBytes, Limits, await ways.Suppliers.FindPlacesAsync(task.Id, cancellationToken));
        var tried = await ways.Suppliers.ListTriedAsync(check.Id, cancellationToken);
        foreach (var quote in await ways.Quotes.RankAsync(request, cancellationToken))
        {
            if (quote.Name != receipt.Agent.Name || quote.Supplier.Id == check.Supplier || tried.ContainsKey(quote.Supplier.Id))
                continue;
            if (await ways.Checks.BeginAsync(check, quote.Supplier.Id, CallTerms.Of(quote, Limits), ways.Options.SpotCheckDailyMost, cancellationToken) is { } call)
                return call;
        }

        return null;
    }
}
