using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Hosts in one thread on virtual time, over a simulated network.</summary>
public sealed class HostTests
{
    private const string Echo = "/test/echo/1.0.0";

    private static readonly CancellationToken s_none = CancellationToken.None;

    [Fact]
    public void Peers_ThatMeet_KnowWhoTheOtherIs() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());

        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(2));

        foreach (var (one, other) in new[] { (ann.Host, bob.Host), (bob.Host, ann.Host) })
        {
            one.ConnectedPeers.ShouldBe([other.Id]);
            var said = one.Peers.DescriptionOf(other.Id).ShouldNotBeNull();
            said.AgentVersion.ShouldBe("stoa");
            said.Protocols.ShouldContain(PingProtocol.Name);
            said.Addresses.ShouldBe(other.Addresses);
            PeerRecord.Open(said.Record!.Value.Span).Peer.ShouldBe(other.Id);
        }
    });

    [Fact]
    public void Protocol_HandledLater_IsPushed() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(2));

        bob.Host.Handle(Echo, (_, _) => Task.CompletedTask);
        await world.PassAsync(TimeSpan.FromSeconds(2));
        ann.Host.Peers.Speaks(bob.Host.Id, Echo).ShouldBeTrue();

        bob.Host.Unhandle(Echo);
        await world.PassAsync(TimeSpan.FromSeconds(2));
        ann.Host.Peers.Speaks(bob.Host.Id, Echo).ShouldBeFalse();
    });

    [Fact]
    public void Ping_TakesAsLongAsTheWayThereAndBack() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(2));

        var time = await PingProtocol.PingAsync(ann.Host, bob.Host.Id, s_none);

        time.ShouldBeInRange(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(400));
    });

    [Fact]
    public void Dials_OfOnePeerAtOnce_AreOne() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());

        var dials = Enumerable.Range(0, 10).Select(_ => ann.Host.ConnectAsync(bob.Address, s_none)).ToList();

        (await Task.WhenAll(dials)).Distinct().ShouldHaveSingleItem();
        ann.Host.Connections.Count.ShouldBe(1);
    });

    [Fact]
    public void Peer_ThatIsNotThere_IsNotTriedAgainAtOnce() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        bob.Node.Die(isSilent: true);
        ann.Host.Peers.Add(bob.Host.Id, bob.Host.Addresses, AddressSource.Told);

        (await Thrown.ByAsync<ConnectException>(() => ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none))).Fault.ShouldBeOneOf(ConnectFault.TimedOut, ConnectFault.Unreachable);
        var before = ann.Host.Time.GetTimestamp();
        (await Thrown.ByAsync<ConnectException>(() => ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none))).Fault.ShouldBe(ConnectFault.Unreachable);
        ann.Host.Time.GetElapsedTime(before).ShouldBe(TimeSpan.Zero);

        bob.Node.Revive();
        await bob.Host.ListenAsync(bob.Node.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(10));
        (await Thrown.ByAsync<NegotiationException>(() => ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none))).IsNothingInCommon.ShouldBeTrue();
    });

    [Fact]
    public void Peer_WithoutAnAddress_IsRefused() => Run(async world =>
    {
        var ann = await world.StartAsync();
        using var stranger = PrivateKey.Generate();

        (await Thrown.ByAsync<ConnectException>(() => ann.Host.OpenStreamAsync(stranger.PublicKey.PeerId, [Echo], s_none))).Fault.ShouldBe(ConnectFault.NoAddress);
        (await Thrown.ByAsync<ConnectException>(() => ann.Host.OpenStreamAsync(ann.Host.Id, [Echo], s_none))).Fault.ShouldBe(ConnectFault.Refused);
    });

    [Fact]
    public void Peer_ThatBreaksProtocols_IsShutOut_ForAWhile() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        bob.Host.Handle(Echo, async (stream, token) => await stream.ReadMessageAsync(100, token));
        await ann.Host.ConnectAsync(bob.Address, s_none);

        for (var count = 0; count <= bob.Host.Options.MaxOffences && ann.Host.IsConnected(bob.Host.Id); count++)
        {
            await using var stream = await ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none);
            await stream.WriteMessageAsync(new byte[101], s_none);
            await world.PassAsync(TimeSpan.FromSeconds(1));
        }

        ann.Host.IsConnected(bob.Host.Id).ShouldBeFalse();
        // It comes again at once, and is not let stay.
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        bob.Host.IsConnected(ann.Host.Id).ShouldBeFalse();
        await world.PassAsync(bob.Host.Options.ShutOut);
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        bob.Host.IsConnected(ann.Host.Id).ShouldBeTrue();
    });

    [Fact]
    public void Streams_OfOnePeer_AreBounded() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        var open = 0;
        bob.Host.Handle(
            Echo,
            async (stream, token) =>
            {
                open++;
                await Task.Delay(TimeSpan.FromHours(1), bob.Host.Time, token);
            },
            new HandlerOptions(MaxStreamsPerPeer: 3));
        await ann.Host.ConnectAsync(bob.Address, s_none);

        for (var number = 0; number < 10; number++)
            await (await ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none)).WriteMessageAsync(new byte[] { 1 }, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(2));

        open.ShouldBe(3);
    });

    [Fact]
    public void Handler_WithADeadline_IsEnded() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        bob.Host.Handle(Echo, async (stream, token) => await stream.ReadMessageAsync(100, token), HandlerOptions.Exchange);
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await using var stream = await ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none);

        var begin = ann.Host.Time.GetTimestamp();
        await Thrown.ByAsync<StreamResetException>(async () => await stream.ReadAsync(new byte[1], s_none));

        ann.Host.Time.GetElapsedTime(begin).ShouldBeInRange(TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(31));
        ann.Host.IsConnected(bob.Host.Id).ShouldBeTrue();
    });

    [Fact]
    public void Connections_TooMany_TheLeastUsefulEnd() => Run(async world =>
    {
        var options = new HostOptions { MaxConnections = 12, HighWater = 10, LowWater = 6 };
        var hub = await world.StartAsync(options);
        var others = new List<Peer>();
        for (var number = 0; number < 10; number++)
        {
            others.Add(await world.StartAsync());
            await hub.Host.ConnectAsync(others[^1].Address, s_none);
        }

        hub.Host.Value(others[9].Host.Id, "test", 10);
        hub.Host.ConnectedPeers.Count.ShouldBe(10);
        await world.PassAsync(options.TrimGrace + TimeSpan.FromSeconds(1));

        await (await world.StartAsync()).Host.ConnectAsync(hub.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(1));

        // The new one is too young to go.
        hub.Host.ConnectedPeers.Count.ShouldBe(6);
        hub.Host.ConnectedPeers.ShouldContain(others[9].Host.Id);
        hub.Host.ConnectedPeers.ShouldNotContain(others[8].Host.Id);
    });

    [Fact]
    public void Protocol_ThatIsKnownToBeSpoken_CostsNoRoundTripToAgreeOn() => Run(async world =>
    {
        var (ann, bob) = (await world.StartAsync(), await world.StartAsync());
        bob.Host.Handle(Echo, async (stream, token) =>
        {
            if (await stream.ReadMessageAsync(100, token) is { } message)
                await stream.WriteMessageAsync(message, token);
            await stream.CompleteWritesAsync(token);
        });
        await ann.Host.ConnectAsync(bob.Address, s_none);
        await world.PassAsync(TimeSpan.FromSeconds(2));

        async Task<TimeSpan> AskAsync()
        {
            var begin = ann.Host.Time.GetTimestamp();
            await using var stream = await ann.Host.OpenStreamAsync(bob.Host.Id, [Echo], s_none);
            await stream.WriteMessageAsync(new byte[] { 1, 2, 3 }, s_none);
            (await stream.ReadMessageAsync(100, s_none))!.Value.ToArray().ShouldBe([1, 2, 3]);
            return ann.Host.Time.GetElapsedTime(begin);
        }

        var known = await AskAsync();
        ann.Host.Peers.Identify(bob.Host.Id, new PeerDescription(new HashSet<string>(), bob.Host.Addresses, "", null));
        var unknown = await AskAsync();

        (unknown / known).ShouldBeInRange(1.5, 3);
        // What is known may be wrong: then the answer is no, and comes with the first read.
        bob.Host.Unhandle(Echo);
        ann.Host.Peers.Identify(bob.Host.Id, new PeerDescription(new HashSet<string> { Echo }, bob.Host.Addresses, "", null));
        for (var number = 0; number <= bob.Host.Options.MaxOffences; number++)
            await Thrown.ByAsync<IOException>(AskAsync);
        // That is no offence.
        ann.Host.IsConnected(bob.Host.Id).ShouldBeTrue();
    });

    private static void Run(Func<Peers, Task> act)
    {
        var world = new World(7);
        var peers = new Peers(world);
        world.Run(() => act(peers));
    }

    /// <summary>A host and its place in the network.</summary>
    private sealed record Peer(SimulatedNode Node, Host Host)
    {
        public PeerAddress Address => new(Host.Id, Host.Addresses);
    }

    private sealed class Peers(World world)
    {
        private readonly SimulatedNetwork _network = new(world, new NetworkConditions());

        public async Task<Peer> StartAsync(HostOptions? options = null)
        {
            var key = PrivateKey.Generate();
            var node = _network.AddNode(key.PublicKey.ToProtobuf());
            var host = new Host(key, [node], options ?? new HostOptions(), world.Time, world.RandomOf(node.Number));
            IdentifyProtocol.Serve(host);
            PingProtocol.Serve(host);
            await host.ListenAsync(node.Address, s_none);
            return new Peer(node, host);
        }

        public Task PassAsync(TimeSpan time) => world.PassAsync(time, s_none);
    }
}
