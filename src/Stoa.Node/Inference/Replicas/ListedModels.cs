using Stoa.Market;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>A version of a model as it is listed.</summary>
/// <param name="Model">What a replica of it needs to know.</param>
/// <param name="Signer">Whose key has signed the listing.</param>
/// <param name="Weights">The digest of its file.</param>
public sealed record ListedModel(ReplicaModel Model, PeerId Signer, ContentHash Weights);

/// <summary>Reads what is listed of models, here and in the network's catalogue.</summary>
/// <param name="database">The cell's.</param>
public sealed class ListedModels(Database database)
{
    /// <summary>A version that is offered. Its publisher is named by handle when he publishes here, else by key, so that each model has one name.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<Outcome<ListedModel, ReplicaRefusal>> FindAsync(ListingName listing, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listing);
        return database.ReadAsync<Outcome<ListedModel, ReplicaRefusal>>(
            async session =>
            {
                if (await ReadAsync(session, listing) is not { } listed)
                {
                    return new Refusal<ReplicaRefusal>(
                        ReplicaRefusal.ModelNotListed,
                        $"No model {listing} is offered here or in the network's catalogue. Publish it with POST /api/v1/listings/manifests, or look for what there is with GET /api/v1/listings?kind=model.",
                        [new FieldError("/model", "The version of a model that is listed and not withdrawn is expected.")]);
                }

                if (listed.Model is { Publisher: null, Price: { } price })
                {
                    return new Refusal<ReplicaRefusal>(
                        ReplicaRefusal.PublisherElsewhere,
                        $"The publisher of {listing} asks for {price.PerMillionInputTokens} and {price.PerMillionOutputTokens} US dollars for a million tokens read and written, and has no account at this cell that could be paid. Serve a model that is free of charge, have its publisher list it here, or buy its answers of a supplier (stoa supplier add).",
                        [new FieldError("/model", "A model of a publisher of this cell is expected, or one without a price.")]);
                }

                return listed;
            },
            cancellationToken);
    }

    /// <summary>A version that is offered by a publisher of another cell, whatever it costs there; null when there is none.</summary>
    /// <param name="listing">With a version.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    internal Task<ListedModel?> FindForeignAsync(ListingName listing, CancellationToken cancellationToken) =>
        database.ReadAsync(async session => await ReadAsync(session, listing) is { Model.Publisher: null } listed ? listed : null, cancellationToken);

    /// <summary>Whether a publisher of this cell offers a model under a name.</summary>
    /// <param name="publisher">Key or handle.</param>
    /// <param name="name">The model's.</param>
    /// <param name="owner">Who the publisher should be.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    /// <returns>The handle that the publisher publishes by; null when it is somebody else, or there is no such model.</returns>
    public Task<string?> FindOwnAsync(string publisher, string name, Id<Market.Identity.User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
            await SqlListings.FindPublisherAsync(session, publisher) is { } signer
            && await PublisherKeys.FindUserAsync(session, signer) == owner
            && (await OfferedVersions.ListAsync(session, new ListingKey(signer, name))).Any(version => version.Kind is ListingKind.Model)
                ? await PublisherKeys.FindHandleAsync(session, signer)
                : null,
        cancellationToken);

    /// <summary>The weights of models, by what their listings say; what is not offered any more is left out.</summary>
    /// <param name="listings">With versions.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    internal Task<IReadOnlyList<ContentHash>> ListWeightsAsync(IReadOnlyCollection<ListingName> listings, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<ContentHash>>(
        async session =>
        {
            var found = new HashSet<ContentHash>();
            foreach (var listing in listings)
            {
                if (await SqlListings.FindPublisherAsync(session, listing.Publisher) is { } signer
                    && await OfferedVersions.FindAsync(session, new ListingKey(signer, listing.Name), listing.Version!) is { Kind: ListingKind.Model } offered
                    && await ReadAsync(session, offered.Id) is { } details)
                {
                    found.Add(details.Weights.Digest);
                }
            }

            return [.. found.Order()];
        },
        cancellationToken);

    private static async Task<ListedModel?> ReadAsync(SqlSession session, ListingName listing)
    {
        if (listing.Version is not { } version
            || await SqlListings.FindPublisherAsync(session, listing.Publisher) is not { } signer
            || await OfferedVersions.FindAsync(session, new ListingKey(signer, listing.Name), version) is not { Kind: ListingKind.Model } offered
            || await ReadAsync(session, offered.Id) is not { } details)
        {
            return null;
        }

        var publisher = await PublisherKeys.FindUserAsync(session, signer);
        var handle = await PublisherKeys.FindHandleAsync(session, signer);
        return new ListedModel(
            new ReplicaModel(
                new ListingName(handle ?? signer.ToString(), listing.Name, offered.Version), publisher, details.Capabilities, details.ContextLength, SqlReplicaStore.NothingAsNull(details.Price)),
            signer,
            details.Weights.Digest);
    }

    private static async Task<ModelDetails?> ReadAsync(SqlSession session, ContentHash id) =>
        await session.QueryFirstOrDefaultAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id = @id", new { id }) is { } row
        && row.ToStatement().Content is GoodsStatement { Manifest.Details: ModelDetails details }
            ? details
            : null;
}
