using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks.Live;

/// <summary>The log of an attempt as this node sees it: the attempt's own when it runs here, a mirror of it when it runs at another node of the cell.</summary>
/// <param name="token">Of the lease under which it runs: a greater one is a later attempt.</param>
/// <param name="attempt">Which execution it is, from 1.</param>
/// <param name="log">What it writes.</param>
/// <param name="isMirror">Whether it runs elsewhere.</param>
public sealed class AttemptLog(long token, int attempt, LiveLog log, bool isMirror)
{
    private readonly TaskCompletionSource _caughtUp = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Token => token;

    public int Attempt => attempt;

    public LiveLog Log => log;

    public bool IsMirror => isMirror;

    /// <summary>Ends once all is here that had been written when this node first asked; at once for an attempt that runs here.</summary>
    public Task CaughtUp => isMirror ? _caughtUp.Task : Task.CompletedTask;

    /// <summary>The log of an attempt that runs here.</summary>
    public static AttemptLog Of(Attempt attempt)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        return new AttemptLog(attempt.Task.Token, attempt.Task.Attempts + 1, attempt.Progress.Log, isMirror: false);
    }

    /// <summary>Takes what the other node sends.</summary>
    internal void Take(CellMessage.LogBytes piece)
    {
        // What should have come before was lost on the way: this node asks again from where it is.
        if (piece.Previous > log.Written)
            return;
        log.WriteAt(piece.Offset, piece.Bytes.Span);
        if (log.Written >= piece.Goal)
            _caughtUp.TrySetResult();
    }
}
