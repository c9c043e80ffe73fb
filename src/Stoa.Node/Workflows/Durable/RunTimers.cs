using Stoa.Market.Workflows.Durable;
using Stoa.Node.Background;

namespace Stoa.Node.Workflows.Durable;

/// <summary>What runs of this node wait for by the clock. Safe for use by many threads.</summary>
/// <param name="time">The clock.</param>
internal sealed class RunTimers(TimeProvider time)
{
    // A clock that was set is noticed after so long.
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<(CarriedRun Run, StepKey? Key), DateTimeOffset> _waiting = new();
    private readonly WakeSignal _sooner = new();

    /// <summary>Has a run told that a time has come.</summary>
    /// <param name="run">Which.</param>
    /// <param name="key">What of it waits; null where it is to go on with what was put off.</param>
    /// <param name="at">When.</param>
    public void Add(CarriedRun run, StepKey? key, DateTimeOffset at)
    {
        lock (_gate)
        {
            var isFirst = !_waiting.TryPeek(out _, out var first) || at < first;
            _waiting.Enqueue((run, key), at);
            if (!isFirst)
                return;
        }

        _sooner.Set();
    }

    /// <summary>Tells whose time has come, until it is stopped.</summary>
    /// <param name="isCarried">Whether a run is still there; others are told nothing.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task RunAsync(Func<CarriedRun, bool> isCarried, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var pause = s_longest;
            while (TakeDue(ref pause) is var (run, key))
            {
                if (isCarried(run))
                    run.Tell(key is { } waiting ? new Told.TimeCame(waiting) : new Told.GoOn());
            }

            await _sooner.WaitAsync(pause, time, cancellationToken);
        }
    }

    private (CarriedRun Run, StepKey? Key)? TakeDue(ref TimeSpan pause)
    {
        lock (_gate)
        {
            if (!_waiting.TryPeek(out var next, out var at))
                return null;
            var ahead = at - time.GetUtcNow();
            if (ahead > TimeSpan.Zero)
            {
                pause = ahead < pause ? ahead : pause;
                return null;
            }

            _waiting.Dequeue();
            return next;
        }
    }
}
