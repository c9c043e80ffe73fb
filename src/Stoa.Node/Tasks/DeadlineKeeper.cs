using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Ends tasks that still wait for their turn at their deadlines, so that nobody has to wait for a turn to learn that it comes too late.</summary>
public sealed class DeadlineKeeper(
    ITaskStore tasks, TaskWaiters waiters, SystemAccounts accounts, IdSource ids, TasksOptions options, TimeProvider time, ILogger<DeadlineKeeper> logger)
    : BackgroundService
{
    private const int MaxAtOnce = 500;

    private readonly FailureLog _failures = new(logger, time);

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        Expiry done;
        do
        {
            done = await tasks.ExpireAsync(accounts.Clearing, ids, time.GetUtcNow(), MaxAtOnce, cancellationToken);
            foreach (var task in done.Expired)
                waiters.Complete(task);
        }
        while (done.IsMore);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.BeatMs), time);
        do
        {
            await _failures.TryAsync("end tasks whose deadlines have passed", LookAsync, stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
