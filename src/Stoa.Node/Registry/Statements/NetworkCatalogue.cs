using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Keeps the catalogue of the network in step with the statements, in the transaction that adds them.</summary>
internal static class NetworkCatalogue
{
    private static readonly SqlRows<AgentRef> s_deleteListings = SqlRows<AgentRef>.Delete("network_listings", "t.signer = {signer} AND t.agent = {agent}", AgentRef.Fields);

    private static readonly SqlRows<NewestListing> s_insertListings = SqlRows<NewestListing>.Insert(
        "network_listings",
        [
            SqlField<NewestListing>.OfText("signer", row => row.Agent.Signer),
            SqlField<NewestListing>.OfText("agent", row => row.Agent.Agent),
            SqlField<NewestListing>.OfText("newest_id", row => row.NewestId),
        ]);

    private static readonly SqlRows<AgentRef> s_deleteEmbeddings = SqlRows<AgentRef>.Delete("listing_embeddings", "t.signer = {signer} AND t.agent = {agent}", AgentRef.Fields);

    private static readonly SqlRows<(ContentHash Program, PeerId Node, DateTimeOffset ExpiresAt)> s_insertPrograms = SqlRows<(ContentHash Program, PeerId Node, DateTimeOffset ExpiresAt)>.Insert(
        "offered_programs",
        [
            SqlField<(ContentHash Program, PeerId Node, DateTimeOffset ExpiresAt)>.OfText("program_digest", row => row.Program),
            SqlField<(ContentHash Program, PeerId Node, DateTimeOffset ExpiresAt)>.OfText("node", row => row.Node),
            SqlField<(ContentHash Program, PeerId Node, DateTimeOffset ExpiresAt)>.OfInteger("expires_at", row => row.ExpiresAt.ToUnixTimeMilliseconds()),
        ]);

    /// <summary>Brings the catalogue in step with what a batch has written.</summary>
    public static async Task FollowAsync(SqlSession session, StatementBatch batch)
    {
        var changed = batch.Changed.ToList();
        var moved = (await Moves.FollowAsync(session, batch.Added)).Select(listing => new AgentRef(listing.Publisher, listing.Name));
        await FollowAgentsAsync(
            session, [.. changed.Where(key => key.Kind is StatementKind.Listing or StatementKind.Withdrawal).Select(key => new AgentRef(key.Signer, key.Agent!)).Concat(moved).Distinct()]);
        await FollowProfilesAsync(session, batch.Added);
        await FollowOffersAsync(session, batch.Added);
        await NetworkReviews.FollowAsync(session, batch.Added);
    }

    private static async Task FollowAgentsAsync(SqlSession session, IReadOnlyList<AgentRef> agents)
    {
        if (agents.Count == 0)
            return;
        // Of what is read some is of other agents with one of the names: one statement for all is less than one for each.
        var which = new { signers = agents.Select(agent => agent.Signer).Distinct(), names = agents.Select(agent => agent.Agent).Distinct() };
        var versions = (await session.QueryAsync<VersionRow>(
                "SELECT id, signer, agent, version, kind, holds FROM statements WHERE signer IN @signers AND agent IN @names AND version IS NOT NULL AND kind <> 'deprecation'", which))
            .ToLookup(row => new AgentRef(row.Signer, row.Agent));
        var before = (await session.QueryAsync<NewestRow>("SELECT signer, agent, newest_id FROM network_listings WHERE signer IN @signers AND agent IN @names", which))
            .ToDictionary(row => new AgentRef(row.Signer, row.Agent), row => row.NewestId);
        // What goes on elsewhere is found there.
        var moved = await Moves.ListMovedAsync(session, which.signers, which.names);
        var changed = agents
            .Select(agent => (
                Agent: agent,
                Before: before.TryGetValue(agent, out var known) ? known : (ContentHash?)null,
                After: moved.Contains((agent.Signer, agent.Agent)) ? null : FindNewest(versions[agent])))
            .Where(agent => agent.Before != agent.After)
            .ToList();
        if (changed.Count == 0)
            return;
        await session.SendRowsAsync(s_deleteListings, [.. changed.Where(agent => agent.Before is not null).Select(agent => agent.Agent)]);
        await session.SendRowsAsync(s_insertListings, [.. changed.Where(agent => agent.After is not null).Select(agent => new NewestListing(agent.Agent, agent.After!.Value))]);
        // Of what is offered no more nothing is kept that a model made of it.
        await session.SendRowsAsync(s_deleteEmbeddings, [.. changed.Where(agent => agent.After is null).Select(agent => agent.Agent)]);
        await SqlListingChanges.AddAsync(session, [.. changed.Select(agent => (agent.Agent.Signer, agent.Agent.Agent))]);
    }

    /// <summary>The versions of an agent that are neither withdrawn nor contradicted, newest first: releases before pre-releases, then by precedence.</summary>
    /// <param name="session">Reads.</param>
    /// <param name="signer">The publisher.</param>
    /// <param name="agent">The agent.</param>
    /// <returns>With the ids of their listings.</returns>
    public static async Task<IReadOnlyList<(SemanticVersion Version, ContentHash Id)>> ListOfferedAgentsAsync(SqlSession session, PeerId signer, string agent)
    {
        var offered = FindOffered(await session.QueryAsync<VersionRow>(
            "SELECT id, signer, agent, version, kind, holds FROM statements WHERE signer = @signer AND agent = @agent AND version IS NOT NULL AND kind <> 'deprecation'", new { signer, agent })).ToList();
        // A stranger may list an agent and a model under one name.
        var ids = offered.Select(version => version.Id);
        var agents = (await session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id IN @ids", new { ids }))
            .Select(row => row.ToStatement()).Where(statement => statement.Content is ListingStatement).Select(statement => statement.Id).ToHashSet();
        return [.. offered.Where(version => agents.Contains(version.Id))];
    }

    private static ContentHash? FindNewest(IEnumerable<VersionRow> rows) => FindOffered(rows).Select(version => (ContentHash?)version.Id).FirstOrDefault();

    private static IEnumerable<(SemanticVersion Version, ContentHash Id)> FindOffered(IEnumerable<VersionRow> rows) => rows
        .GroupBy(row => row.Version)
        .Where(version => version.Count(row => row.Kind == StatementKind.Listing.Word()) == 1 && !version.Any(row => row.Kind == StatementKind.Withdrawal.Word() && row.Holds))
        .Select(version => (Version: SemanticVersion.Parse(version.Key), version.First(row => row.Kind == StatementKind.Listing.Word()).Id))
        .OrderByDescending(version => version.Version.PreRelease.Length == 0)
        .ThenByDescending(version => version.Version);

    private static Task FollowProfilesAsync(SqlSession session, IReadOnlyList<Statement> added) => session.SendEachAsync(
        """
        INSERT INTO publisher_profiles (signer, display_name, handle) VALUES (@SignerId, @DisplayName, @Handle)
        ON CONFLICT (signer) DO UPDATE SET display_name = @DisplayName, handle = @Handle
        """,
        added.Select(statement => statement.Content is ProfileStatement profile ? new { statement.SignerId, profile.DisplayName, profile.Handle } : null).OfType<object>());

    private static async Task FollowOffersAsync(SqlSession session, IReadOnlyList<Statement> added)
    {
        var offers = added.Where(statement => statement.Content is OfferStatement).ToList();
        await session.SendEachAsync("DELETE FROM offered_programs WHERE node = @SignerId", offers.Select(offer => new { offer.SignerId }));
        await session.SendRowsAsync(
            s_insertPrograms,
            [.. offers.SelectMany(offer => ((OfferStatement)offer.Content).Programs.Select(program => (program, offer.SignerId, ((OfferStatement)offer.Content).ExpiresAt)))]);
    }

    private sealed record AgentRef(PeerId Signer, string Agent)
    {
        public static IReadOnlyList<SqlField<AgentRef>> Fields { get; } = [SqlField<AgentRef>.OfText("signer", agent => agent.Signer), SqlField<AgentRef>.OfText("agent", agent => agent.Agent)];
    }

    private sealed record NewestListing(AgentRef Agent, ContentHash NewestId);

    private sealed record VersionRow(ContentHash Id, PeerId Signer, string Agent, string Version, string Kind, bool Holds);

    private sealed record NewestRow(PeerId Signer, string Agent, ContentHash NewestId);
}
