using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>The routes of the cell, in memory.</summary>
public sealed class ModelRoutes
{
    private Snapshot _now = Snapshot.Of([]);

    /// <summary>These are the routes now.</summary>
    public void Become(IReadOnlyList<ModelRoute> routes) => Volatile.Write(ref _now, Snapshot.Of(routes));

    /// <summary>The route of what a request names; null when it names a model itself.</summary>
    /// <param name="account">Who asks: his own routes come before those for all.</param>
    /// <param name="address">What is named.</param>
    public ModelRoute? Find(Id<User> account, ModelAddress address)
    {
        var now = Volatile.Read(ref _now);
        return address switch
        {
            ModelAddress.ByRoute { Name: var name } => now.Own.GetValueOrDefault((account, name)) ?? now.ForAll.GetValueOrDefault(name),
            // Whoever names a version wants that one.
            ModelAddress.ByListing { Range: var range, Listing: var listing } when range == Market.Registry.SemanticRange.Any => now.OfListings.GetValueOrDefault((listing.Publisher, listing.Name)),
            _ => null,
        };
    }

    /// <summary>Those that an account's requests may name, by name.</summary>
    public IReadOnlyList<ModelRoute> List(Id<User> account)
    {
        var now = Volatile.Read(ref _now);
        return [.. now.All.Where(route => (route.IsForAll || route.Owner == account) && !route.Name.Contains('/', StringComparison.Ordinal)).OrderBy(route => route.Name, StringComparer.Ordinal)];
    }

    private sealed record Snapshot(IReadOnlyList<ModelRoute> All, IReadOnlyDictionary<(Id<User> Owner, string Name), ModelRoute> Own, IReadOnlyDictionary<string, ModelRoute> ForAll,
        IReadOnlyDictionary<(string Publisher, string Name), ModelRoute> OfListings)
    {
        public static Snapshot Of(IReadOnlyList<ModelRoute> routes)
        {
            var forAll = routes.Where(route => route.IsForAll).DistinctBy(route => route.Name).ToDictionary(route => route.Name);
            return new Snapshot(
                routes,
                routes.Where(route => !route.IsForAll).ToDictionary(route => (route.Owner, route.Name)),
                forAll,
                forAll.Values.Select(route => (Route: route, Slash: route.Name.IndexOf('/', StringComparison.Ordinal))).Where(one => one.Slash > 0)
                    .ToDictionary(one => (one.Route.Name[..one.Slash], one.Route.Name[(one.Slash + 1)..]), one => one.Route));
        }
    }
}
