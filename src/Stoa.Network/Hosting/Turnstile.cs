namespace Stoa.Network.Hosting;

/// <summary>Room for so many at once; who comes later waits for a turn.</summary>
/// <remarks>Not a <see cref="SemaphoreSlim"/>: who has waited at one goes on in a thread of the pool, also where there is to be only one thread.</remarks>
internal sealed class Turnstile(int max)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private int _free = max;

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
