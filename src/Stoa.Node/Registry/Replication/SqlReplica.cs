using Stoa.Market.Registry.Replication;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Replication;

/// <summary>The statements of the cell, for comparisons with those of others.</summary>
/// <param name="database">The cell's.</param>
/// <param name="index">Follows it: see <see cref="ReplicaFollower"/>.</param>
/// <param name="unwanted">What this node does not ask for.</param>
/// <param name="intake">Takes in what comes.</param>
public sealed class SqlReplica(Database database, ReplicaIndex index, UnwantedStatements unwanted, StatementIntake intake) : IReplica
{
    private const string Way = "sync";

    /// <inheritdoc/>
    public ReplicaIndex Index => index;

    /// <inheritdoc/>
    public UnwantedStatements Unwanted => unwanted;

    /// <inheritdoc/>
    public async Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return await database.ReadAsync(
            async session =>
            {
                // What is read is bounded before it is read.
                var sizes = (await session.QueryAsync<(ContentHash Id, long Bytes)>("SELECT id, size_bytes FROM statements WHERE id IN @ids", new { ids })).ToDictionary(row => row.Id, row => row.Bytes);
                var chosen = new List<ContentHash>();
                var handled = 0;
                for (var bytes = 0L; handled < ids.Count && bytes <= enoughBytes; handled++)
                {
                    if (!sizes.TryGetValue(ids[handled], out var size))
                        continue;
                    chosen.Add(ids[handled]);
                    bytes += size;
                }

                var rows = chosen.Count == 0 ? [] : await session.QueryAsync<Row>("SELECT id, payload, signature FROM statements WHERE id IN @chosen", new { chosen });
                var byId = rows.ToDictionary(row => row.Id);
                return new ReadStatements(handled, [.. chosen.Where(byId.ContainsKey).Select(id => new SignedStatement(byId[id].Payload, byId[id].Signature))]);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken) => intake.TakeAsync(Way, statements, cancellationToken);

    private sealed record Row(ContentHash Id, byte[] Payload, byte[] Signature);
}
