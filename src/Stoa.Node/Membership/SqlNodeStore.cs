using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Market.Membership;
using Stoa.Node.Storage;

namespace Stoa.Node.Membership;

/// <summary>The nodes of a cell in the database that they share.</summary>
public sealed class SqlNodeStore(Database database) : INodeStore
{
    public bool IsShared => database is PostgresDatabase;

    public Task<IReadOnlyList<ListedNode>> BeatAsync(LeaseHolder self, NodeReport report, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<ListedNode>>(
            async session =>
            {
                await session.SendAsync(
                    """
                    INSERT INTO nodes (holder, beat, started_at, seen_at, report) VALUES (@holder, 1, @now, @now, @report)
                    ON CONFLICT (holder) DO UPDATE SET beat = nodes.beat + 1, seen_at = excluded.seen_at, report = excluded.report
                    """,
                    new { holder = self.ToString(), now, report = JsonSerializer.Serialize(report, NodeReportJson.Default.NodeReport) });
                await session.SendAsync(
                    "DELETE FROM nodes WHERE holder <> @holder AND SUBSTR(holder, 1, LENGTH(@node)) = @node",
                    new { holder = self.ToString(), node = $"{self.Node}/" });
                var rows = await session.QueryAsync<NodeRow>("SELECT holder, beat, started_at, seen_at, report FROM nodes ORDER BY holder");
                return [.. rows.Select(row => row.ToNode())];
            },
            cancellationToken);

    public Task<bool> StrikeOffAsync(NodeBeat seen, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            "DELETE FROM nodes WHERE holder = @holder AND beat = @Beat", new { holder = seen.Holder.ToString(), seen.Beat }) == 1,
        cancellationToken);

    public Task EndSessionsAsync(LeaseHolder silent, CancellationToken cancellationToken) => database.EndSessionsAsync(silent.Boot, cancellationToken);

    private sealed record NodeRow(string Holder, long Beat, DateTimeOffset StartedAt, DateTimeOffset? SeenAt, string? Report)
    {
        public ListedNode ToNode() => new(
            new NodeBeat(LeaseHolder.Parse(Holder), Beat),
            StartedAt,
            SeenAt ?? StartedAt,
            Report is null ? null : JsonSerializer.Deserialize(Report, NodeReportJson.Default.NodeReport));
    }
}

/// <summary>The column <c>nodes.report</c>: other versions may write more, and read what is written here.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeReport))]
internal sealed partial class NodeReportJson : JsonSerializerContext;
