using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>Clears PostgreSQL's queue tables of rows that were taken out.</summary>
/// <remarks>
/// A row that is deleted stays in its table until a vacuum, and whoever looks for the first of the queue walks past all of those. The server's own vacuum
/// comes once a minute, which is a million rows later; here a node does it whenever it has claimed so many. Where nothing is claimed nothing is done.
/// </remarks>
public sealed class QueueVacuum(Database database, TaskWorkers workers, TimeProvider time, ILogger<QueueVacuum> logger) : BackgroundService
{
    // Some milliseconds for whoever walks past them.
    private const int MaxClaimed = 20_000;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (database is not PostgresDatabase postgres)
            return;
        // What others have left is not known: it begins with one.
        var claimed = (long)-MaxClaimed;
        using var timer = new PeriodicTimer(s_pause, time);
        do
        {
            var now = workers.Load.ClaimedTasks;
            if (now - claimed < MaxClaimed)
                continue;
            try
            {
                await postgres.VacuumAsync(["queue", "regional_queue", "regional_turns", "delayed", "leases", "task_deadlines"], stoppingToken);
                claimed = now;
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning(failure, "The queue's tables cannot be vacuumed; they grow slower until they are.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
