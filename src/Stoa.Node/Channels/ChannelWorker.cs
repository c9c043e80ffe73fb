using Stoa.Node.Background;

namespace Stoa.Node.Channels;

/// <summary>Begins the windows of channels that have expired and finishes closings whose window is over, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; who comes second finds nothing due.</remarks>
public sealed class ChannelWorker(SqlChannelStore store, ChannelsOptions options, TimeProvider time, ILogger<ChannelWorker> logger) : BackgroundService
{
    private const int ChannelsAtOnce = 200;

    private readonly FailureLog _failures = new(logger, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var looked = 0;
            await _failures.TryAsync(
                "look at payment channels", async token => looked = await store.ActOnDueAsync(time.GetUtcNow(), ChannelsAtOnce, token), stoppingToken);
            if (looked < ChannelsAtOnce)
                await Task.Delay(TimeSpan.FromMilliseconds(options.PollMs), time, stoppingToken);
        }
    }
}
