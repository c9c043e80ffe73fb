using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

/// <summary>A node that gives no tasks to others: the network lists nothing.</summary>
public sealed class NoSuppliers : IRemoteOffers
{
    public Task<ForeignAgent?> FindAsync(ListingName named, CancellationToken cancellationToken) => Task.FromResult<ForeignAgent?>(null);

    public Task<IReadOnlyList<NetworkCandidate>> ListCandidatesAsync(RemoteSearch search, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<NetworkCandidate>>([]);

    public Task<SupplyPlaces> FindPlacesAsync(Id<AgentTask> task, CancellationToken cancellationToken) => Task.FromResult(SupplyPlaces.Any);

    public Task<Outcome<Money, TaskRefusal>> QuoteAsync(QuoteRequest request, Money? most, CancellationToken cancellationToken) =>
        Task.FromResult<Outcome<Money, TaskRefusal>>(new Refusal<TaskRefusal>(TaskRefusal.SupplierUnavailable, "Nobody."));

    public Task<AgentVersion?> FindHereAsync(ContentHash program, string name, CancellationToken cancellationToken) => Task.FromResult<AgentVersion?>(null);

    public Task<IReadOnlyList<Money>> QuoteRunsAsync(QuoteRequest request, string name, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<Money>>([]);
}
