using Stoa.Market.Membership;
using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Stops work whose lease is lost or whose consumer wants it stopped, and gives back what is leased to this node and not worked on.</summary>
public sealed class LeaseKeeper(ITaskStore tasks, TaskWorkers workers, LeaseHolder self)
{
    // With the claim that was under way when they were first seen idle, of which they may be.
    private Dictionary<LeaseRef, long?> _idle = [];
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
        foreach (var (_, attempt) in late.Where(pair => _waiting.Contains(pair.Key)))
        {
            // Not awaited: it tells of its own failures, and may wait for the database for minutes.
            _ = workers.GiveBackAsync(attempt);
        }

        _waiting = [.. late.Select(pair => pair.Key)];

        // One that was claimed just now may not have begun: not before the answer to the claim is here, and on a busy database that takes longer than
        // from one look to the next. Asked for the claim first: once that has ended, the workers know what it has brought.
        var claim = workers.ClaimUnderWay;
        var idle = held.Keys.Where(lease => !running.ContainsKey(lease) && !workers.IsOwn(lease)).ToList();
        var strays = idle.Where(lease => _idle.TryGetValue(lease, out var before) && (before is null || before != claim)).ToList();
        _idle = idle.ToDictionary(lease => lease, lease => _idle.TryGetValue(lease, out var before) ? before : claim);
        return strays;
    }
}
