using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>The coming and going of statements in the cell's database, whichever node of the cell writes them: what comes has its sequence, what goes is noted in <c>statement_removals</c>.</summary>
internal sealed class SqlStatementChanges(Database database) : IStatementChanges
{
    /// <inheritdoc/>
    public Signal Signal { get; } = database.GetSignal(SqlStatements.Topic);

    /// <inheritdoc/>
    public Task<StatementPlace> LastAsync(CancellationToken cancellationToken) => database.ReadAsync(
        async session => new StatementPlace(
            await session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM statements"),
            await session.QuerySingleAsync<long>("SELECT COALESCE(MAX(sequence), 0) FROM statement_removals")),
        cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ContentHash>> ListIdsAsync(ContentHash after, int limit, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<ContentHash>>(
        async session => [.. await session.QueryAsync<ContentHash>("SELECT id FROM statements WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit })], cancellationToken);

    /// <inheritdoc/>
    public async Task<StatementChanges> ReadAsync(StatementPlace after, int limit, CancellationToken cancellationToken)
    {
        var (added, removed) = await database.ReadAsync(
            async session => (
                await session.QueryAsync<(long Sequence, ContentHash Id)>(
                    "SELECT sequence, id FROM statements WHERE sequence > @after ORDER BY sequence LIMIT @limit", new { after = after.Added, limit }),
                await session.QueryAsync<RemovedRow>(
                    """
                    SELECT sequence, id, EXISTS (SELECT 1 FROM statements WHERE statements.id = statement_removals.id) AS is_back
                    FROM statement_removals WHERE sequence > @after ORDER BY sequence LIMIT @limit
                    """,
                    new { after = after.Removed, limit })),
            cancellationToken);
        var last = new StatementPlace(added.Count > 0 ? added[^1].Sequence : after.Added, removed.Count > 0 ? removed[^1].Sequence : after.Removed);
        return new StatementChanges(
            [.. added.Select(row => row.Id)], [.. removed.Where(row => !row.IsBack).Select(row => row.Id)], last, added.Count == limit || removed.Count == limit);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<(long Sequence, SignedStatement Statement)>> ListOwnAsync(long after, long last, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(long, SignedStatement)>>(
            async session => [.. (await session.QueryAsync<OwnRow>(
                """
                SELECT s.sequence, s.payload, s.signature FROM statements AS s JOIN statement_signers AS g ON g.signer = s.signer
                WHERE s.sequence > @after AND s.sequence <= @last AND g.standing = @own ORDER BY s.sequence LIMIT @limit
                """,
                new { after, last, own = nameof(SignerStanding.Own), limit })).Select(row => (row.Sequence, new SignedStatement(row.Payload, row.Signature)))],
            cancellationToken);

    private sealed record RemovedRow(long Sequence, ContentHash Id, bool IsBack);

    private sealed record OwnRow(long Sequence, byte[] Payload, byte[] Signature);
}
