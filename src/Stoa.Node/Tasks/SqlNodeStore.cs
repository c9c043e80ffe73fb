using Stoa.Market.Tasks;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>The nodes of a cell in the database that they share.</summary>
public sealed class SqlNodeStore(Database database) : INodeStore
{
    public Task<IReadOnlyList<NodeBeat>> BeatAsync(LeaseHolder self, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<NodeBeat>>(
            async session =>
            {
                await session.ExecuteAsync(
                    """
                    INSERT INTO nodes (holder, beat, started_at) VALUES (@holder, 1, @now)
                    ON CONFLICT (holder) DO UPDATE SET beat = nodes.beat + 1
                    """,
                    new { holder = self.ToString(), now });
                await session.ExecuteAsync(
                    "DELETE FROM nodes WHERE holder <> @holder AND SUBSTR(holder, 1, LENGTH(@node)) = @node",
                    new { holder = self.ToString(), node = $"{self.Node}/" });
                var rows = await session.QueryAsync<(string Holder, long Beat)>("SELECT holder, beat FROM nodes ORDER BY holder");
                return [.. rows.Select(row => new NodeBeat(LeaseHolder.Parse(row.Holder), row.Beat))];
            },
            cancellationToken);

    public Task<bool> StrikeOffAsync(NodeBeat seen, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            "DELETE FROM nodes WHERE holder = @holder AND beat = @Beat", new { holder = seen.Holder.ToString(), seen.Beat }) == 1,
        cancellationToken);
}
