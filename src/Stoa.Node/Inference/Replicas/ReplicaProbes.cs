using System.Collections.Concurrent;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Asks each replica now and then whether it is well: one that does not answer twice gets no requests until it answers again.</summary>
/// <remarks>Each at times of its own, so that they are not all asked in the same moment, and those of one server not either.</remarks>
/// <param name="fleets">The replicas.</param>
/// <param name="upstreams">Asks.</param>
/// <param name="options">How often, and how long it may take.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Chance.</param>
/// <param name="logger">Of those that fall silent, and that are well again.</param>
public sealed class ReplicaProbes(
    ModelFleets fleets, Upstreams upstreams, InferenceOptions options, TimeProvider time, Random random, ILogger<ReplicaProbes> logger) : BackgroundService
{
    private const int MostAtOnce = 256;
    private const int MissesOfSilent = 2;
    private const double LookMs = 250;
    private const double Jitter = 0.2;

    private readonly ConcurrentDictionary<Id<Replica>, Probe> _probes = new();

    private double PeriodMs => options.HealthSeconds * 1_000.0;

    /// <summary>Asks one, and notes what it says.</summary>
    internal async Task ProbeAsync(ReplicaState state, CancellationToken cancellationToken)
    {
        var reason = await AskAsync(state.Replica, cancellationToken);
        var probe = _probes.GetOrAdd(state.Replica.Id, _ => new Probe());
        // What another server did not answer is nothing to this one.
        if (probe.Address != state.Replica.Address)
            (probe.Address, probe.Misses) = (state.Replica.Address, 0);
        var wasSilent = probe.Misses >= MissesOfSilent;
        probe.Misses = reason is null ? 0 : Math.Min(probe.Misses + 1, MissesOfSilent);
        var isSilent = probe.Misses >= MissesOfSilent;
        if (wasSilent == isSilent)
            return;
        state.NoteHealth(!isSilent, ModelFleet.NowOf(time));
        if (isSilent)
            logger.LogWarning("Replica {Replica} of {Model} at {Address} does not answer and gets no requests until it does: {Reason}", state.Replica.Id, state.Replica.Model.Listing, state.Replica.Address, reason);
        else
            logger.LogInformation("Replica {Replica} of {Model} at {Address} answers again.", state.Replica.Id, state.Replica.Model.Listing, state.Replica.Address);
        // Whoever waits for it is served, or told that nobody is left.
        fleets.All.FirstOrDefault(fleet => fleet.Model.Listing == state.Replica.Model.Listing)?.Serve();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var places = new SemaphoreSlim(MostAtOnce, MostAtOnce);
        try
        {
            while (true)
            {
                Look(places, stoppingToken);
                await Task.Delay(TimeSpan.FromMilliseconds(LookMs), time, stoppingToken);
            }
        }
        finally
        {
            // Each ends at once, as its token is cancelled; the places are theirs until then.
            await Task.WhenAll(_probes.Values.Select(probe => probe.Running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Begins with those that are due.</summary>
    private void Look(SemaphoreSlim places, CancellationToken cancellationToken)
    {
        // That a replica may be tried again is told by nobody: a pause is over by itself.
        foreach (var fleet in fleets.All)
            fleet.Serve();
        var now = ModelFleet.NowOf(time);
        // Those at other operators' nodes are asked all at once, by their suppliers' lists.
        List<ReplicaState> there = [.. fleets.Replicas.Where(state => state.Replica.Supplied is null)];
        foreach (var gone in _probes.Keys.Except(there.Select(state => state.Replica.Id)))
        {
            if (_probes[gone].Running.IsCompleted)
                _probes.TryRemove(gone, out _);
        }

        foreach (var state in there)
        {
            // One that is new is asked soon: that it was asked when it was registered says nothing of this node.
            var probe = _probes.GetOrAdd(state.Replica.Id, _ => new Probe { DueAt = now + (long)(random.NextDouble() * Math.Min(1_000, PeriodMs)) });
            if (probe.DueAt > now || !probe.Running.IsCompleted)
                continue;
            // As many as there are places, and of the others those that are due first at the next look.
            if (!places.Wait(0, CancellationToken.None))
                return;
            probe.DueAt = now + (long)(PeriodMs * (1 - Jitter + (2 * Jitter * random.NextDouble())));
            probe.Running = RunAsync(state, places, cancellationToken);
        }
    }

    private async Task RunAsync(ReplicaState state, SemaphoreSlim places, CancellationToken cancellationToken)
    {
        try
        {
            await ProbeAsync(state, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogError(failure, "Replica {Replica} could not be asked whether it is well.", state.Replica.Id);
        }
        finally
        {
            places.Release();
        }
    }

    /// <returns>Why it is not well; null when it is.</returns>
    private async Task<string?> AskAsync(Replica replica, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.HealthMs), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await upstreams.CheckAsync(replica, either.Token);
            return null;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && UpstreamException.Of(exception, patience.IsCancellationRequested) is { } failure)
        {
            return failure.Message;
        }
    }

    private sealed class Probe
    {
        public long DueAt { get; set; }

        /// <summary>Of the server that was asked.</summary>
        public Uri? Address { get; set; }

        public int Misses { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;
    }
}
