using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Stops work whose lease is lost or whose consumer wants it stopped, and gives back what is leased to this node and not worked on.</summary>
public sealed class LeaseKeeper(ITaskStore tasks, TaskWorkers workers, LeaseHolder self)
{
    private HashSet<LeaseRef> _strays = [];
    private HashSet<LeaseRef> _waiting = [];

    /// <summary>One look.</summary>
    /// <returns>Leases of this node that nothing here worked on, now and at the look before: a claim whose answer was lost, or an end that could not be written.</returns>
    public async Task<IReadOnlyList<LeaseRef>> LookAsync(CancellationToken cancellationToken)
    {
        var running = workers.Running.ToDictionary(attempt => attempt.Lease);
        var held = (await tasks.ListHeldAsync(self, cancellationToken)).ToDictionary(task => task.Lease, task => task.IsCancelRequested);
        foreach (var (lease, attempt) in running)
        {
            // One that ended just now is not running any more either: stopping it does nothing.
            if (!held.TryGetValue(lease, out var isCancelRequested))
                attempt.Stop(StopReason.LeaseLost);
            else if (isCancelRequested)
                attempt.Stop(StopReason.Cancelled);
        }

        // What was claimed ahead was to begin at once. Where it still waits, other nodes may have a thread for it.
        var late = running.Where(pair => !pair.Value.IsTaken).ToList();
        await Task.WhenAll(late.Where(pair => _waiting.Contains(pair.Key)).Select(pair => workers.GiveBackAsync(pair.Value)));
        _waiting = [.. late.Select(pair => pair.Key)];

        // One that was claimed just now may not have begun.
        var idle = held.Keys.Where(lease => !running.ContainsKey(lease) && !workers.IsRunning(lease)).ToHashSet();
        var strays = idle.Where(_strays.Contains).ToList();
        _strays = idle;
        return strays;
    }
}
