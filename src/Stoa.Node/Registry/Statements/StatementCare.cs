using Stoa.Market.Registry.Statements;

namespace Stoa.Node.Registry.Statements;

/// <summary>Says to the network what was published before there were statements, and forgets offers that are over, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; who comes second finds nothing to do.</remarks>
public sealed class StatementCare(ListingBackfill backfill, IStatementStore statements, TimeProvider time, ILogger<StatementCare> logger) : BackgroundService
{
    private const int ForgottenAtOnce = 500;
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await backfill.RunAsync(stoppingToken);
                while (await statements.ForgetOversAsync(time.GetUtcNow(), ForgottenAtOnce, stoppingToken) == ForgottenAtOnce)
                {
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "The registry's statements cannot be looked after; trying again.");
            }

            await Task.Delay(s_pause, time, stoppingToken);
        }
    }
}
