using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Offers;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Says what other operators' nodes would do, by what the network lists and by the quotes of those who offer it.</summary>
/// <param name="agents">What the network lists.</param>
/// <param name="programs">What was published here.</param>
/// <param name="candidates">What of the network suppliers would run.</param>
/// <param name="suppliers">Whom tasks are given to.</param>
/// <param name="quotes">What they would take.</param>
public sealed class RemoteOffers(SqlForeignAgents agents, OwnPrograms programs, NetworkCandidates candidates, SqlSuppliers suppliers, SupplierQuotes quotes) : IRemoteOffers
{
    /// <inheritdoc/>
    public Task<ForeignAgent?> FindAsync(ListingName named, CancellationToken cancellationToken) => agents.FindAsync(named, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<NetworkCandidate>> ListCandidatesAsync(RemoteSearch search, CancellationToken cancellationToken) => candidates.ListAsync(search, cancellationToken);

    /// <inheritdoc/>
    public Task<SupplyPlaces> FindPlacesAsync(Id<AgentTask> task, CancellationToken cancellationToken) => suppliers.FindPlacesAsync(task, cancellationToken);

    /// <inheritdoc/>
    public async Task<Outcome<Money, TaskRefusal>> QuoteAsync(QuoteRequest request, Money? most, CancellationToken cancellationToken)
    {
        var ranked = await quotes.RankAsync(request, cancellationToken);
        if (ranked.Count == 0)
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.SupplierUnavailable,
                "The agent was published elsewhere in the network, and no supplier of this node"
                + (request.Places.Regions.Count == 0 ? "" : $" in {string.Join(" or ", request.Places.Regions)}")
                + $" offers it and says a price for an input of {request.InputBytes} bytes now. Try again later, or ask the operator for a supplier that has it.");
        }

        return SupplierChoice.HoldOf(ranked, most);
    }

    /// <inheritdoc/>
    public Task<AgentVersion?> FindHereAsync(ContentHash program, string name, CancellationToken cancellationToken) => programs.FindAsync(program, name, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Money>> QuoteRunsAsync(QuoteRequest request, string name, CancellationToken cancellationToken) =>
        [.. (await quotes.RankAsync(request, cancellationToken)).Where(quote => quote.Name == name).Select(quote => quote.Amount)];
}
