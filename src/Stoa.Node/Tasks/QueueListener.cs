using Stoa.Node.Events;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>Wakes the workers when another node of the cell has queued something: every submission tells an event, and the database tells of those at once.</summary>
/// <remarks>What this node queues itself it knows without; an embedded database has no other nodes.</remarks>
public sealed class QueueListener(EventSignal events, TaskWorkers workers, Database database) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (database is not PostgresDatabase)
            return;
        while (true)
        {
            // Many at once wake once: those that come while nobody waits are seen with the next.
            var seen = events.Newest;
            workers.Wake();
            await events.WaitBeyondAsync(seen, stoppingToken);
        }
    }
}
