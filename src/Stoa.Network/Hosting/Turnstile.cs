namespace Stoa.Network.Hosting;

/// <summary>Room for so many at once; who comes later waits for a turn.</summary>
/// <remarks>Safe for use by many threads. Not a <see cref="SemaphoreSlim"/>: who has waited at one goes on in a thread of the pool, also where there is to be only one thread.</remarks>
/// <param name="max">How many.</param>
public sealed class Turnstile(int max)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private int _free = max;

    /// <summary>Waits for room, and takes it. First come, first served.</summary>
    /// <exception cref="OperationCanceledException">It was given up; no room is taken.</exception>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return;
            }

            _waiting.AddLast(turn);
        }

        using var registration = cancellationToken.UnsafeRegister(static (turn, token) => ((TaskCompletionSource)turn!).TrySetCanceled(token), turn);
        await turn.Task;
    }

    /// <summary>Gives the room back.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            while (_waiting.First is { } next)
            {
                _waiting.RemoveFirst();
                if (next.Value.TrySetResult())
                    return;
            }

            _free++;
        }
    }
}
