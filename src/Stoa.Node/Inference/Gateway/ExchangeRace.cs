namespace Stoa.Node.Inference.Gateway;

/// <summary>Replicas that are asked the same side by side: the first one that has a word goes on, and the others are given up.</summary>
internal sealed class ExchangeRace : IDisposable
{
    private readonly TaskCompletionSource _won = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _lost = new();
    private Exchange? _winner;

    /// <summary>Completes when one has a word.</summary>
    public Task Won => _won.Task;

    /// <summary>Ends those that were slower. One that has won does not heed it.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Says that there is a word.</summary>
    /// <returns>Whether it is the first one.</returns>
    public bool TryWin(Exchange exchange)
    {
        if (Interlocked.CompareExchange(ref _winner, exchange, null) is not null)
            return false;
        _won.TrySetResult();
        return true;
    }

    /// <summary>Whether this is the one that has won.</summary>
    public bool IsWonBy(Exchange exchange) => Volatile.Read(ref _winner) == exchange;

    /// <summary>Gives up those that were slower.</summary>
    public void GiveUpOthers() => _lost.Cancel();

    /// <inheritdoc/>
    public void Dispose() => _lost.Dispose();
}
