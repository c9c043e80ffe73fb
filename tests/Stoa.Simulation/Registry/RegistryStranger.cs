using Stoa.Market.Registry;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Network.Gossip;
using Stoa.Network.Hosting;
using Stoa.Node.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>What a peer of the registry does that means no good.</summary>
internal enum Malice
{
    /// <summary>Gives and tells of true payloads with spoilt signatures.</summary>
    Forges,

    /// <summary>Says that it has statements, and does not give them.</summary>
    Withholds,

    /// <summary>Takes up sessions, and does not answer.</summary>
    KeepsSilent,

    /// <summary>Sends bytes that are no messages, in question and in answer.</summary>
    SendsGarbage,

    /// <summary>Gives and tells again and again all that was ever said.</summary>
    Replays,

    /// <summary>Signs statements of a time that has not come.</summary>
    ForeTells,

    /// <summary>Makes keys, and for each as many statements as a stranger may have, with their work.</summary>
    Floods,
}

/// <summary>A peer that means no good. It speaks the protocol by the node's own code, over a replica that lies, or writes bytes as it likes.</summary>
internal sealed class RegistryStranger : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(15);

    private readonly RegistryWorld _world;
    private readonly Host _host;
    private readonly Malice _malice;
    private readonly Random _random;
    private readonly LyingReplica _replica;
    private readonly GossipRouter _router;
    private readonly IAsyncDisposable _subscription;
    private readonly List<SignedStatement> _made = [];

    private RegistryStranger(RegistryWorld world, Host host, Malice malice, int number)
    {
        (_world, _host, _malice, _random) = (world, host, malice, world.World.RandomOf(3_000_000 + number));
        _replica = new LyingReplica(new ReplicaIndex(Draw(), maxOthers: 1), new UnwantedStatements(host.Time), malice);
        _router = new GossipRouter(host, new GossipOptions { IdOf = StatementTopic.IdOf, AllowsPrivateAddresses = true });
        // It passes nothing on.
        _subscription = _router.Subscribe(
            StatementTopic.Name, new TopicOptions { Validator = (messages, _) => new ValueTask<IReadOnlyList<GossipVerdict>>([.. messages.Select(_ => GossipVerdict.Ignore)]) });
        host.Handle(RegistryProtocol.Name, AnswerAsync);
    }

    /// <summary>Sessions that it has begun and somebody has taken up.</summary>
    public int Sessions { get; private set; }

    public static async Task<RegistryStranger> StartAsync(RegistryWorld world, Malice malice, int number) => new(world, await world.AddStrangerAsync(), malice, number);

    /// <summary>Does harm until it is stopped, and is disposed of then.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await _world.PassAsync(s_pause * (0.5 + _random.NextDouble()));
            Learn();
            var victims = _world.Nodes.Where(node => node.IsUp && _host.IsConnected(node.Node.Peer)).ToList();
            if (victims.Count == 0)
            {
                await TryAsync(() => _host.ConnectAsync(_world.Nodes[_random.Next(_world.Nodes.Count)].Node.Address, stop));
                continue;
            }

            if (_made.Count > 0)
                await TryAsync(() => _router.PublishAsync(StatementTopic.Name, StatementMessage.Write(_made[_random.Next(_made.Count)]), stop));
            await TryAsync(() => AskAsync(victims[_random.Next(victims.Count)].Node.Peer, stop));
        }

        await DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _subscription.DisposeAsync();
        await _router.DisposeAsync();
        await _host.DisposeAsync();
    }

    private void Learn()
    {
        IEnumerable<SignedStatement> more = _malice switch
        {
            // The replayer has what others have forgotten as well.
            Malice.Replays or Malice.Withholds => _world.Acknowledged.Select(SignedStatement.Of),
            Malice.Forges => _world.Acknowledged.Select(statement => new SignedStatement(statement.Payload, Spoil(statement.Signature))),
            Malice.ForeTells => [Sign(_world.NewKey(), TimeSpan.FromHours(12))],
            Malice.Floods => Flood(),
            _ => [],
        };
        foreach (var statement in more)
        {
            if (_replica.Add(statement))
                _made.Add(statement);
        }
    }

    private IEnumerable<SignedStatement> Flood()
    {
        var key = _world.NewKey();
        var quota = _world.Options.Policy.Stranger.Statements;
        // One more than it may have.
        for (var number = 0; number <= quota; number++)
            yield return Sign(key, TimeSpan.Zero, $"flood-{number}");
    }

    private SignedStatement Sign(PrivateKey key, TimeSpan ahead, string name = "oracle")
    {
        var at = new Hlc((_host.Time.GetUtcNow() + ahead).ToUnixTimeMilliseconds(), 0);
        var content = new DeprecationStatement(name, null, true, null, new string('x', StatedReason.MaxLength));
        return SignedStatement.Of(Statement.SignWorked(key, at, content, _world.Options.Policy, CancellationToken.None).Value);
    }

    private async Task AskAsync(PeerId peer, CancellationToken stop)
    {
        await using var stream = await _host.OpenStreamAsync(peer, [RegistryProtocol.Name], stop);
        Sessions++;
        switch (_malice)
        {
            case Malice.SendsGarbage:
                await stream.WriteMessageAsync(Garbage(), stop);
                await stream.ReadMessageAsync(ReplicationLimits.MaxMessageBytes, stop);
                break;
            case Malice.KeepsSilent:
                await _world.PassAsync(RegistryProtocol.MaxWait * 2);
                break;
            default:
                await new AskingSide(_replica, new PeerChannel(stream, _host.Time), Draw(), null).RunAsync(stop);
                break;
        }
    }

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        switch (_malice)
        {
            case Malice.SendsGarbage:
                await stream.ReadMessageAsync(ReplicationLimits.MaxMessageBytes, cancellationToken);
                await stream.WriteMessageAsync(Garbage(), cancellationToken);
                break;
            case Malice.KeepsSilent:
                await _world.World.PassAsync(RegistryProtocol.MaxSession * 2, cancellationToken);
                break;
            default:
                await new AnsweringSide(_replica, new PeerChannel(stream, _host.Time), Draw()).RunAsync(cancellationToken);
                break;
        }
    }

    private byte[] Garbage()
    {
        // Some of it begins as a message would.
        var bytes = new byte[_random.Next(1, 500)];
        _random.NextBytes(bytes);
        bytes[0] = (byte)_random.Next(16);
        return bytes;
    }

    private static byte[] Spoil(byte[] signature) => [.. signature[..^1], (byte)(signature[^1] ^ 1)];

    private SipKey Draw() => new((ulong)_random.NextInt64(), (ulong)_random.NextInt64());

    private static async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            // They have had enough of it.
        }
    }

    /// <summary>What it claims to have, and what it gives of it. It takes in nothing.</summary>
    private sealed class LyingReplica(ReplicaIndex index, UnwantedStatements unwanted, Malice malice) : IReplica
    {
        private readonly Dictionary<ContentHash, SignedStatement> _statements = [];

        public ReplicaIndex Index => index;

        public UnwantedStatements Unwanted => unwanted;

        public bool Add(SignedStatement statement)
        {
            if (!_statements.TryAdd(statement.Id, statement))
                return false;
            index.Apply([statement.Id], []);
            return true;
        }

        public Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken) =>
            Task.FromResult(new ReadStatements(ids.Count, malice is Malice.Withholds ? [] : [.. ids.Where(_statements.ContainsKey).Select(id => _statements[id])]));

        public Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken) => Task.FromResult(default(IntakeReport));
    }
}
