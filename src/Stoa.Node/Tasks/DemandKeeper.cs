using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks;

/// <summary>Tells the index of agents once a second how much those have to do whose price follows demand, and forgets their tasks that have ended.</summary>
/// <remarks>Where no such agent has tasks this is a look at an empty table. Where many are open it looks less often, for a twentieth of its time at most.</remarks>
public sealed class DemandKeeper(Database database, AgentIndex index, IAgentStore agents, TimeProvider time, ILogger<DemandKeeper> logger) : BackgroundService
{
    private const int MaxForgotten = 5_000;
    private const int RestFactor = 20;
    private const int MaxRemembered = 10_000;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly Dictionary<Id<AgentVersion>, (string Name, DemandFactor? Demand)> _known = [];
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Looks once.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        // One after another: an older count must not be told after a newer one.
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await CountAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    private async Task CountAsync(CancellationToken cancellationToken)
    {
        var before = index.InDemand;
        var now = time.GetUtcNow();
        var counts = await database.ReadAsync(session => SqlTaskDemand.CountAllAsync(session, now), cancellationToken);
        var open = counts.ToLookup(count => count.Agent, count => count.Open);
        foreach (var consumers in open)
        {
            var (name, demand) = await FindAsync(consumers.Key, cancellationToken);
            index.SetOpen(name, consumers.Key, (int)consumers.Sum(count => Math.Min(count, demand?.ConsumerShare ?? 0)));
        }

        foreach (var (name, version) in before.Where(agent => !open.Contains(agent.Version)))
            index.SetOpen(name, version, 0);
        if (counts.Any(count => count.Ended > 0))
            await database.WriteAsync(session => SqlTaskDemand.ForgetEndedAsync(session, MaxForgotten), cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                await RefreshAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                logger.LogError(failure, "The demand for agents cannot be counted; trying again.");
            }

            var rest = time.GetElapsedTime(began) * RestFactor;
            await Task.Delay(rest > s_pause ? rest : s_pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<(string Name, DemandFactor? Demand)> FindAsync(Id<AgentVersion> id, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(id, out var agent))
            return agent;
        var version = await agents.GetAsync(id, cancellationToken) ?? throw new InvalidOperationException($"The agent {id} is not in the catalogue.");
        if (_known.Count >= MaxRemembered)
            _known.Clear();
        return _known[id] = ($"{version.Publisher}/{version.Manifest.Name}", version.Manifest.Factors.Demand);
    }
}
