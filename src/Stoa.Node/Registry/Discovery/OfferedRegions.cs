using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>Where what is at hand, by the offers of nodes that hold now. An offer is read once; which there are is looked at again and again.</summary>
/// <remarks>
/// What strangers offer is bounded here as well, and their keys are free. So of more than there is room for it is not the latest that count, which anybody can make: those of nodes that somebody here knows come first,
/// and then those of whom a statement has been kept here longest. Who floods the network today comes behind all who were there yesterday.
/// </remarks>
/// <param name="database">The cell's.</param>
internal sealed class OfferedRegions(Database database)
{
    private const int OffersMax = 20_000;
    private const int ContentsMax = 2_000_000;
    private const int AtOnce = 200;

    private static readonly SignerStanding[] s_known = [SignerStanding.Vouched, SignerStanding.Believed, SignerStanding.Own];

    private Dictionary<PeerId, Offered> _known = [];

    /// <summary>What nodes offer that say where they stand, in the order in which they count.</summary>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the queries.</param>
    public async Task<IReadOnlyList<RegionOffer>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var standing = await database.ReadAsync(
            session => session.QueryAsync<(PeerId Node, long Sequence, long IsKnown)>(
                """
                SELECT s.signer, s.sequence, CASE WHEN g.standing IN @known THEN 1 ELSE 0 END AS is_known FROM statements s LEFT JOIN statement_signers g ON g.signer = s.signer
                WHERE s.kind = 'offer' AND s.hlc >= @since
                ORDER BY CASE WHEN g.standing IN @known THEN 0 ELSE 1 END, (SELECT MIN(o.sequence) FROM statements o WHERE o.signer = s.signer) LIMIT @limit
                """,
                new { known = s_known, since = Statement.ForgetOffersBefore(now).Packed, limit = OffersMax }),
            cancellationToken);
        var known = new Dictionary<PeerId, Offered>();
        var unread = new List<PeerId>();
        foreach (var (node, sequence, _) in standing)
        {
            if (_known.TryGetValue(node, out var offered) && offered.Sequence == sequence)
                known[node] = offered;
            else
                unread.Add(node);
        }

        foreach (var part in unread.Chunk(AtOnce))
        {
            var rows = await database.ReadAsync(
                session => session.QueryAsync<StatementRow>($"SELECT {StatementRow.Columns} FROM statements WHERE kind = 'offer' AND signer IN @part", new { part }), cancellationToken);
            foreach (var row in rows)
            {
                if (row.ToStatement() is { Content: OfferStatement offer } statement)
                    known[statement.SignerId] = new Offered(row.Sequence, offer.Region, offer.Region is null ? [] : [.. offer.Contents.Select(ListingRegions.KeyOf)], offer.ExpiresAt);
            }
        }

        _known = known;
        var offers = new List<RegionOffer>();
        var contents = 0;
        foreach (var (node, _, isKnown) in standing)
        {
            if (known.GetValueOrDefault(node) is not { Region: { } region } offered || offered.ExpiresAt <= now)
                continue;
            contents += offered.Contents.Length;
            if (contents > ContentsMax)
                break;
            offers.Add(new RegionOffer(region, isKnown != 0, offered.Contents));
        }

        return offers;
    }

    private sealed record Offered(long Sequence, string? Region, ulong[] Contents, DateTimeOffset ExpiresAt);
}
