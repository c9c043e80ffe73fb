using System.Text.Json.Nodes;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Routes;

/// <summary>The routes of the cell.</summary>
/// <remarks>Those that the operator has made for everybody have no owner: their <see cref="ModelRoute.Owner"/> is empty.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="time">The clock.</param>
public sealed class SqlRouteStore(Database database, TimeProvider time)
{
    private const string Select = "SELECT owner_id, name, targets, alternatives, is_for_all FROM model_routes";

    /// <summary>Makes a route, or has it stand for something else.</summary>
    public Task<Outcome<ModelRoute, RouteRefusal>> SetAsync(ModelRoute route, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(route);
        return database.WriteAsync<Outcome<ModelRoute, RouteRefusal>>(
            async session =>
            {
                await InferenceChanges.RaiseRoutesAsync(session);
                var owner = TextOf(route.Owner);
                if (await session.QuerySingleAsync<long>("SELECT COUNT(*) FROM model_routes WHERE owner_id = @owner AND name <> @Name", new { owner, route.Name }) >= RouteRules.MostRoutes)
                {
                    session.Abandon();
                    return new Refusal<RouteRefusal>(
                        RouteRefusal.RoutesTooMany,
                        $"{(owner.Length == 0 ? "There are" : "You have")} {RouteRules.MostRoutes} routes{(owner.Length == 0 ? " for everybody" : "")}, which is as many as may be. Remove one that is not used any more.");
                }

                await session.ExecuteAsync(
                    """
                    INSERT INTO model_routes (owner_id, name, targets, alternatives, is_for_all, changed_at) VALUES (@owner, @Name, @targets, @alternatives, @IsForAll, @now)
                    ON CONFLICT (owner_id, name) DO UPDATE SET targets = @targets, alternatives = @alternatives, is_for_all = @IsForAll, changed_at = @now
                    """,
                    new
                    {
                        owner,
                        route.Name,
                        targets = new JsonArray([.. route.Targets.Select(target => (JsonNode)new JsonObject { ["model"] = target.Model.ToString(), ["weight"] = target.Weight })]).ToJsonString(),
                        alternatives = new JsonArray([.. route.Alternatives.Select(model => (JsonNode)JsonValue.Create(model.ToString())!)]).ToJsonString(),
                        route.IsForAll,
                        now = time.GetUtcNow(),
                    });
                return route;
            },
            cancellationToken);
    }

    /// <summary>The route that an account's requests mean by a name: its own, else one for everybody.</summary>
    public async Task<ModelRoute?> FindAsync(Id<User> account, string name, CancellationToken cancellationToken) => (await database.ReadAsync(
        session => session.QueryFirstOrDefaultAsync<Row>($"{Select} WHERE name = @name AND (owner_id = @account OR is_for_all) ORDER BY is_for_all LIMIT 1", new { name, account }), cancellationToken))?.ToRoute();

    /// <summary>The routes of an account, and those of the operator for everybody, by their names.</summary>
    public async Task<IReadOnlyList<ModelRoute>> ListAsync(Id<User> account, CancellationToken cancellationToken) => [.. (await database.ReadAsync(
        session => session.QueryAsync<Row>($"{Select} WHERE owner_id = @account OR owner_id = '' ORDER BY name, is_for_all", new { account }), cancellationToken)).Select(row => row.ToRoute())];

    /// <summary>Removes a route.</summary>
    /// <param name="owner">Whose it is; empty for one of the operator's for everybody.</param>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>False when there is none.</returns>
    public Task<bool> RemoveAsync(Id<User> owner, string name, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await InferenceChanges.RaiseRoutesAsync(session);
            if (await session.ExecuteAsync("DELETE FROM model_routes WHERE owner_id = @owner AND name = @name", new { owner = TextOf(owner), name }) == 1)
                return true;
            session.Abandon();
            return false;
        },
        cancellationToken);

    /// <summary>The routes that an account has for its own requests.</summary>
    public async Task<IReadOnlyList<ModelRoute>> ListOwnAsync(Id<User> account, CancellationToken cancellationToken) => [.. (await database.ReadAsync(
        session => session.QueryAsync<Row>($"{Select} WHERE owner_id = @account AND NOT is_for_all", new { account }), cancellationToken)).Select(row => row.ToRoute())];

    /// <summary>Those for everybody, inside a look at the database.</summary>
    internal static async Task<IReadOnlyList<ModelRoute>> ListForAllAsync(SqlSession session) => [.. (await session.QueryAsync<Row>($"{Select} WHERE is_for_all")).Select(row => row.ToRoute())];

    private static string TextOf(Id<User> owner) => owner.IsEmpty ? "" : owner.ToString();

    private sealed record Row(string OwnerId, string Name, string Targets, string Alternatives, bool IsForAll)
    {
        public ModelRoute ToRoute() => new(
            OwnerId.Length == 0 ? default : Id<User>.Parse(OwnerId),
            Name,
            [.. JsonNode.Parse(Targets)!.AsArray().Select(target => new RouteTarget(Read(target!["model"]!), target["weight"]!.GetValue<int>()))],
            [.. JsonNode.Parse(Alternatives)!.AsArray().Select(model => Read(model!))],
            IsForAll);

        private ModelAddress Read(JsonNode text) => ModelAddress.TryParse(text.GetValue<string>(), out var address)
            ? address
            : throw new InvalidDataException($"The route {Name} names '{text}', which is no model.");
    }
}
