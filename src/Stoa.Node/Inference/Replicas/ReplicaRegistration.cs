using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Registers servers: their listing is looked up, and they are asked whether they have what they are said to have.</summary>
/// <param name="models">What is listed.</param>
/// <param name="check">Asks servers.</param>
/// <param name="store">Keeps them.</param>
/// <param name="directory">Is told of changes before they are answered.</param>
/// <param name="time">The clock.</param>
public sealed class ReplicaRegistration(ListedModels models, ReplicaCheck check, SqlReplicaStore store, ReplicaDirectory directory, TimeProvider time)
{
    /// <summary>Adds one.</summary>
    public async Task<Outcome<KeptReplica, ReplicaRefusal>> AddAsync(Id<Replica> id, AddReplicaRequest asked, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(asked);
        var errors = new List<FieldError>();
        if (!ListingName.TryParse(asked.Model, null, out var listing) || listing.Version is null)
            errors.Add(new FieldError("/model", "The version of a model is expected, publisher/name@version."));
        var address = ReplicaRules.ReadAddress(asked.Address, errors);
        ReplicaRules.Check(asked.UpstreamModel, asked.ApiKey, asked.Region, asked.Weight, asked.MaxRequests, errors);
        var serving = ReadPrice(asked.ServingPrice, errors);
        if (asked.SkipCheck is true && asked.UpstreamModel is null)
            errors.Add(new FieldError("/upstreamModel", "The name that the server knows the model by is expected: with skipCheck it is not asked."));
        if (errors.Count > 0)
            return Invalid(errors);
        if (!(await models.FindAsync(listing!, cancellationToken)).TryGet(out var model, out var unlisted))
            return unlisted;
        var name = asked.UpstreamModel!;
        if (asked.SkipCheck is not true && !(await check.FindModelAsync(address!, NullIfEmpty(asked.ApiKey), asked.UpstreamModel, cancellationToken)).TryGet(out name!, out var unfit))
            return unfit;
        var replica = new Replica(
            id,
            model.Model,
            address!,
            name,
            NullIfEmpty(asked.Region),
            asked.Weight ?? ReplicaRules.DefaultWeight,
            asked.MaxRequests ?? ReplicaRules.DefaultMaxRequests,
            SqlReplicaStore.NothingAsNull(serving),
            IsDraining: false,
            time.GetUtcNow());
        return await ToldAsync(await store.AddAsync(replica, model.Signer, asked.ApiKey, cancellationToken), cancellationToken);
    }

    /// <summary>Changes one. The server is asked again when it, its key or the name of the model there are others.</summary>
    public async Task<Outcome<KeptReplica, ReplicaRefusal>> ChangeAsync(Id<Replica> id, UpdateReplicaRequest asked, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(asked);
        if (await store.FindAsync(id, cancellationToken) is not { } before)
            return new Refusal<ReplicaRefusal>(ReplicaRefusal.ReplicaUnknown, SqlReplicaStore.Unknown(id));
        var errors = new List<FieldError>();
        var address = asked.Address is null ? null : ReplicaRules.ReadAddress(asked.Address, errors);
        ReplicaRules.Check(asked.UpstreamModel, asked.ApiKey, asked.Region, asked.Weight, asked.MaxRequests, errors);
        var serving = ReadPrice(asked.ServingPrice, errors);
        if (address is not null && before.HasKey && asked.ApiKey is null && !SqlReplicaStore.IsSameServer(address, before.Replica.Address))
            errors.Add(new FieldError("/apiKey", "The key that is kept was given for another server, and does not go to this one: give the one that this server wants, or an empty one for none."));
        if (errors.Count > 0)
            return Invalid(errors);
        if (asked.SkipCheck is not true && (address is not null || asked.UpstreamModel is not null || asked.ApiKey is not null))
        {
            var key = asked.ApiKey is { } given ? NullIfEmpty(given) : await store.OpenKeyAsync(id, cancellationToken);
            if (!(await check.FindModelAsync(address ?? before.Replica.Address, key, asked.UpstreamModel ?? before.Replica.UpstreamModel, cancellationToken)).TryGet(out _, out var unfit))
                return unfit;
        }

        var change = new ReplicaChange
        {
            Address = address,
            UpstreamModel = asked.UpstreamModel,
            Key = asked.ApiKey,
            Region = asked.Region,
            Weight = asked.Weight,
            MaxRequests = asked.MaxRequests,
            ServingPrice = serving,
        };
        return await ToldAsync(await store.ChangeAsync(id, change, cancellationToken), cancellationToken);
    }

    /// <summary>Gives one no more requests, or gives it some again.</summary>
    public async Task<Outcome<KeptReplica, ReplicaRefusal>> DrainAsync(Id<Replica> id, bool isDraining, CancellationToken cancellationToken) =>
        await ToldAsync(await store.ChangeAsync(id, new ReplicaChange { IsDraining = isDraining }, cancellationToken), cancellationToken);

    /// <summary>Removes one.</summary>
    /// <returns>False when there is none.</returns>
    public async Task<bool> RemoveAsync(Id<Replica> id, CancellationToken cancellationToken)
    {
        var isRemoved = await store.RemoveAsync(id, cancellationToken);
        if (isRemoved)
            await directory.RefreshAsync(cancellationToken);
        return isRemoved;
    }

    private async Task<Outcome<KeptReplica, ReplicaRefusal>> ToldAsync(Outcome<KeptReplica, ReplicaRefusal> outcome, CancellationToken cancellationToken)
    {
        if (outcome.TryGet(out _, out _))
            await directory.RefreshAsync(cancellationToken);
        return outcome;
    }

    private static ModelPrice? ReadPrice(ModelPriceBody? price, List<FieldError> errors) => price is null
        ? null
        : new ModelPrice(
            ReplicaRules.ReadPrice(price.PerMillionInputTokens, "/servingPrice/perMillionInputTokens", errors),
            ReplicaRules.ReadPrice(price.PerMillionOutputTokens, "/servingPrice/perMillionOutputTokens", errors));

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static Refusal<ReplicaRefusal> Invalid(List<FieldError> errors) => new(ReplicaRefusal.ReplicaInvalid, "Correct what is listed in errors and try again.", errors);
}
