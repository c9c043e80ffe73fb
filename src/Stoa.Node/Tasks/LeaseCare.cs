using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Membership;

namespace Stoa.Node.Tasks;

/// <summary>Looks after leases for as long as the node runs: this node's own, and those of nodes that are gone.</summary>
/// <remarks>
/// Signs of life are given by <see cref="Heartbeat"/>, which waits for nothing that is done here. What fails here holds up nothing else:
/// each step has a try of its own, the look at the node's own leases does not wait for what is taken over, and the latter is tried task by task.
/// </remarks>
public sealed class LeaseCare(LeaseKeeper keeper, LeaseRescuer rescuer, TasksOptions options, TimeProvider time, ILogger<LeaseCare> logger) : BackgroundService
{
    private readonly TimeSpan _pause = TimeSpan.FromMilliseconds(options.BeatMs);
    private readonly ClockWatch _clock = new(time);
    private readonly WakeSignal _nodeDied = new();
    private readonly FailureLog _failures = new(logger, time);
    private volatile bool _mayBePutOff;
    private volatile IReadOnlyList<LeaseRef> _strays = [];

    /// <summary>Says that a node was struck off: what it worked on is to be taken over, and its clock may have put retries off.</summary>
    public void NodeDied()
    {
        _mayBePutOff = true;
        _nodeDied.Set();
    }

    /// <summary>One look at the leases of this node.</summary>
    internal Task LookAsync(CancellationToken cancellationToken) =>
        _failures.TryAsync("look after its own tasks", async token => _strays = await keeper.LookAsync(token), cancellationToken);

    /// <summary>Takes over what nobody works on, and brings forward what a clock has put off.</summary>
    internal async Task TakeOverAsync(CancellationToken cancellationToken)
    {
        await _failures.TryAsync("take over tasks of nodes that are gone", rescuer.RescueAbandonedAsync, cancellationToken);
        await _failures.TryAsync("take up its own lost tasks", token => rescuer.RescueAsync(_strays, token), cancellationToken);
        // Retries may wait for an hour that lies ahead again now, or that lay ahead by a dead node's clock only.
        if (!_clock.WasSetBack() && !_mayBePutOff)
            return;
        _mayBePutOff = false;
        if (!await _failures.TryAsync("bring retries forward", rescuer.BringForwardAsync, cancellationToken))
            _mayBePutOff = true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(LookAgainAndAgainAsync(stoppingToken), TakeOverAgainAndAgainAsync(stoppingToken));
        }
        finally
        {
            await rescuer.WhenIdleAsync();
        }
    }

    private async Task LookAgainAndAgainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await LookAsync(cancellationToken);
            // However long it took: what is idle at two looks has to have been so for a while.
            await Task.Delay(_pause, time, cancellationToken);
        }
    }

    private async Task TakeOverAgainAndAgainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await TakeOverAsync(cancellationToken);
            await _nodeDied.WaitAsync(_pause, time, cancellationToken);
        }
    }
}
