using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Keeps the catalogue of the network in step with the statements, in the transaction that adds them.</summary>
internal static class NetworkCatalogue
{
    private static readonly SqlRows<ListingKey> s_deleteListings = SqlRows<ListingKey>.Delete("network_listings", "t.signer = {signer} AND t.agent = {agent}", ListingFields.All);

    private static readonly SqlRows<NewestListing> s_insertListings = SqlRows<NewestListing>.Insert(
        "network_listings",
        [
            SqlField<NewestListing>.OfText("signer", row => row.Listing.Publisher),
            SqlField<NewestListing>.OfText("agent", row => row.Listing.Name),
            SqlField<NewestListing>.OfText("newest_id", row => row.NewestId),
        ]);

    private static readonly SqlRows<ListingKey> s_deleteEmbeddings = SqlRows<ListingKey>.Delete("listing_embeddings", "t.signer = {signer} AND t.agent = {agent}", ListingFields.All);

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
        var moved = await Moves.FollowAsync(session, batch.Added);
        await FollowListingsAsync(
            session, [.. changed.Where(key => key.Kind is StatementKind.Listing or StatementKind.Withdrawal).Select(key => new ListingKey(key.Signer, key.Agent!)).Concat(moved).Distinct()]);
        await FollowProfilesAsync(session, batch.Added);
        await FollowOffersAsync(session, batch.Added);
        await NetworkReviews.FollowAsync(session, batch.Added);
    }

    private static async Task FollowListingsAsync(SqlSession session, IReadOnlyList<ListingKey> listings)
    {
        if (listings.Count == 0)
            return;
        var which = new { signers = listings.Select(listing => listing.Publisher).Distinct(), names = listings.Select(listing => listing.Name).Distinct() };
        var offered = await OfferedVersions.ListAsync(session, listings);
        var before = (await session.QueryAsync<NewestRow>("SELECT signer, agent, newest_id FROM network_listings WHERE signer IN @signers AND agent IN @names", which))
            .ToDictionary(row => new ListingKey(row.Signer, row.Agent), row => row.NewestId);
        // What goes on elsewhere is found there.
        var moved = await Moves.ListMovedAsync(session, listings);
        var changed = listings
            .Select(listing => (
                Listing: listing,
                Before: before.TryGetValue(listing, out var known) ? known : (ContentHash?)null,
                After: moved.Contains(listing) ? null : offered[listing].Select(version => (ContentHash?)version.Id).FirstOrDefault()))
            .Where(listing => listing.Before != listing.After)
            .ToList();
        if (changed.Count == 0)
            return;
        await session.SendRowsAsync(s_deleteListings, [.. changed.Where(listing => listing.Before is not null).Select(listing => listing.Listing)]);
        await session.SendRowsAsync(s_insertListings, [.. changed.Where(listing => listing.After is not null).Select(listing => new NewestListing(listing.Listing, listing.After!.Value))]);
        // Of what is offered no more nothing is kept that a model made of it.
        await session.SendRowsAsync(s_deleteEmbeddings, [.. changed.Where(listing => listing.After is null).Select(listing => listing.Listing)]);
        await SqlListingChanges.AddAsync(session, [.. changed.Select(listing => listing.Listing)]);
    }

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
            [.. offers.SelectMany(offer => ((OfferStatement)offer.Content).Contents.Distinct().Select(program => (program, offer.SignerId, ((OfferStatement)offer.Content).ExpiresAt)))]);
    }

    private sealed record NewestListing(ListingKey Listing, ContentHash NewestId);

    private sealed record NewestRow(PeerId Signer, string Agent, ContentHash NewestId);
}
