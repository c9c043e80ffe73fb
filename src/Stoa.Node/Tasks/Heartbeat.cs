using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;

namespace Stoa.Node.Tasks;

/// <summary>The pulse of a node: gives signs of life, learns of the other nodes, strikes dead ones off, takes their tasks over, and looks after this
/// node's own.</summary>
public sealed class Heartbeat(
    INodeStore nodes,
    LeaseKeeper keeper,
    LeaseRescuer rescuer,
    Cell cell,
    NodeStatus status,
    AgentIndex index,
    Database database,
    TasksOptions options,
    TimeProvider time,
    ILogger<Heartbeat> logger) : BackgroundService
{
    private const int BeatsOfSilence = 5;
    private const int Misses = 3;

    private readonly NodeWatch _watch = new(TimeSpan.FromMilliseconds(options.BeatMs) * BeatsOfSilence, Misses);
    private readonly ClockWatch _clock = new(time);
    private NodeBeat _last = new(cell.Self, 0);
    private bool _mayBePutOff;

    // An embedded database is this node's alone: nobody looks for its signs of life.
    private bool IsShared => database is PostgresDatabase;

    /// <summary>Lists this node before it can claim anything.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var others = await BeatAsync(cancellationToken);
        if (!IsShared)
        {
            foreach (var earlier in others)
                await nodes.StrikeOffAsync(earlier, cancellationToken);
        }

        await base.StartAsync(cancellationToken);
    }

    /// <summary>Strikes this node off, so that nobody has to find out that it is gone.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await nodes.StrikeOffAsync(_last, cancellationToken);
        }
        catch (Exception failure)
        {
            logger.LogWarning(failure, "This node could not be struck off the list; others will find out that it is gone.");
        }
    }

    /// <summary>One turn of the loop.</summary>
    internal async Task TurnAsync(CancellationToken cancellationToken)
    {
        // Retries may wait for an hour that lies ahead again now, or that lay ahead by a dead node's clock only.
        _mayBePutOff |= _clock.WasSetBack();
        if (IsShared)
        {
            foreach (var dead in _watch.Look(await BeatAsync(cancellationToken), time.GetElapsedTime(0)))
            {
                _mayBePutOff = true;
                // If it is only paused, it may hold locks that the whole cell waits for.
                await database.EndSessionsAsync(dead.Holder.Boot, cancellationToken);
                if (await nodes.StrikeOffAsync(dead, cancellationToken))
                    logger.LogWarning("The node {Node} is silent; its tasks are taken over.", dead.Holder.Node);
            }
        }

        await rescuer.RescueAbandonedAsync(cancellationToken);
        await rescuer.RescueStraysAsync(await keeper.LookAsync(cancellationToken), cancellationToken);
        if (_mayBePutOff)
        {
            await rescuer.BringForwardAsync(cancellationToken);
            _mayBePutOff = false;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.BeatMs), time);
        do
        {
            try
            {
                await TurnAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "This node cannot give a sign of life or look after its tasks; trying again.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Gives a sign of life, and takes in what the others say.</summary>
    /// <returns>The last signs of the others.</returns>
    private async Task<IReadOnlyList<NodeBeat>> BeatAsync(CancellationToken cancellationToken)
    {
        var listed = await nodes.BeatAsync(cell.Self, status.Now, time.GetUtcNow(), cancellationToken);
        _last = listed.Single(node => node.Beat.Holder == cell.Self).Beat;
        if (IsShared)
        {
            cell.Learn(listed);
            index.SetLoadElsewhere(cell.RunningElsewhere());
        }

        return [.. listed.Select(node => node.Beat).Where(beat => beat.Holder != cell.Self)];
    }
}
