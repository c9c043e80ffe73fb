using Stoa.Market.Membership;
using Stoa.Market.Selection;
using Stoa.Node.Background;
using Stoa.Node.Tasks;

namespace Stoa.Node.Membership;

/// <summary>The pulse of a node: gives signs of life, learns of the other nodes, and strikes off those that give none.</summary>
/// <remarks>It waits for no work: whoever does not beat is dead to the others after some seconds. What has to be done for tasks is up to <see cref="LeaseCare"/>.</remarks>
public sealed class Heartbeat(
    INodeStore nodes,
    LeaseCare care,
    Cell cell,
    NodeStatus status,
    AgentIndex index,
    TasksOptions options,
    TimeProvider time,
    ILogger<Heartbeat> logger) : BackgroundService
{
    private const int BeatsOfSilence = 5;
    private const int Misses = 3;

    private readonly NodeWatch _watch = new(TimeSpan.FromMilliseconds(options.BeatMs) * BeatsOfSilence, Misses);
    private readonly FailureLog _failures = new(logger, time);
    private NodeBeat _last = new(cell.Self, 0);
    private Task _strikingOff = Task.CompletedTask;

    /// <summary>Lists this node before it can claim anything.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var others = await BeatAsync(cancellationToken);
        if (!nodes.IsShared)
        {
            // An embedded database is this node's alone: nobody looks for its signs of life.
            foreach (var earlier in others)
                await nodes.StrikeOffAsync(earlier, cancellationToken);
        }

        await base.StartAsync(cancellationToken);
    }

    /// <summary>Strikes this node off, so that nobody has to find out that it is gone.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await _strikingOff.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await nodes.StrikeOffAsync(_last, cancellationToken);
        }
        catch (Exception failure)
        {
            logger.LogWarning(failure, "This node could not be struck off the list; others will find out that it is gone.");
        }
    }

    /// <summary>One beat.</summary>
    internal async Task TurnAsync(CancellationToken cancellationToken)
    {
        var others = await BeatAsync(cancellationToken);
        if (!nodes.IsShared)
            return;
        // Not awaited: a lock that a silent node holds must not silence this one.
        var dead = _watch.Look(others, time.GetElapsedTime(0));
        if (dead.Count > 0)
            _strikingOff = Task.WhenAll(dead.Select(silent => StrikeOffAsync(silent, cancellationToken)).Append(_strikingOff));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.BeatMs), time);
        do
        {
            await TryAsync("give a sign of life", () => TurnAsync(stoppingToken), stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task StrikeOffAsync(NodeBeat dead, CancellationToken cancellationToken)
    {
        // If it is only paused, it may hold locks that the whole cell waits for. Whether they are freed or not, it is dead.
        await TryAsync("end the sessions of a silent node", () => nodes.EndSessionsAsync(dead.Holder, cancellationToken), cancellationToken);
        await TryAsync(
            "strike a silent node off",
            async () =>
            {
                if (await nodes.StrikeOffAsync(dead, cancellationToken))
                    logger.LogWarning("The node {Node} is silent; its tasks are taken over.", dead.Holder.Node);
            },
            cancellationToken);
        care.NodeDied();
    }

    private async Task TryAsync(string step, Func<Task> act, CancellationToken cancellationToken)
    {
        try
        {
            await act();
        }
        catch (Exception failure)
        {
            if (!cancellationToken.IsCancellationRequested)
                _failures.Tell(step, failure);
        }
    }

    /// <summary>Gives a sign of life, and takes in what the others say.</summary>
    /// <returns>The last signs of the others.</returns>
    private async Task<IReadOnlyList<NodeBeat>> BeatAsync(CancellationToken cancellationToken)
    {
        var listed = await nodes.BeatAsync(cell.Self, status.Now, time.GetUtcNow(), cancellationToken);
        _last = listed.Single(node => node.Beat.Holder == cell.Self).Beat;
        if (nodes.IsShared)
        {
            try
            {
                cell.Learn(listed);
                index.SetLoadElsewhere(cell.RunningElsewhere());
            }
            catch (Exception failure)
            {
                _failures.Tell("learn of the load of the other nodes", failure);
            }
        }

        return [.. listed.Select(node => node.Beat).Where(beat => beat.Holder != cell.Self)];
    }
}
