namespace Stoa.Node.Identity;

/// <summary>Changes signing keys in time, and forgets sessions and letters that are long over, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; who comes second finds nothing to do.</remarks>
public sealed class IdentityCare(SigningKeys keys, SqlSessionStore sessions, SqlAccountStore accounts, TimeProvider time, ILogger<IdentityCare> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);
    private const int TurnsBetweenForgetting = 60;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var turn = 1; !stoppingToken.IsCancellationRequested; turn++)
        {
            await Task.Delay(s_pause, time, stoppingToken);
            try
            {
                await keys.RotateAsync(stoppingToken);
                if (turn % TurnsBetweenForgetting == 0)
                {
                    await sessions.ForgetAsync(time.GetUtcNow(), stoppingToken);
                    await accounts.ForgetAsync(time.GetUtcNow(), stoppingToken);
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Signing keys and sessions cannot be looked after; trying again.");
            }
        }
    }
}
