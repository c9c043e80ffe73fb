using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;

namespace Stoa.Node.Supply;

/// <summary>Follows a call that takes longer, and passes on what the supplier tells of it: states, what its sandbox measures, what the agent says.</summary>
/// <remarks>It is only told: nothing depends on it, so what goes wrong with it ends it and nothing else.</remarks>
/// <param name="connections">The way to the supplier.</param>
/// <param name="address">Of the supplier.</param>
/// <param name="progress">Told.</param>
/// <param name="logger">Told of what went wrong.</param>
internal sealed class CallWatch(SupplierConnections connections, Uri address, AttemptProgress progress, ILogger logger) : IAsyncDisposable
{
    // Four times a second some hundreds of bytes: for hours of it.
    private const long MaxBytes = 64L << 20;

    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Begins, once the supplier has named the call.</summary>
    public void Begin(string id, PaymentPayload payment) => _watching = WatchAsync(id, payment, _stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync(string id, PaymentPayload payment, CancellationToken cancellationToken)
    {
        try
        {
            using var client = connections.Open(address, TimeSpan.FromSeconds(30), MaxBytes);
            await foreach (var told in client.WatchCallAsync(id, payment, cancellationToken))
            {
                if (StoaClient.TryReadProgress(told, out var measured))
                    Pass(measured);
                else if (told.Type is "stoa.task.queued" or "stoa.task.retried")
                    progress.Relay(TaskStateNames.Queued, new AttemptCounts(0, 0, 0, 0));
                else if (told.Type == "stoa.task.started")
                    progress.Relay(TaskStateNames.Running, new AttemptCounts(0, 0, 0, 0));
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException || SupplierFaults.IsOfSupplier(failure))
        {
            if (!cancellationToken.IsCancellationRequested)
                logger.LogInformation("The supplier at {Address} tells no more of the call {Call}: {Reason}", address, id, failure.Message);
        }
    }

    private void Pass(TaskProgressData told)
    {
        progress.Relay(
            TaskStateNames.Running,
            new AttemptCounts(Math.Max(0, told.InputBytesRead), Math.Max(0, told.OutputBytesWritten), Math.Max(0, told.Fuel), Math.Max(0, told.ElapsedMs)));
        if (told.Done is not { } done || done < 0 || told.Total < 0)
            return;
        // The words of a stranger.
        var message = string.Concat((told.Message ?? "").Select(letter => char.IsControl(letter) ? ' ' : letter));
        progress.Board.Tell(done, told.Total, message);
    }
}
