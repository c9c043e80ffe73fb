using System.Security.Cryptography;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Background;
using Stoa.Node.Inference.Local;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Storage;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Keeps what is registered in memory: read at the start, and again when something has changed, here or at another node of the cell.</summary>
/// <param name="database">The cell's.</param>
/// <param name="replicas">Opens keys.</param>
/// <param name="local">Those that this node runs itself.</param>
/// <param name="supplied">Those at other operators' nodes.</param>
/// <param name="fleets">Gets the replicas.</param>
/// <param name="routes">Gets the routes for everybody.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Of failures.</param>
public sealed class ReplicaDirectory(
    Database database, SqlReplicaStore replicas, LocalReplicas local, SuppliedReplicas supplied, ModelFleets fleets, ModelRoutes routes, TimeProvider time, ILogger<ReplicaDirectory> logger) : BackgroundService
{
    private const string ReadStep = "read the replicas and routes";

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(2);

    // Who publishes what, and whose routes there are, changes with accounts too, which do not count here.
    private static readonly TimeSpan s_reading = TimeSpan.FromMinutes(1);

    private readonly FailureLog _failures = new(logger, time);
    private readonly SemaphoreSlim _one = new(1, 1);
    private IReadOnlyList<Replica> _registered = [];
    private long _ownNumber;
    private ChangeNumbers _seen = new(0, 0);
    private long _readAt;

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything is asked; where the database is away just now, a moment later.
        await _failures.TryAsync(ReadStep, RefreshAsync, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Reads what is registered, if it has changed: what was written before is known here afterwards.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            var isOld = time.GetElapsedTime(_readAt) >= s_reading;
            // Before they are read: what comes meanwhile is another change.
            var ownNumber = local.Number + supplied.Number;
            var read = await database.ReadAsync(session => ReadAsync(session, isOld), cancellationToken);
            if (read?.Replicas is { } registered)
            {
                var keys = Open(read.Keys);
                _registered = [.. registered.Select(replica => keys.TryGetValue(replica.Id, out var key) ? replica with { Key = key } : replica)];
            }

            if (read?.Replicas is not null || ownNumber != _ownNumber)
                fleets.Become([.. _registered, .. local.Replicas, .. supplied.Replicas]);
            _ownNumber = ownNumber;
            if (read is null)
                return;
            if (read.Routes is { } forAll)
                routes.Become(forAll);
            _seen = read.Seen;
            if (isOld)
                _readAt = time.GetTimestamp();
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _one.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var signal = database.GetSignal(InferenceChanges.Topic);
        while (true)
        {
            var seen = signal.Value;
            await signal.WaitBeyondAsync(seen, s_look, time, stoppingToken);
            await _failures.TryAsync(ReadStep, RefreshAsync, stoppingToken);
        }
    }

    private async Task<Registered?> ReadAsync(SqlSession session, bool isOld)
    {
        var now = await InferenceChanges.ReadAsync(session);
        var (areReplicasOld, areRoutesOld) = (isOld || now.Replicas != _seen.Replicas, isOld || now.Routes != _seen.Routes);
        if (!areReplicasOld && !areRoutesOld)
            return null;
        return new Registered(
            now,
            areReplicasOld ? await SqlReplicaStore.ListAsync(session) : null,
            areReplicasOld ? await SqlReplicaStore.ListKeysAsync(session) : [],
            areRoutesOld ? await SqlRouteStore.ListForAllAsync(session) : null);
    }

    private Dictionary<Id<Replica>, ReplicaKey> Open(IReadOnlyList<(Id<Replica> Id, byte[] Box)> sealedKeys)
    {
        var opened = new Dictionary<Id<Replica>, ReplicaKey>(sealedKeys.Count);
        foreach (var (id, box) in sealedKeys)
        {
            try
            {
                opened[id] = new ReplicaKey(replicas.Open(id, box));
            }
            catch (CryptographicException failure)
            {
                // The others are served all the same; this one will say that it wants a key.
                _failures.TellOf("open the key of", id, failure);
            }
        }

        return opened;
    }

    /// <param name="Seen">As of which changes.</param>
    /// <param name="Replicas">All; null when they are as before.</param>
    /// <param name="Keys">Of replicas.</param>
    /// <param name="Routes">Those for everybody; null when they are as before.</param>
    private sealed record Registered(ChangeNumbers Seen, IReadOnlyList<Replica>? Replicas, IReadOnlyList<(Id<Replica> Id, byte[] Box)> Keys, IReadOnlyList<ModelRoute>? Routes);
}
