using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>What a node offers, and what it says of itself beside that.</summary>
/// <param name="Offer">An offer.</param>
/// <param name="Split">How it shares out prices; null when it has not said.</param>
/// <param name="Summary">How many receipts it has given; null when it has not said.</param>
public sealed record DisclosedOffer(Statement Offer, SplitStatement? Split, SummaryStatement? Summary);

/// <summary>What nodes of the network offer.</summary>
/// <param name="database">The cell's.</param>
public sealed class SqlOffers(Database database)
{
    /// <summary>Nodes that offer to run a program, and what they say of themselves.</summary>
    public async Task<IReadOnlyDictionary<PeerId, OfferStatement>> ListNodesWithAsync(ContentHash program, IReadOnlyCollection<PeerId> among, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (among.Count == 0)
            return new Dictionary<PeerId, OfferStatement>();
        var rows = await database.ReadAsync(
            session => session.QueryAsync<StatementRow>(
                """
                SELECT s.sequence, s.payload, s.signature FROM offered_programs AS o JOIN statements AS s ON s.signer = o.node AND s.kind = 'offer'
                WHERE o.program_digest = @program AND o.expires_at > @now AND o.node IN @among
                """,
                new { program, now, among }),
            cancellationToken);
        return rows.Select(row => row.ToStatement()).ToDictionary(offer => offer.SignerId, offer => (OfferStatement)offer.Content);
    }

    /// <summary>Where nodes say that they stand, in offers that are not over.</summary>
    public async Task<IReadOnlyDictionary<PeerId, string?>> ListRegionsAsync(IReadOnlyCollection<PeerId> nodes, DateTimeOffset now, CancellationToken cancellationToken) => nodes.Count == 0
        ? new Dictionary<PeerId, string?>()
        : (await database.ReadAsync(
                session => session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE kind = 'offer' AND signer IN @nodes", new { nodes }), cancellationToken))
            .Select(row => row.ToStatement()).Where(offer => ((OfferStatement)offer.Content).ExpiresAt > now)
            .GroupBy(offer => offer.SignerId).ToDictionary(offers => offers.Key, offers => ((OfferStatement)offers.First().Content).Region);

    /// <summary>Offers that are not over, by the peer ids of the nodes.</summary>
    /// <param name="page">The cursor is the last node of the page before.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public async Task<Page<DisclosedOffer>> ListAsync(PageRequest page, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var found = new List<Statement>();
        var after = page.Cursor ?? "";
        // Of those that are read some are over, though they are still kept.
        while (found.Count <= page.Limit)
        {
            var rows = await database.ReadAsync(
                session => session.QueryAsync<StatementRow>(
                    $"SELECT {StatementRow.Columns} FROM statements WHERE kind = 'offer' AND hlc >= @since AND signer > @after ORDER BY signer LIMIT @limit",
                    new { since = Statement.ForgetOffersBefore(now).Packed, after, limit = page.Limit + 1 }),
                cancellationToken);
            if (rows.Count == 0)
                break;
            var offers = rows.Select(row => row.ToStatement()).ToList();
            after = offers[^1].SignerId.ToString();
            found.AddRange(offers.Where(offer => ((OfferStatement)offer.Content).ExpiresAt > now));
        }

        var shown = found.Take(page.Limit).ToList();
        var signers = shown.Select(offer => offer.SignerId).ToList();
        var disclosed = (await database.ReadAsync(
                session => session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE signer IN @signers AND kind IN ('split', 'summary')", new { signers }), cancellationToken))
            .Select(row => row.ToStatement()).ToLookup(statement => statement.SignerId, statement => statement.Content);
        return new Page<DisclosedOffer>(
            [.. shown.Select(offer => new DisclosedOffer(offer, disclosed[offer.SignerId].OfType<SplitStatement>().SingleOrDefault(), disclosed[offer.SignerId].OfType<SummaryStatement>().SingleOrDefault()))],
            found.Count > shown.Count ? shown[^1].SignerId.ToString() : null);
    }
}
