using Stoa.Market;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Node.Selection;

/// <summary>Fills the index of agents at the start and keeps it current: what this node publishes and learns is in it at once, what
/// other nodes of the cell do comes by their events and a look at the statistics every two seconds.</summary>
public sealed class IndexKeeper(
    AgentIndex index, IAgentStore agents, IAgentStatsStore stats, IEventStore events, TimeProvider time, ILogger<IndexKeeper> logger)
    : BackgroundService
{
    private const int PageSize = 200;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    // The clocks of nodes differ, and what was written before may be committed after.
    private static readonly TimeSpan s_overlap = TimeSpan.FromMinutes(1);
    private static readonly EventFilter s_published = new(null, null, [EventTypes.AgentPublished, EventTypes.AgentWithdrawn, EventTypes.AgentReinstated]);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long? position = null;
        var since = DateTimeOffset.MinValue;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                position ??= await FillAsync(stoppingToken);
                var now = time.GetUtcNow();
                foreach (var changed in await stats.ListChangedAsync(since, stoppingToken))
                    index.Set(changed);
                since = now - s_overlap;
                index.SetLoaded();
                position = await FollowAsync(position.Value, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                logger.LogError(failure, "The index of agents cannot be brought up to date; trying again in {Pause}.", s_pause);
                await Task.Delay(s_pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Reads the whole catalogue.</summary>
    /// <returns>The position in the event stream from which on to follow it.</returns>
    private async Task<long> FillAsync(CancellationToken cancellationToken)
    {
        var position = await events.LastSequenceAsync(cancellationToken);
        string? cursor = null;
        do
        {
            var page = await agents.ListAsync(new AgentQuery(null, null, null), new PageRequest(PageSize, cursor), cancellationToken);
            foreach (var version in page.Items)
                index.Put(IndexedAgent.Of(version));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return position;
    }

    /// <summary>Waits a while, and takes what was published or withdrawn since.</summary>
    private async Task<long> FollowAsync(long position, CancellationToken cancellationToken)
    {
        await Task.Delay(s_pause, time, cancellationToken);
        var batch = await events.ReadAfterAsync(position, s_published, PageSize, cancellationToken);
        foreach (var stored in batch.Events)
        {
            if (stored.Event.Type == EventTypes.AgentWithdrawn && Id<User>.TryParse(stored.Event.Subject, out var publisher))
            {
                index.Withdraw(publisher);
                continue;
            }

            if (!Id<AgentVersion>.TryParse(stored.Event.Subject, out var id) || await agents.GetAsync(id, cancellationToken) is not { } version)
                continue;
            // Whatever has happened to this version: what counts is which one is the newest now.
            var agent = new ListingName(version.Publisher, version.Manifest.Name, null);
            if (await agents.FindAsync(agent, cancellationToken) is { } newest)
                index.Put(IndexedAgent.Of(newest));
            else
                index.Withdraw(agent.ToString());
        }

        return batch.ContinueAfter;
    }
}
