using Stoa.Market.Registry.Replication;
using Stoa.Node.Network;

namespace Stoa.Node.Registry.Replication;

/// <summary>Compares the statements of this node with those of others for as long as the node runs.</summary>
internal sealed class RegistrySync(
    NetworkService network, SqlReplica replica, ReplicaFollower follower, RegistryOptions options, ReplicationTelemetry telemetry, Func<SipKey> drawKey, TimeProvider time, ILogger<RegistrySync> log)
    : BackgroundService
{
    private RegistrySessions? _sessions;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // A node that takes no part has nobody to compare with.
        if (network.Host is not { } host)
            return Task.CompletedTask;
        _sessions = new RegistrySessions(host, replica, follower, options, telemetry, drawKey, time, log);
        _sessions.Open();
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _sessions!.RunAsync(stoppingToken);
}
