using Stoa.Market.Metering;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Network;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>Tells the network how this node shares out prices, and once a day how many receipts it has given in the thirty days before, for as long as it takes part.</summary>
internal sealed class NodeDisclosures(
    NetworkService network, NodeStatements statements, Database database, SplitPolicy split, PublicKey key, TimeProvider time, ILogger<NodeDisclosures> logger) : BackgroundService
{
    private static readonly TimeSpan s_look = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_summed = TimeSpan.FromDays(30);

    private readonly FailureLog _failures = new(logger, time);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (network.Host is null)
            return;
        while (true)
        {
            await _failures.TryAsync("tell the network how it shares out prices, and what it has done", TellAsync, stoppingToken);
            await Task.Delay(s_look, time, stoppingToken);
        }
    }

    /// <summary>Tells what has not been told.</summary>
    internal async Task TellAsync(CancellationToken cancellationToken)
    {
        if (await statements.FindAsync(StatementKind.Split, cancellationToken) is not SplitStatement said || said.Policy != split)
            await statements.SayAsync(new SplitStatement(split), cancellationToken);
        var today = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        if (await statements.FindAsync(StatementKind.Summary, cancellationToken) is SummaryStatement last && last.To >= today)
            return;
        var (from, to) = (today - s_summed, today);
        await statements.SayAsync(new SummaryStatement(from, to, await SumAsync(from, to, cancellationToken)), cancellationToken);
    }

    /// <summary>The receipts of this node's own, of agents that are listed in the network: those with the most.</summary>
    private async Task<IReadOnlyList<AgentReceipts>> SumAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        var sums = await database.ReadAsync(
            session => session.QueryAsync<SumRow>(
                """
                SELECT k.peer_id AS publisher, u.agent, CAST(SUM(u.events) AS BIGINT) AS receipts FROM usage_totals u JOIN publisher_keys k ON k.user_id = u.publisher_id
                WHERE u.span = @day AND u.start_at >= @from AND u.start_at < @to AND u.node = @node AND u.kind = @task
                GROUP BY k.peer_id, u.agent ORDER BY SUM(u.events) DESC, u.agent LIMIT @limit
                """,
                new { day = nameof(UsageSpan.Day), task = nameof(UsageKind.Task), from, to, node = key.PeerId, limit = StatementLimits.MaxSummedAgents }),
            cancellationToken);
        return [.. sums
            .Where(sum => sum.Receipts > 0)
            .Select(sum => new AgentReceipts(new KeyedListing(sum.Publisher, sum.Agent[(sum.Agent.IndexOf('/', StringComparison.Ordinal) + 1)..], null), sum.Receipts))
            .OrderBy(sum => sum.Agent.ToString(), StringComparer.Ordinal)];
    }

    private sealed record SumRow(PeerId Publisher, string Agent, long Receipts);
}
