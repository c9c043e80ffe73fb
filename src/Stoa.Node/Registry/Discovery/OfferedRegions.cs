using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>Where what is at hand, by the offers of nodes that hold now. An offer is read once; which there are is looked at again and again.</summary>
/// <param name="database">The cell's.</param>
internal sealed class OfferedRegions(Database database)
{
    // What strangers offer is bounded here as well: the latest offers are read, and of all together so much.
    private const int OffersMax = 20_000;
    private const int ContentsMax = 1_000_000;
    private const int AtOnce = 200;

    private Dictionary<PeerId, Offered> _known = [];

    /// <summary>Each region with what is at hand there.</summary>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Stops the queries.</param>
    public async Task<IReadOnlyList<(string Region, ContentHash Content)>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var standing = await database.ReadAsync(
            session => session.QueryAsync<(PeerId Node, long Sequence)>(
                "SELECT signer, sequence FROM statements WHERE kind = 'offer' AND hlc >= @since ORDER BY hlc DESC LIMIT @limit",
                new { since = Statement.ForgetOffersBefore(now).Packed, limit = OffersMax }),
            cancellationToken);
        var known = new Dictionary<PeerId, Offered>();
        var unread = new List<PeerId>();
        foreach (var (node, sequence) in standing)
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
                    known[statement.SignerId] = new Offered(row.Sequence, offer.Region, offer.Region is null ? [] : offer.Programs, offer.ExpiresAt);
            }
        }

        _known = known;
        return [.. standing.Select(offer => known.GetValueOrDefault(offer.Node)).OfType<Offered>().Where(offered => offered.Region is not null && offered.ExpiresAt > now)
            .SelectMany(offered => offered.Contents.Select(content => (offered.Region!, content))).Take(ContentsMax)];
    }

    private sealed record Offered(long Sequence, string? Region, IReadOnlyList<ContentHash> Contents, DateTimeOffset ExpiresAt);
}
