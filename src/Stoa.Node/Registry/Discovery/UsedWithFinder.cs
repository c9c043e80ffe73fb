using Stoa.Client.Contracts;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Node.Background;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>Finds out now and then which agents the same consumers of this cell use, by the months of usage that are added up: for which agents, and which they called, they were charged.</summary>
/// <remarks>It is kept in memory alone, and what is told is never about fewer consumers than the options say. What publishers use of their own does not count.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="listings">Reads what is named.</param>
/// <param name="options">How many consumers, how often.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of failures.</param>
public sealed class UsedWithFinder(Database database, SqlListings listings, DiscoveryOptions options, TimeProvider time, ILogger<UsedWithFinder> logger) : BackgroundService
{
    private const int MonthsBefore = 2;
    private const int UsesMax = 200_000;
    private static readonly TimeSpan s_retry = TimeSpan.FromMinutes(1);

    private volatile UsedTogether _found = UsedTogether.Nothing;

    /// <summary>What is used with an agent, closest first, as it is offered now.</summary>
    /// <param name="publisher">A key or a handle.</param>
    /// <param name="name">Of the agent.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Null when nothing is offered under the name.</returns>
    public async Task<IReadOnlyList<ListingResponse>?> FindAsync(string publisher, string name, CancellationToken cancellationToken)
    {
        if (await listings.FindPublisherAsync(publisher, cancellationToken) is not { } key || await listings.FindNewestAsync(new ListingKey(key, name), cancellationToken) is null)
            return null;
        var handle = await database.ReadAsync(session => PublisherKeys.FindHandleAsync(session, key), cancellationToken);
        List<ListingName> beside = [.. _found.With($"{handle ?? key.ToString()}/{name}").Select(other => ListingName.Parse(other))];
        var handles = beside.Select(other => other.Publisher);
        var keys = (await database.ReadAsync(
            session => session.QueryAsync<(string Handle, PeerId Key)>("SELECT handle, peer_id FROM publisher_keys WHERE handle IN @handles", new { handles }), cancellationToken))
            .ToDictionary(row => row.Handle, row => row.Key, StringComparer.Ordinal);
        List<ListingKey> wanted = [.. beside
            .Where(other => other.IsKeyed || keys.ContainsKey(other.Publisher))
            .Select(other => new ListingKey(other.IsKeyed ? PeerId.Parse(other.Publisher) : keys[other.Publisher], other.Name))];
        var read = await listings.ReadAsync(wanted, cancellationToken);
        return [.. wanted.Where(read.ContainsKey).Select(other => read[other])];
    }

    /// <summary>Finds it out anew.</summary>
    internal async Task FindOutAsync(CancellationToken cancellationToken)
    {
        var since = UsageSpan.Month.StartOf(UsageSpan.Month.StartOf(time.GetUtcNow()).AddMonths(-MonthsBefore));
        var uses = await database.ReadAsync(
            session => session.QueryAsync<(string Consumer, string Agent, long Times)>(
                """
                SELECT consumer_id, agent, CAST(SUM(events) AS BIGINT) AS times FROM usage_totals
                WHERE span = @month AND start_at >= @since AND kind IN @kinds AND consumer_id <> publisher_id
                GROUP BY consumer_id, agent ORDER BY consumer_id, times DESC, agent LIMIT @limit
                """,
                new { month = nameof(UsageSpan.Month), since, kinds = new[] { nameof(UsageKind.Task), nameof(UsageKind.Call) }, limit = UsesMax }),
            cancellationToken);
        _found = UsedTogether.Of(uses.Select(use => (use.Consumer, use.Agent)), options.UsedWithConsumers);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failures = new FailureLog(logger, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            var isDone = await failures.TryAsync("find out which agents are used together", FindOutAsync, stoppingToken);
            await Task.Delay(isDone ? TimeSpan.FromMinutes(options.UsedWithMinutes) : s_retry, time, stoppingToken);
        }
    }
}
