using System.Collections.Concurrent;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Routes;

/// <summary>Finds the routes of requests: those for everybody are in memory, those of an account are read when it asks, and kept for two seconds.</summary>
/// <param name="store">Has them.</param>
/// <param name="time">The clock.</param>
public sealed class ModelRoutes(SqlRouteStore store, TimeProvider time)
{
    private const int MostAccounts = 10_000;

    private static readonly TimeSpan s_kept = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Id<User>, Own> _own = new();
    private ForAll _forAll = ForAll.Of([]);

    /// <summary>These are the routes for everybody now.</summary>
    public void Become(IReadOnlyList<ModelRoute> routes) => Volatile.Write(ref _forAll, ForAll.Of(routes));

    /// <summary>An account has changed its own.</summary>
    public void Forget(Id<User> account) => _own.TryRemove(account, out _);

    /// <summary>The route of what a request names; null when it names a model itself. On the usual path it completes at once.</summary>
    /// <param name="account">Who asks: his own routes come before those for all.</param>
    /// <param name="address">What is named.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public ValueTask<ModelRoute?> FindAsync(Id<User> account, ModelAddress address, CancellationToken cancellationToken) => address switch
    {
        ModelAddress.ByRoute { Name: var name } => FindAsync(account, name, cancellationToken),
        // Whoever names a version wants that one.
        ModelAddress.ByListing { Range: var range, Listing: var listing } when range == SemanticRange.Any =>
            new(Volatile.Read(ref _forAll).OfListings.GetValueOrDefault((listing.Publisher, listing.Name))),
        _ => new((ModelRoute?)null),
    };

    private async ValueTask<ModelRoute?> FindAsync(Id<User> account, string name, CancellationToken cancellationToken)
    {
        if (!_own.TryGetValue(account, out var own) || time.GetElapsedTime(own.ReadAt) >= s_kept)
        {
            var readAt = time.GetTimestamp();
            own = new Own((await store.ListOwnAsync(account, cancellationToken)).ToDictionary(route => route.Name), readAt);
            if (_own.Count >= MostAccounts)
                _own.Clear();
            _own[account] = own;
        }

        return own.Routes.GetValueOrDefault(name) ?? Volatile.Read(ref _forAll).Named.GetValueOrDefault(name);
    }

    private sealed record Own(IReadOnlyDictionary<string, ModelRoute> Routes, long ReadAt);

    /// <param name="Named">By their names.</param>
    /// <param name="OfListings">Those whose name is that of a listing.</param>
    private sealed record ForAll(IReadOnlyDictionary<string, ModelRoute> Named, IReadOnlyDictionary<(string Publisher, string Name), ModelRoute> OfListings)
    {
        public static ForAll Of(IReadOnlyList<ModelRoute> routes) => new(
            routes.ToDictionary(route => route.Name),
            routes.Select(route => (Route: route, Slash: route.Name.IndexOf('/', StringComparison.Ordinal))).Where(one => one.Slash > 0)
                .ToDictionary(one => (one.Route.Name[..one.Slash], one.Route.Name[(one.Slash + 1)..]), one => one.Route));
    }
}
