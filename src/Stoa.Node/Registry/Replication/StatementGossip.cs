using System.Threading.Channels;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Gossip;
using Stoa.Node.Background;
using Stoa.Node.Network;

namespace Stoa.Node.Registry.Replication;

/// <summary>Tells the network at once what is said here, and hears what others say, for as long as the node takes part.</summary>
/// <remarks>
/// What is new of this cell's own is found by its sequence, whichever node of the cell has written it; what was given to this node by hand is announced by who took it.
/// </remarks>
internal sealed class StatementGossip(
    NetworkService network, IStatementChanges changes, StatementIntake intake, AdmissionPolicy policy, TimeProvider time, ILogger<StatementGossip> logger) : BackgroundService
{
    /// <summary>The topic of statements.</summary>
    public const string Topic = StatementTopic.Name;

    private const int MaxWaiting = 1_000;

    private readonly Channel<Statement> _given = Channel.CreateBounded<Statement>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });
    private StatementTopic? _topic;

    /// <summary>Who is told, and hears, of statements here; null while the node takes no part.</summary>
    internal GossipRouter? Router => _topic?.Router;

    /// <summary>Has a statement announced that somebody has given to this node. When there is too much to announce it is left to comparisons.</summary>
    public void Announce(Statement statement) => _given.Writer.TryWrite(statement);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (network.Host is not { } host)
            return;
        var toldTo = (await changes.LastAsync(cancellationToken)).Added;
        _topic = new StatementTopic(host, network.AllowsPrivateAddresses, changes, toldTo, intake, policy, new FailureLog(logger, time), time);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_topic is { } topic)
            await topic.DisposeAsync();
        _topic = null;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var topic = _topic!;
        return Task.WhenAll(topic.FollowAsync(stoppingToken), topic.PassOnAsync(_given.Reader, stoppingToken));
    }
}
