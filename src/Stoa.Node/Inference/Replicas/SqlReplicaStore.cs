using System.Security.Cryptography;
using System.Text;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>A replica as it is kept.</summary>
/// <param name="Replica">As it is registered.</param>
/// <param name="HasKey">Whether it is asked with a key.</param>
public sealed record KeptReplica(Replica Replica, bool HasKey);

/// <summary>What of a replica is to be changed; what is null stays.</summary>
public sealed record ReplicaChange
{
    /// <summary>Where its API is.</summary>
    public Uri? Address { get; init; }

    /// <summary>What the model is called there.</summary>
    public string? UpstreamModel { get; init; }

    /// <summary>That it is asked with; empty for none.</summary>
    public string? Key { get; init; }

    /// <summary>Where it is; empty when that is not to be said any more.</summary>
    public string? Region { get; init; }

    /// <inheritdoc cref="Replica.Weight"/>
    public int? Weight { get; init; }

    /// <inheritdoc cref="Replica.MaxRequests"/>
    public int? MaxRequests { get; init; }

    /// <summary>Of zeros for nothing.</summary>
    public ModelPrice? ServingPrice { get; init; }

    /// <inheritdoc cref="Replica.IsDraining"/>
    public bool? IsDraining { get; init; }
}

/// <summary>The replicas of the cell.</summary>
/// <param name="database">The cell's.</param>
/// <param name="cell">Seals the keys that servers are asked with.</param>
public sealed class SqlReplicaStore(Database database, CellKey cell)
{
    private const string Select =
        """
        SELECT r.id, r.listing, k.user_id AS publisher, r.capabilities, r.context_length, r.input_price, r.output_price, r.address, r.upstream_model, r.region, r.weight, r.max_requests,
            r.serving_input_price, r.serving_output_price, r.is_draining, r.added_at, r.sealed_key IS NOT NULL AS has_key
        FROM replicas AS r LEFT JOIN publisher_keys AS k ON k.peer_id = r.signer
        """;

    /// <summary>Adds one. With an id that was there before, it is the request that was made before, and answered so.</summary>
    /// <param name="replica">As it is to be registered.</param>
    /// <param name="signer">Whose key has signed its model.</param>
    /// <param name="key">That the server is asked with; null for none.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    public Task<Outcome<KeptReplica, ReplicaRefusal>> AddAsync(Replica replica, PeerId signer, string? key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replica);
        return database.WriteAsync<Outcome<KeptReplica, ReplicaRefusal>>(
            async session =>
            {
                await InferenceChanges.RaiseReplicasAsync(session);
                if (await FindAsync(session, replica.Id) is { } before)
                    return before;
                if (await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM replicas") >= ModelFleets.MostReplicas)
                    return Refuse(session, ReplicaRefusal.ReplicasTooMany, $"There are {ModelFleets.MostReplicas:N0} replicas, which is as many as may be. Remove one that is not used any more.");
                var (model, address) = (replica.Model, replica.Address.AbsoluteUri);
                if (await FindSameAsync(session, model.Listing.ToString(), address, replica.UpstreamModel) is { } same)
                    return Exists(session, replica.Address, replica.UpstreamModel, model.Listing, same);
                await session.ExecuteAsync(
                    """
                    INSERT INTO replicas (id, listing, signer, capabilities, context_length, input_price, output_price, address, upstream_model, sealed_key, region, weight, max_requests,
                        serving_input_price, serving_output_price, is_draining, added_at)
                    VALUES (@Id, @listing, @signer, @capabilities, @ContextLength, @input, @output, @address, @UpstreamModel, @box, @region, @Weight, @MaxRequests, @servingInput, @servingOutput, @IsDraining, @AddedAt)
                    """,
                    new
                    {
                        replica.Id,
                        listing = model.Listing.ToString(),
                        signer,
                        capabilities = string.Join(' ', model.Capabilities),
                        model.ContextLength,
                        input = model.Price?.PerMillionInputTokens,
                        output = model.Price?.PerMillionOutputTokens,
                        address,
                        replica.UpstreamModel,
                        box = Seal(replica.Id, key),
                        region = replica.Region ?? "",
                        replica.Weight,
                        replica.MaxRequests,
                        servingInput = replica.ServingPrice?.PerMillionInputTokens,
                        servingOutput = replica.ServingPrice?.PerMillionOutputTokens,
                        replica.IsDraining,
                        replica.AddedAt,
                    });
                return (await FindAsync(session, replica.Id))!;
            },
            cancellationToken);
    }

    /// <summary>Changes one.</summary>
    public Task<Outcome<KeptReplica, ReplicaRefusal>> ChangeAsync(Id<Replica> id, ReplicaChange change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        return database.WriteAsync<Outcome<KeptReplica, ReplicaRefusal>>(
            async session =>
            {
                await InferenceChanges.RaiseReplicasAsync(session);
                if (await FindAsync(session, id) is not { Replica: var before })
                    return Refuse(session, ReplicaRefusal.ReplicaUnknown, Unknown(id));
                var (address, upstreamModel) = (change.Address ?? before.Address, change.UpstreamModel ?? before.UpstreamModel);
                if (await FindSameAsync(session, before.Model.Listing.ToString(), address.AbsoluteUri, upstreamModel) is { } same && same != id)
                    return Exists(session, address, upstreamModel, before.Model.Listing, same);
                var serving = change.ServingPrice is { } price ? NothingAsNull(price) : before.ServingPrice;
                await session.ExecuteAsync(
                    """
                    UPDATE replicas SET address = @address, upstream_model = @upstreamModel, region = @region, weight = @weight, max_requests = @maxRequests,
                        serving_input_price = @servingInput, serving_output_price = @servingOutput, is_draining = @isDraining
                    WHERE id = @id
                    """,
                    new
                    {
                        id,
                        address = address.AbsoluteUri,
                        upstreamModel,
                        region = change.Region ?? before.Region ?? "",
                        weight = change.Weight ?? before.Weight,
                        maxRequests = change.MaxRequests ?? before.MaxRequests,
                        servingInput = serving?.PerMillionInputTokens,
                        servingOutput = serving?.PerMillionOutputTokens,
                        isDraining = change.IsDraining ?? before.IsDraining,
                    });
                // A key is for the server that it was given for: it does not go to another one.
                if (change.Key is not null || !IsSameServer(address, before.Address))
                    await session.ExecuteAsync("UPDATE replicas SET sealed_key = @box WHERE id = @id", new { id, box = Seal(id, change.Key) });
                return (await FindAsync(session, id))!;
            },
            cancellationToken);
    }

    /// <summary>Removes one, and its key.</summary>
    /// <returns>False when there is none.</returns>
    public Task<bool> RemoveAsync(Id<Replica> id, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await InferenceChanges.RaiseReplicasAsync(session);
            if (await session.ExecuteAsync("DELETE FROM replicas WHERE id = @id", new { id }) == 1)
                return true;
            session.Abandon();
            return false;
        },
        cancellationToken);

    /// <summary>One of them; null when there is none.</summary>
    public Task<KeptReplica?> FindAsync(Id<Replica> id, CancellationToken cancellationToken) => database.ReadAsync(session => FindAsync(session, id), cancellationToken);

    /// <summary>All of them, by their ids.</summary>
    public async Task<Page<KeptReplica>> ListAsync(PageRequest page, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(page);
        var rows = await database.ReadAsync(
            session => session.QueryAsync<Row>($"{Select} WHERE r.id > @after ORDER BY r.id LIMIT @limit", new { after = page.Cursor ?? "", limit = page.Limit + 1 }), cancellationToken);
        var shown = rows.Take(page.Limit).Select(row => row.ToKept()).ToList();
        return new Page<KeptReplica>(shown, rows.Count > shown.Count ? shown[^1].Replica.Id.ToString() : null);
    }

    /// <summary>The key that one is asked with; null for none.</summary>
    public async Task<string?> OpenKeyAsync(Id<Replica> id, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => session.QueryFirstOrDefaultAsync<byte[]?>("SELECT sealed_key FROM replicas WHERE id = @id", new { id }), cancellationToken) is { } box ? Open(id, box) : null;

    /// <summary>Whether what is given to one address goes to the server of another: scheme, host and port are the same.</summary>
    public static bool IsSameServer(Uri one, Uri other) => Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>What it says of one that there is not.</summary>
    public static string Unknown(Id<Replica> id) => $"There is no replica {id}. List them with GET /api/v1/replicas.";

    /// <summary>A price of zeros is none.</summary>
    public static ModelPrice? NothingAsNull(ModelPrice? price) =>
        price is null || (price.PerMillionInputTokens == Money.Zero && price.PerMillionOutputTokens == Money.Zero) ? null : price;

    /// <summary>All of them, inside a look at the database.</summary>
    internal static async Task<IReadOnlyList<Replica>> ListAsync(SqlSession session) => [.. (await session.QueryAsync<Row>($"{Select} ORDER BY r.id")).Select(row => row.ToKept().Replica)];

    /// <summary>The sealed keys of those that have one.</summary>
    internal static Task<IReadOnlyList<(Id<Replica> Id, byte[] Box)>> ListKeysAsync(SqlSession session) =>
        session.QueryAsync<(Id<Replica> Id, byte[] Box)>("SELECT id, sealed_key FROM replicas WHERE sealed_key IS NOT NULL ORDER BY id");

    /// <summary>Opens a sealed key.</summary>
    /// <exception cref="CryptographicException">It was sealed by another cell's key.</exception>
    internal string Open(Id<Replica> id, byte[] box)
    {
        var plain = cell.Open(Purpose(id), box);
        try
        {
            return Encoding.UTF8.GetString(plain);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private byte[]? Seal(Id<Replica> id, string? key)
    {
        if (string.IsNullOrEmpty(key))
            return null;
        var plain = Encoding.UTF8.GetBytes(key);
        try
        {
            return cell.Seal(Purpose(id), plain);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private static async Task<KeptReplica?> FindAsync(SqlSession session, Id<Replica> id) =>
        (await session.QueryFirstOrDefaultAsync<Row>($"{Select} WHERE r.id = @id", new { id }))?.ToKept();

    private static Task<Id<Replica>?> FindSameAsync(SqlSession session, string listing, string address, string upstreamModel) => session.QueryFirstOrDefaultAsync<Id<Replica>?>(
        "SELECT id FROM replicas WHERE listing = @listing AND address = @address AND upstream_model = @upstreamModel", new { listing, address, upstreamModel });

    private static Refusal<ReplicaRefusal> Exists(SqlSession session, Uri address, string upstreamModel, ListingName listing, Id<Replica> same) => Refuse(
        session, ReplicaRefusal.ReplicaExists, $"{upstreamModel} at {address} serves {listing} already: it is {same}. To give it more requests, raise its weight or maxRequests with PATCH /api/v1/replicas/{same}.");

    private static Refusal<ReplicaRefusal> Refuse(SqlSession session, ReplicaRefusal refusal, string detail)
    {
        session.Abandon();
        return new Refusal<ReplicaRefusal>(refusal, detail);
    }

    private static string Purpose(Id<Replica> id) => "replica-key " + id;

    private sealed record Row(
        Id<Replica> Id, string Listing, Id<User>? Publisher, string Capabilities, long? ContextLength, Money? InputPrice, Money? OutputPrice, string Address, string UpstreamModel, string Region,
        long Weight, long MaxRequests, Money? ServingInputPrice, Money? ServingOutputPrice, bool IsDraining, DateTimeOffset AddedAt, bool HasKey)
    {
        public KeptReplica ToKept() => new(
            new Replica(
                Id,
                new ReplicaModel(ListingName.Parse(Listing), Publisher, Capabilities.Split(' ', StringSplitOptions.RemoveEmptyEntries), ContextLength, PriceOf(InputPrice, OutputPrice)),
                new Uri(Address),
                UpstreamModel,
                Region.Length == 0 ? null : Region,
                (int)Weight,
                (int)MaxRequests,
                PriceOf(ServingInputPrice, ServingOutputPrice),
                IsDraining,
                AddedAt),
            HasKey);

        private static ModelPrice? PriceOf(Money? input, Money? output) => input is { } read && output is { } written ? new ModelPrice(read, written) : null;
    }
}
