namespace Stoa.Node.SingleSignOn;

/// <summary>Forgets sign-ins by providers minutes after they are over, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; who comes second finds nothing to do.</remarks>
internal sealed class SignOnCare(SqlSignOnStore store, TimeProvider time, ILogger<SignOnCare> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await store.ForgetAsync(time.GetUtcNow(), stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Sign-ins that are over cannot be forgotten; trying again.");
            }

            await Task.Delay(s_pause, time, stoppingToken);
        }
    }
}
