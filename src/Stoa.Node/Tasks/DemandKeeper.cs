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
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Dictionary<Id<AgentVersion>, string> names = [];
    private readonly SemaphoreSlim turn = new(1);

    /// <summary>Looks once.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        // One after another: an older count must not be told after a newer one.
        await turn.WaitAsync(cancellationToken);
        try
        {
            await CountAsync(cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    public override void Dispose()
    {
        turn.Dispose();
        base.Dispose();
    }

    private async Task CountAsync(CancellationToken cancellationToken)
    {
        var before = index.InDemand;
        var counts = await database.ReadAsync(SqlTaskDemand.CountAllAsync, cancellationToken);
        var open = counts.ToDictionary(count => count.Agent, count => (int)Math.Min(count.Count - count.Ended, int.MaxValue));
        foreach (var (version, count) in open)
            index.SetOpen(await NameAsync(version, cancellationToken), version, count);
        foreach (var (name, version) in before.Where(agent => !open.ContainsKey(agent.Version)))
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
            await Task.Delay(rest > Pause ? rest : Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string> NameAsync(Id<AgentVersion> id, CancellationToken cancellationToken)
    {
        if (names.TryGetValue(id, out var name))
            return name;
        var version = await agents.GetAsync(id, cancellationToken) ?? throw new InvalidOperationException($"The agent {id} is not in the catalogue.");
        if (names.Count >= MaxRemembered)
            names.Clear();
        return names[id] = $"{version.Publisher}/{version.Manifest.Name}";
    }
}
