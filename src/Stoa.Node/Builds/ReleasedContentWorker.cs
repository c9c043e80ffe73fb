using Stoa.Market.Builds;
using Stoa.Node.Background;

namespace Stoa.Node.Builds;

/// <summary>Deletes content that nobody owns, for as long as the node runs; in a cell also this node's files of what other nodes have deleted.</summary>
/// <remarks>All nodes of a cell look; what one has done is done.</remarks>
public sealed class ReleasedContentWorker(ReleasedContent released, IContentStore content, TimeProvider time, ILogger<ReleasedContentWorker> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_betweenFiles = TimeSpan.FromHours(1);

    // What an executor of several has made waits for the others, each of which may have a day for its run and another one for its input.
    private static readonly TimeSpan s_forgotten = TimeSpan.FromDays(3);

    private readonly FailureLog _failures = new(logger, time);
    private DateTimeOffset _filesAt;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(s_pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                while (!stoppingToken.IsCancellationRequested && await released.SweepAsync(stoppingToken))
                {
                }

                await SweepFilesAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                _failures.Tell("delete content that nobody owns", failure);
            }
            catch (OperationCanceledException)
            {
                // It stops.
            }
        }
    }

    private async Task SweepFilesAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _filesAt)
            return;
        var forgotten = await released.DeleteForgottenAsync(now - s_forgotten, cancellationToken);
        if (forgotten > 0)
            logger.LogInformation("Deleted the bytes of {Count} contents that nobody owns: a node has crashed while they came.", forgotten);
        if (content is CellContentStore cell)
            await cell.SweepAsync(now - s_betweenFiles, cancellationToken);
        _filesAt = now + s_betweenFiles;
    }
}
