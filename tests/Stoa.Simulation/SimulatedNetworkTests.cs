using System.Text;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;

namespace Stoa.Simulation;

public sealed class SimulatedNetworkTests
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    private readonly World _world = new(42);

    [Fact]
    public void Exchange_TakesARoundTripForTheConnectionAndOneForItself() => Run(new NetworkConditions { Jitter = 0 }, async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var latency = network.Latency(one, other);
        var start = _world.Time.GetUtcNow();

        var connection = await one.DialAsync(other.Address, other.Peer, s_never);
        (_world.Time.GetUtcNow() - start).ShouldBe(2 * latency);
        connection.RemotePeer.ShouldBe(other.Peer);
        connection.RemoteAddress.ShouldBe(other.Address);
        connection.IsInitiator.ShouldBeTrue();

        (await AskAsync(connection, "hello")).ShouldBe("hello");
        (_world.Time.GetUtcNow() - start).ShouldBe(4 * latency);
    });

    [Fact]
    public void Latency_IsThePairsOwnAndTheSameBothWays() => Run(new NetworkConditions(), network =>
    {
        var nodes = Enumerable.Range(0, 20).Select(_ => network.AddNode()).ToList();
        network.Latency(nodes[3], nodes[9]).ShouldBe(network.Latency(nodes[9], nodes[3]));
        nodes.Select(node => network.Latency(nodes[0], node)).Distinct().Count().ShouldBe(20);
        nodes.ShouldAllBe(node => network.Latency(nodes[0], node) >= TimeSpan.FromMilliseconds(5) && network.Latency(nodes[0], node) <= TimeSpan.FromMilliseconds(150));
        return Task.CompletedTask;
    });

    [Fact]
    public void Streams_OvertakeEachOtherButKeepTheirOwnOrder() => Run(new NetworkConditions { Jitter = 5 }, async network =>
    {
        var (one, other) = (network.AddNode(), network.AddNode());
        await using var listener = await other.ListenAsync(other.Address, s_never);
        var dialed = await one.DialAsync(other.Address, null, s_never);
        var accepted = (await listener.AcceptAsync(s_never))!;
        for (byte index = 0; index < 50; index++)
        {
            var stream = await dialed.OpenStreamAsync(s_never);
            await stream.WriteAsync(new[] { index }, s_never);
            await stream.WriteAsync(new[] { (byte)(index + 100) }, s_never);
            await stream.CompleteWritesAsync(s_never);
        }

        var order = new List<byte>();
        for (var count = 0; count < 50; count++)
        {
            var bytes = Encoding.Latin1.GetBytes(await ReadToEndAsync((await accepted.AcceptStreamAsync(s_never))!));
            bytes[1].ShouldBe((byte)(bytes[0] + 100));
            order.Add(bytes[0]);
        }

        order.SequenceEqual(order.Order()).ShouldBeFalse();
        order.Order().ShouldBe(Enumerable.Range(0, 50).Select(index => (byte)index));
    });

    [Fact]
    public void Writer_WaitsWhileNobodyReads() => Run(new NetworkConditions(), async network =>
    {
        var (opened, accepted) = await StreamAsync(network);
        var writing = opened.WriteAsync(new byte[300_000], s_never).AsTask();
        await Task.Delay(TimeSpan.FromSeconds(5), _world.Time);
        writing.IsCompleted.ShouldBeFalse();
        await accepted.ReadExactlyAsync(new byte[200_000], s_never);
        await writing;
        await accepted.ReadExactlyAsync(new byte[100_000], s_never);
    });

    [Fact]
    public void Bandwidth_HoldsBytesBack() => Run(new NetworkConditions { Jitter = 0, BytesPerSecond = 100_000 }, async network =>
    {
        var (opened, accepted) = await StreamAsync(network);
        var start = _world.Time.GetUtcNow();
        await opened.WriteAsync(new byte[200_000], s_never);
        await accepted.ReadExactlyAsync(new byte[200_000], s_never);
        (_world.Time.GetUtcNow() - start).TotalSeconds.ShouldBeInRange(2, 2.2);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reset_FromEitherSide_ReachesTheOther(bool isByOpener) => Run(new NetworkConditions(), async network =>
    {
        var (opened, accepted) = await StreamAsync(network);
        var (one, other) = isByOpener ? (opened, accepted) : (accepted, opened);
        one.Reset();
        await Thrown.ByAsync<StreamResetException>(() => ReadToEndAsync(other));
        await Thrown.ByAsync<StreamResetException>(() => other.WriteAsync(new byte[1], s_never).AsTask());
        await Thrown.ByAsync<StreamResetException>(() => one.WriteAsync(new byte[1], s_never).AsTask());
    });

    [Fact]
    public void Cancellation_EndsAReadOnly() => Run(new NetworkConditions(), async network =>
    {
        var (opened, accepted) = await StreamAsync(network);
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1), _world.Time);
        await Thrown.ByAsync<OperationCanceledException>(() => accepted.ReadAsync(new byte[1], soon.Token).AsTask());
        await opened.WriteAsync("late"u8.ToArray(), s_never);
        await opened.CompleteWritesAsync(s_never);
        (await ReadToEndAsync(accepted)).ShouldBe("late");
    });

    [Fact]
    public void Close_ArrivesAfterWhatWasSent() => Run(new NetworkConditions { Jitter = 3 }, async network =>
    {
        var (one, other) = (network.AddNode(), network.AddNode());
        await using var listener = await other.ListenAsync(other.Address, s_never);
        var dialed = await one.DialAsync(other.Address, null, s_never);
        var accepted = (await listener.AcceptAsync(s_never))!;
        var stream = await dialed.OpenStreamAsync(s_never);
        await stream.WriteAsync("last words"u8.ToArray(), s_never);
        await stream.CompleteWritesAsync(s_never);
        await dialed.DisposeAsync();
        (await ReadToEndAsync((await accepted.AcceptStreamAsync(s_never))!)).ShouldBe("last words");
        await accepted.Completion;
        accepted.EndedBecause.ShouldBe("The other side closed it.");
        (await accepted.AcceptStreamAsync(s_never)).ShouldBeNull();
    });

    [Fact]
    public void Dial_ToNobody_SaysWhy() => Run(new NetworkConditions(), async network =>
    {
        var (one, other, deaf) = (network.AddNode(), network.AddNode(), network.AddNode());
        await using var listener = await other.ListenAsync(Multiaddr.OfMemory(0), s_never);
        listener.Address.ShouldBe(other.Address);
        await Thrown.ByAsync<IOException>(() => other.ListenAsync(other.Address, s_never));
        await Thrown.ByAsync<IOException>(() => one.ListenAsync(deaf.Address, s_never));
        (await FaultAsync(one, Multiaddr.Parse("/ip4/127.0.0.1/tcp/1"))).ShouldBe(ConnectFault.NoAddress);
        (await FaultAsync(one, Multiaddr.OfMemory(99))).ShouldBe(ConnectFault.Unreachable);
        (await FaultAsync(one, deaf.Address)).ShouldBe(ConnectFault.Unreachable);
        (await Thrown.ByAsync<ConnectException>(() => one.DialAsync(other.Address, deaf.Peer, s_never))).Fault.ShouldBe(ConnectFault.OtherPeer);
        network.Conditions = network.Conditions with { ConnectLoss = 1 };
        (await FaultAsync(one, other.Address)).ShouldBe(ConnectFault.TimedOut);
    });

    [Fact]
    public void Death_WithNotice_IsLearnedAtOnceAndRefusesConnections() => Run(new NetworkConditions(), async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var connection = await one.DialAsync(other.Address, null, s_never);
        var start = _world.Time.GetUtcNow();
        other.Die(isSilent: false);
        await connection.Completion;
        (_world.Time.GetUtcNow() - start).ShouldBeLessThan(TimeSpan.FromMilliseconds(200));
        (await FaultAsync(one, other.Address)).ShouldBe(ConnectFault.Unreachable);

        other.Revive();
        await using var listener = await other.ListenAsync(other.Address, s_never);
        await one.DialAsync(other.Address, other.Peer, s_never);
    });

    [Fact]
    public void Death_WithoutNotice_IsLearnedByWaiting() => Run(new NetworkConditions(), async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var connection = await one.DialAsync(other.Address, null, s_never);
        var stream = await connection.OpenStreamAsync(s_never);
        var start = _world.Time.GetUtcNow();
        other.Die(isSilent: true);
        await stream.WriteAsync("anybody?"u8.ToArray(), s_never);
        await Thrown.ByAsync<StreamResetException>(() => ReadToEndAsync(stream));
        await connection.Completion;
        (_world.Time.GetUtcNow() - start).ShouldBe(TimeSpan.FromSeconds(30));
        (await FaultAsync(one, other.Address)).ShouldBe(ConnectFault.TimedOut);
    });

    [Fact]
    public void Partition_ThatHealsSoon_OnlyDelays() => Run(new NetworkConditions(), async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var connection = await one.DialAsync(other.Address, null, s_never);
        network.Partition([other]);
        var asking = AskAsync(connection, "hello");
        await Task.Delay(TimeSpan.FromSeconds(15), _world.Time);
        asking.IsCompleted.ShouldBeFalse();
        (await FaultAsync(one, other.Address)).ShouldBe(ConnectFault.TimedOut);
        network.Heal();
        (await asking).ShouldBe("hello");
    }, within: TimeSpan.FromMinutes(2));

    [Fact]
    public void Partition_ThatStays_EndsConnectionsOnBothSidesAndSparesOthers() => Run(new NetworkConditions(), async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var (friend, _) = await EchoingAsync(network);
        await using var listener = await one.ListenAsync(one.Address, s_never);
        var across = await one.DialAsync(other.Address, null, s_never);
        var within = await friend.DialAsync(one.Address, null, s_never);
        network.Partition([one, friend]);
        await across.Completion;
        within.EndedBecause.ShouldBeNull();
        other.Links.ShouldBeEmpty();
        await friend.DialAsync(one.Address, null, s_never);
    });

    [Fact]
    public void Loss_OfAStream_SparesTheConnection() => Run(new NetworkConditions(), async network =>
    {
        var (one, other) = await EchoingAsync(network);
        var connection = await one.DialAsync(other.Address, null, s_never);
        var stream = await connection.OpenStreamAsync(s_never);
        network.Conditions = network.Conditions with { StreamLoss = 1 };
        await stream.WriteAsync("lost"u8.ToArray(), s_never);
        network.Conditions = network.Conditions with { StreamLoss = 0 };
        await Thrown.ByAsync<StreamResetException>(() => ReadToEndAsync(stream));
        (await AskAsync(connection, "hello")).ShouldBe("hello");
    });

    [Fact]
    public void Histories_OfOneSeed_AgreeAndOfAnotherDoNot()
    {
        static (ulong, long) HistoryOf(int seed)
        {
            var world = new World(seed);
            var network = new SimulatedNetwork(world, new NetworkConditions { StreamLoss = 0.01, ConnectLoss = 0.1, BytesPerSecond = 1e6 });
            world.Run(() => ChatterAsync(network, nodes: 60, exchanges: 30));
            return (world.History, world.Happenings);
        }

        HistoryOf(5).ShouldBe(HistoryOf(5));
        HistoryOf(5).ShouldNotBe(HistoryOf(6));
    }

    /// <summary>Everybody asks others at random, while some die and the network falls apart and together.</summary>
    private static async Task ChatterAsync(SimulatedNetwork network, int nodes, int exchanges)
    {
        var random = network.World.RandomOf(99);
        for (var count = 0; count < nodes; count++)
            _ = ServeAsync(await network.AddNode().ListenAsync(Multiaddr.OfMemory(0), s_never));
        await Task.WhenAll([TroubleAsync(), .. network.Nodes.Select(ChatAsync)]);

        async Task TroubleAsync()
        {
            for (var round = 0; round < 5; round++)
            {
                network.Partition(network.Nodes.Where(_ => random.Next(2) == 0).ToList());
                network.Nodes[random.Next(nodes)].Die(isSilent: random.Next(2) == 0);
                await Task.Delay(TimeSpan.FromSeconds(random.Next(60)), network.World.Time);
                network.Heal();
                await Task.Delay(TimeSpan.FromSeconds(random.Next(60)), network.World.Time);
            }
        }

        async Task ChatAsync(SimulatedNode node)
        {
            for (var exchange = 0; exchange < exchanges; exchange++)
            {
                try
                {
                    await using var connection = await node.DialAsync(network.Nodes[random.Next(nodes)].Address, null, s_never);
                    await AskAsync(connection, new string('x', random.Next(1, 5000)));
                }
                catch (IOException)
                {
                    // That is the trouble.
                }
            }
        }
    }

    private void Run(NetworkConditions conditions, Func<SimulatedNetwork, Task> act, TimeSpan? within = null) =>
        _world.Run(() => act(new SimulatedNetwork(_world, conditions)), within);

    private static async Task<(SimulatedNode, SimulatedNode Echoing)> EchoingAsync(SimulatedNetwork network)
    {
        var (one, other) = (network.AddNode(), network.AddNode());
        _ = ServeAsync(await other.ListenAsync(other.Address, s_never));
        return (one, other);
    }

    private static async Task<(MuxedStream Opened, MuxedStream Accepted)> StreamAsync(SimulatedNetwork network)
    {
        var (one, other) = (network.AddNode(), network.AddNode());
        await using var listener = await other.ListenAsync(other.Address, s_never);
        var dialed = await one.DialAsync(other.Address, null, s_never);
        var accepted = (await listener.AcceptAsync(s_never))!;
        var opened = await dialed.OpenStreamAsync(s_never);
        return (opened, (await accepted.AcceptStreamAsync(s_never))!);
    }

    private static async Task ServeAsync(IListener listener)
    {
        while (await listener.AcceptAsync(s_never) is { } connection)
            _ = EchoesAsync(connection);

        static async Task EchoesAsync(IPeerConnection connection)
        {
            while (await connection.AcceptStreamAsync(s_never) is { } stream)
                _ = EchoAsync(stream);
        }
    }

    private static async Task EchoAsync(MuxedStream stream)
    {
        await using (stream)
        {
            try
            {
                var text = await ReadToEndAsync(stream);
                await stream.WriteAsync(Encoding.UTF8.GetBytes(text), s_never);
                await stream.CompleteWritesAsync(s_never);
            }
            catch (StreamResetException)
            {
                // The asker is gone.
            }
        }
    }

    private static async Task<string> AskAsync(IPeerConnection connection, string text)
    {
        await using var stream = await connection.OpenStreamAsync(s_never);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text), s_never);
        await stream.CompleteWritesAsync(s_never);
        return await ReadToEndAsync(stream);
    }

    private static async Task<string> ReadToEndAsync(MuxedStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[1000];
        int read;
        while ((read = await stream.ReadAsync(buffer, s_never)) > 0)
            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        return text.ToString();
    }

    private static async Task<ConnectFault> FaultAsync(SimulatedNode node, Multiaddr address) =>
        (await Thrown.ByAsync<ConnectException>(() => node.DialAsync(address, null, s_never))).Fault;
}
