using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Kademlia;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Relay;
using Stoa.Network.Security;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Peers behind relays, over hours of virtual time. What shakes hands draws keys of its own, so no two histories are the same; but nothing leaves the one thread.</summary>
public sealed class RelayTests
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    [Fact]
    public void Peer_BehindARelay_IsReachedForADay() => Run(async world =>
    {
        var (relay, hidden, caller) = (await world.ListenAsync(new RelayOptions()), world.Hide(), await world.ListenAsync());
        var address = await world.ReserveAsync(hidden, relay);

        for (var hours = 0; hours < 24; hours++)
        {
            await using (var connection = await caller.Host.ConnectAsync(address, s_none))
                connection.RemoteAddress.IsCircuit.ShouldBeTrue();
            (await PingProtocol.PingAsync(caller.Host, hidden.Host.Id, s_none)).ShouldBeGreaterThan(TimeSpan.Zero);
            await world.PassAsync(TimeSpan.FromHours(1));
            relay.Service!.ReservationCount.ShouldBe(1);
            relay.Service.CircuitCount.ShouldBe(0);
        }

        // Once at the start, and then each time ten minutes before its end.
        hidden.Changes.ShouldAllBe(change => change.HeldUntil != null);
        hidden.Changes.Count.ShouldBeInRange(28, 30);
    });

    [Fact]
    public void Circuit_LastsAsLongAsItMay() => Run(async world =>
    {
        var (relay, hidden, caller) = (await world.ListenAsync(new RelayOptions { MaxCircuitDuration = TimeSpan.FromMinutes(2) }), world.Hide(), await world.ListenAsync());
        var begin = world.Time.GetTimestamp();
        var connection = await caller.Host.ConnectAsync(await world.ReserveAsync(hidden, relay), s_none);

        await connection.Completion;

        world.Time.GetElapsedTime(begin).ShouldBeInRange(TimeSpan.FromSeconds(119), TimeSpan.FromSeconds(130));
        await world.PassAsync(TimeSpan.FromSeconds(5));
        hidden.Host.IsConnected(caller.Host.Id).ShouldBeFalse();
        hidden.Host.IsConnected(relay.Host.Id).ShouldBeTrue();
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Relay_ThatDies_IsReservedAtAgain_WhenItLives(bool isSilent) => Run(async world =>
    {
        var (relay, hidden, caller) = (await world.ListenAsync(new RelayOptions()), world.Hide(), await world.ListenAsync());
        var address = await world.ReserveAsync(hidden, relay);

        relay.Node.Die(isSilent);
        await world.PassAsync(TimeSpan.FromMinutes(30));
        hidden.Host.Addresses.ShouldBeEmpty();
        hidden.Changes[^1].HeldUntil.ShouldBeNull();
        await Thrown.ByAsync<ConnectException>(() => caller.Host.ConnectAsync(address, s_none));

        relay.Node.Revive();
        await relay.Host.ListenAsync(relay.Node.Address, s_none);
        await world.PassAsync(TimeSpan.FromMinutes(10));
        hidden.Host.Addresses.ShouldBe([address.WithoutPeer]);
        (await caller.Host.ConnectAsync(address, s_none)).RemotePeer.ShouldBe(hidden.Host.Id);
    });

    [Fact]
    public void Peer_BehindARelay_IsFoundInTheHashTable_AndIsInNobodysTable() => Run(async world =>
    {
        var first = await world.ListenAsync(new RelayOptions());
        var nodes = new List<Peer> { first };
        while (nodes.Count < 12)
            nodes.Add(await world.ListenAsync());
        var hidden = world.Hide();
        await world.ReserveAsync(hidden, first);
        var tables = nodes.Append(hidden).Select(node => new Kademlia(
            node.Host, new KademliaOptions { BootstrapPeers = node == first ? [] : [first.Address] }, new MemoryRecordStore(new RecordStoreOptions(), world.Time))).ToList();
        foreach (var table in tables.Skip(1))
            await table.BootstrapAsync(s_none);
        await world.PassAsync(TimeSpan.FromMinutes(1));

        var caller = await world.ListenAsync();
        var lookup = new Kademlia(caller.Host, new KademliaOptions { IsClient = true, BootstrapPeers = [nodes[5].Address] }, new MemoryRecordStore(new RecordStoreOptions(), world.Time));
        await lookup.BootstrapAsync(s_none);
        var found = (await lookup.FindPeerAsync(hidden.Host.Id, s_none)).ShouldNotBeNull();
        (await caller.Host.ConnectAsync(found, s_none)).RemoteAddress.IsCircuit.ShouldBeTrue();
        await world.PassAsync(TimeSpan.FromMinutes(1));

        lookup.TableSize.ShouldBe(12);
        // The one behind the relay has dialled others; those could not dial it.
        tables[..12].ShouldAllBe(table => table.TableSize == 11);
        tables[12].TableSize.ShouldBe(12);
        foreach (var table in tables.Append(lookup))
            await table.DisposeAsync();
    });

    private static void Run(Func<Peers, Task> act)
    {
        var world = new World(7);
        var peers = new Peers(world);
        world.Run(() => act(peers), TimeSpan.FromDays(2));
    }

    /// <summary>A host and its place in the network.</summary>
    private sealed record Peer(SimulatedNode Node, Host Host, List<ReservationChange> Changes, RelayService? Service)
    {
        public PeerAddress Address => new(Host.Id, Host.Addresses);
    }

    private sealed class Peers(World world)
    {
        private readonly SimulatedNetwork _network = new(world, new NetworkConditions());

        public VirtualTime Time => world.Time;

        public Peer Hide(RelayOptions? relay = null)
        {
            var key = PrivateKey.Generate();
            var node = _network.AddNode(key.PublicKey.ToProtobuf());
            Assert.SkipUnless(NoiseSecurity.TryCreate(key, out var noise, out var missing), missing ?? "");
            var circuits = new CircuitTransport([noise!], [new Yamux(new YamuxOptions(), world.Time)], new CircuitOptions(), world.Time);
            var changes = new List<ReservationChange>();
            circuits.Changed += changes.Add;
            var host = new Host(key, [node, circuits], new HostOptions(), world.Time, world.RandomOf(node.Number));
            IdentifyProtocol.Serve(host);
            PingProtocol.Serve(host);
            return new Peer(node, host, changes, relay is null ? null : RelayService.Serve(host, relay));
        }

        public async Task<Peer> ListenAsync(RelayOptions? relay = null)
        {
            var peer = Hide(relay);
            await peer.Host.ListenAsync(peer.Node.Address, s_none);
            return peer;
        }

        public async Task<Multiaddr> ReserveAsync(Peer hidden, Peer relay)
        {
            await hidden.Host.ListenAsync(relay.Node.Address.ThroughRelay(relay.Host.Id), s_none);
            await PassAsync(TimeSpan.FromSeconds(5));
            return hidden.Host.Addresses.ShouldHaveSingleItem().WithPeer(hidden.Host.Id);
        }

        public Task PassAsync(TimeSpan time) => world.PassAsync(time, s_none);
    }
}
