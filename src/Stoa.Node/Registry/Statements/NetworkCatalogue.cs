using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
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
            SqlField<NewestListing>.OfText("signer", row => row.Statement.SignerId),
            SqlField<NewestListing>.OfText("agent", row => row.Statement.Key.Agent),
            SqlField<NewestListing>.OfText("newest_id", row => row.Statement.Id),
            SqlField<NewestListing>.OfText("search_text", row => row.SearchText),
        ]);

    private static readonly SqlRows<(Statement Of, string Name)> s_insertCapabilities = SqlRows<(Statement Of, string Name)>.Insert(
        "network_capabilities",
        [
            SqlField<(Statement Of, string Name)>.OfText("capability", row => row.Name),
            SqlField<(Statement Of, string Name)>.OfText("signer", row => row.Of.SignerId),
            SqlField<(Statement Of, string Name)>.OfText("agent", row => row.Of.Key.Agent),
        ]);

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
        await FollowAgentsAsync(session, [.. changed.Where(key => key.Kind is StatementKind.Listing or StatementKind.Withdrawal).Select(key => new AgentRef(key.Signer, key.Agent!)).Distinct()], batch.Added);
        await FollowProfilesAsync(session, batch.Added);
        await FollowOffersAsync(session, batch.Added);
    }

    private static async Task FollowAgentsAsync(SqlSession session, IReadOnlyList<AgentRef> agents, IReadOnlyList<Statement> added)
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
        var changed = agents
            .Select(agent => (Agent: agent, Before: before.TryGetValue(agent, out var known) ? known : (ContentHash?)null, After: FindNewest(versions[agent])))
            .Where(agent => agent.Before != agent.After)
            .ToList();
        var gone = changed.Where(agent => agent.Before is not null).Select(agent => agent.Agent).ToList();
        await session.SendRowsAsync(s_deleteListings, gone);
        await session.SendEachAsync("DELETE FROM network_capabilities WHERE signer = @Signer AND agent = @Agent", gone);

        var listings = added.Where(statement => statement.Key.Kind is StatementKind.Listing).ToDictionary(statement => statement.Id);
        var unread = changed.Select(agent => agent.After).OfType<ContentHash>().Where(id => !listings.ContainsKey(id)).ToList();
        foreach (var row in unread.Count == 0 ? [] : await session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE id IN @unread", new { unread }))
            listings[row.ToStatement().Id] = row.ToStatement();
        var newest = changed.Select(agent => agent.After).OfType<ContentHash>().Select(id => new NewestListing(listings[id])).ToList();
        await session.SendRowsAsync(s_insertListings, newest);
        await session.SendRowsAsync(s_insertCapabilities, [.. newest.SelectMany(row => row.Manifest.Capabilities.Select(capability => (row.Statement, capability)))]);
    }

    /// <summary>The listing of the newest version that is neither withdrawn nor contradicted: releases before pre-releases, then by precedence.</summary>
    private static ContentHash? FindNewest(IEnumerable<VersionRow> rows) => rows
        .GroupBy(row => row.Version)
        .Where(version => version.Count(row => row.Kind == StatementKind.Listing.Word()) == 1 && !version.Any(row => row.Kind == StatementKind.Withdrawal.Word() && row.Holds))
        .Select(version => (Version: SemanticVersion.Parse(version.Key), version.First(row => row.Kind == StatementKind.Listing.Word()).Id))
        .OrderByDescending(version => version.Version.PreRelease.Length == 0)
        .ThenByDescending(version => version.Version)
        .Select(version => (ContentHash?)version.Id)
        .FirstOrDefault();

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

    private sealed record NewestListing(Statement Statement)
    {
        public AgentManifest Manifest => ((ListingStatement)Statement.Content).Manifest;

        public string SearchText => string.Join(' ', [Manifest.Name, Manifest.Description, .. Manifest.Tags, .. Manifest.Capabilities]).ToLowerInvariant();
    }

    private sealed record VersionRow(ContentHash Id, PeerId Signer, string Agent, string Version, string Kind, bool Holds);

    private sealed record NewestRow(PeerId Signer, string Agent, ContentHash NewestId);
}
