using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>Where listings go on that were transferred: what each publisher says is kept, and means something where both say the same.</summary>
internal static class Moves
{
    // Whoever makes longer ways wants to cost others time.
    private const int MaxHops = 8;

    private const string Mutual =
        """
        listing_moves a JOIN listing_moves b ON b.signer = a.other_signer AND b.agent = a.other_agent AND b.other_signer = a.signer AND b.other_agent = a.agent AND a.is_to AND NOT b.is_to
        """;

    /// <summary>Takes up what was said, in the transaction that adds it.</summary>
    /// <returns>The listings of which something may be otherwise now, those of the other sides among them.</returns>
    public static async Task<IReadOnlyList<ListingKey>> FollowAsync(SqlSession session, IReadOnlyList<Statement> added)
    {
        var transfers = added.Where(statement => statement.Content is TransferStatement).Select(statement => (Signer: statement.SignerId, Transfer: (TransferStatement)statement.Content)).ToList();
        if (transfers.Count == 0)
            return [];
        var before = await session.QueryAsync<(PeerId Signer, string Agent, PeerId OtherSigner, string OtherAgent)>(
            "SELECT signer, agent, other_signer, other_agent FROM listing_moves WHERE signer IN @signers AND agent IN @names",
            new { signers = transfers.Select(one => one.Signer).Distinct(), names = transfers.Select(one => one.Transfer.Name).Distinct() });
        await session.SendEachAsync("DELETE FROM listing_moves WHERE signer = @Signer AND agent = @Name", transfers.Select(one => (object)new { one.Signer, one.Transfer.Name }));
        var now = transfers.SelectMany(one => SidesOf(one.Transfer).Select(side => (one.Signer, one.Transfer.Name, side.Other, side.IsTo))).ToList();
        await session.SendEachAsync(
            "INSERT INTO listing_moves (signer, agent, other_signer, other_agent, is_to) VALUES (@Signer, @agent, @Publisher, @Name, @IsTo)",
            now.Select(one => (object)new { one.Signer, agent = one.Name, one.Other.Publisher, one.Other.Name, one.IsTo }));
        return
        [
            .. transfers.Select(one => new ListingKey(one.Signer, one.Transfer.Name)),
            .. now.Select(one => one.Other.Key),
            .. before.Select(row => new ListingKey(row.OtherSigner, row.OtherAgent)),
        ];
    }

    /// <summary>Which of some listings have been transferred.</summary>
    /// <param name="session">Reads.</param>
    /// <param name="listings">Which; what is answered may be of others with one of their names.</param>
    public static async Task<IReadOnlySet<ListingKey>> ListMovedAsync(SqlSession session, IReadOnlyCollection<ListingKey> listings) =>
        (await session.QueryAsync<Row>(
            $"SELECT a.signer, a.agent FROM {Mutual} WHERE a.signer IN @signers AND a.agent IN @names",
            new { signers = listings.Select(listing => listing.Publisher).Distinct(), names = listings.Select(listing => listing.Name).Distinct() }))
        .Select(row => new ListingKey(row.Signer, row.Agent)).ToHashSet();

    /// <summary>What a publisher says of a listing, whatever the other sides say.</summary>
    public static async Task<(KeyedListing? To, KeyedListing? From)> ReadOwnAsync(SqlSession session, PeerId signer, string name)
    {
        var sides = await session.QueryAsync<(PeerId OtherSigner, string OtherAgent, bool IsTo)>(
            "SELECT other_signer, other_agent, is_to FROM listing_moves WHERE signer = @signer AND agent = @name", new { signer, name });
        return (Side(isTo: true), Side(isTo: false));

        KeyedListing? Side(bool isTo) => sides.Where(side => side.IsTo == isTo).Select(side => new KeyedListing(side.OtherSigner, side.OtherAgent, null)).SingleOrDefault();
    }

    /// <summary>Where a listing goes on; null when it has not been transferred.</summary>
    public static Task<KeyedListing?> FindNextAsync(SqlSession session, PeerId signer, string name) => FindAsync(
        session, $"SELECT b.signer, b.agent FROM {Mutual} WHERE a.signer = @signer AND a.agent = @name", signer, name);

    /// <summary>What a listing goes on from; null when it was given by nobody.</summary>
    public static Task<KeyedListing?> FindBeforeAsync(SqlSession session, PeerId signer, string name) => FindAsync(
        session, $"SELECT a.signer, a.agent FROM {Mutual} WHERE b.signer = @signer AND b.agent = @name", signer, name);

    /// <summary>Where a listing is now, after all its transfers: the same one, when there was none.</summary>
    public static async Task<KeyedListing> FindLastAsync(SqlSession session, PeerId signer, string name)
    {
        var at = new KeyedListing(signer, name, null);
        for (var hop = 0; hop < MaxHops && await FindNextAsync(session, at.Publisher, at.Name) is { } next; hop++)
            at = next;
        return at;
    }

    private static async Task<KeyedListing?> FindAsync(SqlSession session, string sql, PeerId signer, string name) =>
        await session.QueryFirstOrDefaultAsync<Row>(sql, new { signer, name }) is { } row ? new KeyedListing(row.Signer, row.Agent, null) : null;

    private static IEnumerable<(KeyedListing Other, bool IsTo)> SidesOf(TransferStatement transfer)
    {
        if (transfer.To is { } to)
            yield return (to, true);
        if (transfer.From is { } from)
            yield return (from, false);
    }

    private sealed record Row(PeerId Signer, string Agent);
}
