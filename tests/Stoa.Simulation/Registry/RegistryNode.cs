using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Node.Background;
using Stoa.Node.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>A node with its disk, its clock and the keys of its publishers. Between starts and crashes it runs what a node runs of the registry.</summary>
internal sealed class RegistryNode
{
    private readonly World _world;
    private readonly RegistryWorldOptions _options;
    private readonly OpenedStatements _opened;
    private readonly PrivateKey _key;
    private readonly Random _chance;
    private Run? _run;

    public RegistryNode(World world, SimulatedNode node, PrivateKey key, IReadOnlyList<PrivateKey> publishers, TimeSpan skew, StatementDisk disk, OpenedStatements opened, RegistryWorldOptions options)
    {
        (_world, Node, _key, Publishers, Disk, _opened, _options) = (world, node, key, publishers, disk, opened, options);
        Clock = new SkewedTime(world.Time, skew);
        _chance = world.RandomOf(100_000 + node.Number);
        foreach (var publisher in publishers)
            disk.Raise(publisher.PublicKey.PeerId, SignerStanding.Own);
    }

    public SimulatedNode Node { get; }

    public SkewedTime Clock { get; }

    public StatementDisk Disk { get; }

    /// <summary>Whose keys this node's cell has.</summary>
    public IReadOnlyList<PrivateKey> Publishers { get; }

    public bool IsUp => _run is not null;

    /// <summary>How often it has crashed.</summary>
    public int Crashes { get; private set; }

    public PeerAddress Address => new(_key.PublicKey.PeerId, [Node.Address]);

    public Host Host => Running.Host;

    public StatementTopic Topic => Running.Topic;

    public UnwantedStatements Unwanted => Running.Unwanted;

    public ReplicaIndex Index => Running.Index;

    private Run Running => _run ?? throw new IOException($"{Node} is down.");

    /// <summary>Starts what a node runs of the registry, on what its disk has.</summary>
    public async Task StartAsync()
    {
        var statements = new DiskStatements(Disk);
        var index = new ReplicaIndex(Draw());
        var unwanted = new UnwantedStatements(Clock, _options.UnwantedCapacity);
        var telemetry = new ReplicationTelemetry(new Meters());
        var intake = new StatementIntake(statements, index, unwanted, telemetry, Clock, _opened.Open);
        var follower = new ReplicaFollower(statements, index, Draw, Clock);
        var host = new Host(_key, [Node], new HostOptions(), Clock, _world.RandomOf((Crashes * 1_000_000) + Node.Number));
        IdentifyProtocol.Serve(host);
        var last = (await statements.LastAsync(CancellationToken.None)).Added;
        var topic = new StatementTopic(host, allowsPrivateAddresses: true, statements, last, intake, Disk.Policy, new FailureLog(NullLogger.Instance, Clock), Clock);
        var replica = new DiskReplica(statements, index, unwanted, intake);
        var sessions = new RegistrySessions(host, replica, follower, _options.Registry, telemetry, Draw, Clock, NullLogger.Instance);
        sessions.Open();
        var stop = new CancellationTokenSource();
        _run = new Run(statements, index, unwanted, telemetry, host, topic, new HlcClock(Clock, StatementLimits.MaxAhead), stop)
        {
            Working = Task.WhenAll(sessions.RunAsync(stop.Token), topic.FollowAsync(stop.Token)),
        };
        await host.ListenAsync(Node.Address, stop.Token);
    }

    /// <summary>The power fails, or the process ends. What was not through to the disk is lost.</summary>
    /// <param name="isSilent">Whether others are not told.</param>
    public async Task CrashAsync(bool isSilent)
    {
        var run = Running;
        _run = null;
        Crashes++;
        run.Statements.Close();
        Disk.Crash();
        Node.Die(isSilent);
        // What is left of the run in memory goes, and can neither write nor send any more.
        run.Stop.Cancel();
        try
        {
            await run.Working;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // As a process that is killed.
        }

        await run.Topic.DisposeAsync();
        await run.Host.DisposeAsync();
        run.Telemetry.Dispose();
        run.Stop.Dispose();
    }

    /// <summary>Starts again on what the disk has.</summary>
    public Task RestartAsync()
    {
        Node.Revive();
        return StartAsync();
    }

    /// <summary>Has one of its publishers say something, as the node's own publishing does: later than what it takes the place of.</summary>
    /// <returns>The statement when it was acknowledged; null when the node crashed before.</returns>
    public async Task<Statement?> SayAsync(PrivateKey publisher, StatementContent content)
    {
        var run = Running;
        var kept = Disk.ListByKey(MergeKey.Of(publisher.PublicKey.PeerId, content));
        var now = run.Hlc.Now();
        var at = kept is [var before, ..] && before.Hlc >= now ? before.Hlc.Next() : now;
        return await AddAsync(run, Statement.SignWorked(publisher, at, content, Disk.Policy, CancellationToken.None).Value, isOwn: true);
    }

    /// <summary>Gives it a statement by hand, as anybody can over its API.</summary>
    /// <returns>The statement when it was acknowledged; null when it was refused, or the node crashed before.</returns>
    public Task<Statement?> GiveAsync(Statement statement) => AddAsync(Running, statement, isOwn: false);

    /// <summary>Forgets what is over by its clock, as a node does now and then; one that is down does not.</summary>
    public async Task ForgetOversAsync()
    {
        try
        {
            if (_run is { } run)
                await run.Statements.ForgetOversAsync(Clock.GetUtcNow(), int.MaxValue, run.Stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It has crashed, and looks again when it is up.
        }
    }

    private async Task<Statement?> AddAsync(Run run, Statement statement, bool isOwn)
    {
        try
        {
            // What one node of a cell has said another can take back, whose clock is behind.
            var now = Clock.GetUtcNow();
            var said = DateTimeOffset.FromUnixTimeMilliseconds(statement.Hlc.UnixTimeMs);
            var outcomes = await run.Statements.AddAsync([statement], isOwn && said > now ? said : now, run.Stop.Token);
            return outcomes[0].Refusal is null ? statement : null;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return null;
        }
    }

    private SipKey Draw() => new((ulong)_chance.NextInt64(), (ulong)_chance.NextInt64());

    /// <summary>One run of the program.</summary>
    private sealed record Run(
        DiskStatements Statements,
        ReplicaIndex Index,
        UnwantedStatements Unwanted,
        ReplicationTelemetry Telemetry,
        Host Host,
        StatementTopic Topic,
        HlcClock Hlc,
        CancellationTokenSource Stop)
    {
        public required Task Working { get; init; }
    }

    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
            // Whoever made a meter disposes of it.
        }
    }
}
