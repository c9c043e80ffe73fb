using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Hosting;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>The models whose answers are sold here: those that have a price, and that servers of this node have. One that is bought elsewhere would be sold again.</summary>
/// <param name="fleets">What is served here.</param>
/// <param name="listed">Says what is listed of it.</param>
/// <param name="options">What is sold.</param>
/// <param name="node">Where this node stands.</param>
/// <param name="time">The clock.</param>
public sealed class SoldModels(ModelFleets fleets, ListedModels listed, PayPerCallOptions options, NodeOptions node, TimeProvider time) : IDisposable
{
    // Prices and measurements of seconds ago, and listings of a minute ago, are good enough for whoever looks.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_reading = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _one = new(1, 1);
    private Dictionary<ListingName, ListedModel> _listings = [];
    private long? _readAt;
    private (IReadOnlyList<ModelForSale> Models, long At)? _now;

    /// <summary>All of them, in the order of their names, and newest versions first.</summary>
    public async ValueTask<IReadOnlyList<ModelForSale>> ListAsync(CancellationToken cancellationToken)
    {
        if (!options.Models)
            return [];
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_now is not { } now || time.GetElapsedTime(now.At) >= s_fresh)
                _now = now = (await ReadAsync(cancellationToken), time.GetTimestamp());
            return now.Models;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The servers of a model whose answers are sold; null when they are not.</summary>
    /// <param name="model">As a request names it: with its version.</param>
    /// <param name="kind">Which endpoint.</param>
    public ModelFleet? Find(string model, InferenceKind kind) =>
        options.Models && ListingName.TryParse(model, null, out var listing) && listing.Version is not null && fleets.Find(listing, kind) is { } fleet && IsSold(fleet) ? fleet : null;

    public void Dispose() => _one.Dispose();

    private bool IsSold(ModelFleet fleet) =>
        fleet.Replicas.Any(replica => replica.Replica.Supplied is null && (options.FreeModels || !replica.Replica.Priced.IsFree));

    private async Task<IReadOnlyList<ModelForSale>> ReadAsync(CancellationToken cancellationToken)
    {
        List<ModelFleet> sold = [.. fleets.All.Where(IsSold)];
        // Listings may be withdrawn, and publishers named otherwise; else they do not change.
        if (_readAt is not { } readAt || time.GetElapsedTime(readAt) >= s_reading)
            (_listings, _readAt) = ([], time.GetTimestamp());
        var models = new List<ModelForSale>(sold.Count);
        foreach (var fleet in sold)
        {
            if (await FindListedAsync(fleet.Model.Listing, cancellationToken) is { } about)
                models.Add(ModelOf(fleet, about));
        }

        return models;
    }

    private async ValueTask<ListedModel?> FindListedAsync(ListingName listing, CancellationToken cancellationToken)
    {
        if (_listings.TryGetValue(listing, out var known))
            return known;
        if (!(await listed.FindAsync(listing, cancellationToken)).TryGet(out var found, out _))
            return null;
        return _listings[listing] = found;
    }

    private ModelForSale ModelOf(ModelFleet fleet, ListedModel about)
    {
        // What is bought elsewhere is not sold again.
        List<ReplicaState> replicas = [.. fleet.Replicas.Where(replica => replica.Replica.Supplied is null)];
        var prices = replicas.Select(replica => replica.Replica.Priced.PerMillion).ToList();
        var regions = replicas.Select(replica => replica.Replica.Region ?? node.Region).Distinct().ToList();
        return new ModelForSale(
            fleet.Model.Listing,
            about.Signer,
            about.Weights,
            fleet.Model,
            new ModelPrice(
                prices.Select(price => price.PerMillionInputTokens).DefaultIfEmpty(Money.Zero).Max(),
                prices.Select(price => price.PerMillionOutputTokens).DefaultIfEmpty(Money.Zero).Max()),
            regions is [{ } region] ? region : null,
            ModelFleet.SpeedOf(replicas));
    }
}
