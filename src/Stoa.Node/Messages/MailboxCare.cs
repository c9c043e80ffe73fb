using Stoa.Node.Background;

namespace Stoa.Node.Messages;

/// <summary>Clears away what has expired in mailboxes. All nodes of a cell look; who comes second finds nothing to do.</summary>
public sealed class MailboxCare(SqlMessages messages, MessagesOptions options, TimeProvider time, ILogger<MailboxCare> logger) : BackgroundService
{
    private readonly FailureLog _failures = new(logger, time);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(options.ClearSeconds), time, stoppingToken);
            await _failures.TryAsync("clear away expired messages", ClearAsync, stoppingToken);
        }
    }

    private async Task ClearAsync(CancellationToken cancellationToken)
    {
        // A portion at a time, so that others get a word in.
        while (await messages.ClearAsync(cancellationToken))
            cancellationToken.ThrowIfCancellationRequested();
    }
}
