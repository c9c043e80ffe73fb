using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>The bytes of models, datasets and templates that were listed here, and that whoever is signed in may fetch.</summary>
public sealed class OwnGoods(Database database)
{
    // So many listings are read at once.
    private const int AtOnce = 500;

    /// <summary>What the newest versions that are offered consist of: those listed last, if there are more than are asked for.</summary>
    /// <param name="kind">Of one kind alone; null for all of them.</param>
    /// <param name="limit">The most that are answered.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    /// <returns>In the order of their digests, each once; of what its publisher keeps here no more, none.</returns>
    public async Task<IReadOnlyList<ContentHash>> ListContentsAsync(ListingKind? kind, int limit, CancellationToken cancellationToken)
    {
        var found = new HashSet<ContentHash>();
        var before = long.MaxValue;
        for (var rows = AtOnce; rows == AtOnce && found.Count < limit;)
        {
            (var contents, before, rows) = await ReadAsync(before, kind, cancellationToken);
            found.UnionWith(contents.Take(limit - found.Count));
        }

        return [.. found.Order()];
    }

    private Task<(IReadOnlyList<ContentHash> Contents, long Before, int Rows)> ReadAsync(long before, ListingKind? kind, CancellationToken cancellationToken) => database.ReadAsync(
        async Task<(IReadOnlyList<ContentHash>, long, int)> (session) =>
        {
            // Agents have rows of their own, and are no goods.
            var rows = await session.QueryAsync<Row>(
                """
                SELECT s.sequence, s.payload, s.signature, k.user_id AS publisher
                FROM network_listings AS n JOIN publisher_keys AS k ON k.peer_id = n.signer JOIN statements AS s ON s.id = n.newest_id
                WHERE s.sequence < @before AND NOT EXISTS (SELECT 1 FROM agent_versions AS a WHERE a.publisher = k.handle AND a.name = n.agent)
                ORDER BY s.sequence DESC LIMIT @limit
                """,
                new { before, limit = AtOnce });
            if (rows.Count == 0)
                return ([], 0, 0);
            var named = rows
                .Select(row => (row.Publisher, Content: (Statement.FromKept(row.Payload, row.Signature).Content as GoodsStatement)?.Manifest is { } manifest && (kind is null || manifest.Kind == kind) ? manifest.Details.Content : null))
                .Where(one => one.Content is not null)
                .ToList();
            if (named.Count == 0)
                return ([], rows[^1].Sequence, rows.Count);
            var kept = (await session.QueryAsync<Kept>(
                "SELECT digest, owner FROM content_owners WHERE digest IN @digests", new { digests = named.Select(one => one.Content!.Digest).Distinct() })).ToHashSet();
            return ([.. named.Where(one => kept.Contains(new Kept(one.Content!.Digest, one.Publisher))).Select(one => one.Content!.Digest)], rows[^1].Sequence, rows.Count);
        },
        cancellationToken);

    private sealed record Row(long Sequence, byte[] Payload, byte[] Signature, Id<User> Publisher);

    private sealed record Kept(ContentHash Digest, Id<User> Owner);
}
