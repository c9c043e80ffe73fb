using Stoa.Market;
using Stoa.Node.Background;

namespace Stoa.Node.Plans;

/// <summary>Renews and ends plans when they are due, and takes credit back that was not spent in time.</summary>
public sealed class PlanWorker(SqlSubscriptionStore subscriptions, SqlCreditStore credit, PlansOptions options, TimeProvider time, ILogger<PlanWorker> logger) : BackgroundService
{
    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                while (await LookAsync(stoppingToken) > 0)
                {
                    // There may be more.
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                _failures.Tell("renew plans", failure);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Looks once; how much was done.</summary>
    internal async Task<int> LookAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToMilliseconds();
        return await subscriptions.RunDueAsync(now, (subscription, failure) => _failures.TellOf("renew", subscription, failure), cancellationToken)
            + await credit.ExpireDueAsync(now, (user, failure) => _failures.TellOf("have credit expire of", user, failure), cancellationToken);
    }
}
