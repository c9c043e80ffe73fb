using System.Text;
using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>What whole networks do over time, in one thread on virtual time.</summary>
public sealed class KademliaNetworkTests
{
    [Fact]
    public void Values_AreReadAndCorrected_ByWhoeverReads() => KademliaRun.Run(async world =>
    {
        var options = KademliaRun.Quiet with { ReadQuorum = 20, Validators = new Dictionary<string, IRecordValidator> { ["pk"] = new PublicKeyValidator(), ["number"] = new NumberValidator() } };
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 60, 3, options);
        var own = PublicKeyValidator.KeyOf(nodes[5].Host.Id);
        (await nodes[5].Dht.PutValueAsync(own, nodes[5].Host.Key.PublicKey.ToProtobuf(), default)).ShouldBe(20);
        (await nodes[50].Dht.GetValueAsync(own, default))!.Value.ToArray().ShouldBe(nodes[5].Host.Key.PublicKey.ToProtobuf());
        await KademliaRun.ThrowsAsync<ArgumentException>(() => nodes[5].Dht.PutValueAsync(own, "not a key"u8.ToArray(), default));

        var key = "/number/one"u8.ToArray();
        (await nodes[7].Dht.PutValueAsync(key, "1"u8.ToArray(), default)).ShouldBe(20);
        // Some hold a newer one.
        var holders = new List<KademliaNode>();
        foreach (var node in nodes)
        {
            if (await node.Store.FindValueAsync(key, default) is not null)
                holders.Add(node);
        }

        foreach (var holder in holders.Skip(3))
            await holder.Store.PutValueAsync(new ValueRecord(key, "2"u8.ToArray(), world.GetUtcNow()), new RecordOrigin(nodes[8].Host.Id, null), default);
        var reader = nodes.Except(holders).First();
        (await reader.Dht.GetValueAsync(key, default))!.Value.ToArray().ShouldBe("2"u8.ToArray());
        await Task.Delay(TimeSpan.FromSeconds(5), world);
        foreach (var holder in holders.Take(3))
            (await holder.Store.FindValueAsync(key, default))!.Value.ToArray().ShouldBe("2"u8.ToArray());

        (await nodes.Except(holders).Last().Dht.GetValueAsync("/number/none"u8.ToArray(), default)).ShouldBeNull();
        await KademliaRun.ThrowsAsync<InvalidOperationException>(() => holders[^1].Dht.PutValueAsync(key, "1"u8.ToArray(), default));
    });

    [Fact]
    [Trait("speed", "slow")]
    public void Network_ThatFellApart_ComesTogether() => KademliaRun.Run(async world =>
    {
        var options = KademliaRun.Quiet with { RefreshInterval = TimeSpan.FromMinutes(10) };
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 80, 4, options);
        foreach (var node in nodes.Where((_, index) => index % 2 == 1))
            node.Place.Part = 1;
        await Task.Delay(TimeSpan.FromHours(1), world);
        var key = "of one part"u8.ToArray();
        await nodes[11].Dht.ProvideAsync(key, default);
        (await KademliaRun.FirstProviderAsync(nodes[20], key)).ShouldBeNull();
        foreach (var node in nodes)
            node.Place.Part = 0;
        await Task.Delay(TimeSpan.FromMinutes(40), world);
        await nodes[11].Dht.ProvideAsync(key, default);
        foreach (var node in nodes.Where((_, index) => index % 10 == 0))
            (await KademliaRun.FirstProviderAsync(node, key)).ShouldBe(nodes[11].Host.Id);
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });

    [Fact]
    [Trait("speed", "slow")]
    public void Islands_ThatNeverKnewOfEachOther_ComeTogetherByTheBootstrapPeersOfOne() => KademliaRun.Run(async world =>
    {
        // All are to join by the first; the odd ones cannot reach it, and begin a network of their own. Each is larger than a bucket: whoever asks only the nearest never asks the first.
        var options = KademliaRun.Quiet with { RefreshInterval = TimeSpan.FromMinutes(10) };
        var nodes = await KademliaNode.MakeAsync(world, new VirtualNetwork(world), 90, 6, options);
        foreach (var node in nodes.Where((_, index) => index % 2 == 1))
            node.Place.Part = 1;
        for (var index = 2; index < nodes.Count; index++)
        {
            await nodes[index].Host.ConnectAsync(nodes[index % 2].Address, default);
            await Task.Delay(TimeSpan.FromSeconds(1), world);
            await nodes[index].Dht.BootstrapAsync(default);
        }

        var key = "of one island"u8.ToArray();
        await nodes[10].Dht.ProvideAsync(key, default);
        (await KademliaRun.FirstProviderAsync(nodes[21], key)).ShouldBeNull();
        foreach (var node in nodes)
            node.Place.Part = 0;
        await Task.Delay(TimeSpan.FromHours(1), world);
        await nodes[10].Dht.ProvideAsync(key, default);
        foreach (var node in nodes.Where((_, index) => index % 7 == 1))
            (await KademliaRun.FirstProviderAsync(node, key)).ShouldBe(nodes[10].Host.Id);
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });

    [Fact]
    public void Client_FindsOthers_AndIsInNoTable() => KademliaRun.Run(async world =>
    {
        var network = new VirtualNetwork(world);
        var nodes = await KademliaNode.JoinAsync(world, network, 40, 5, KademliaRun.Quiet);
        var client = (await KademliaNode.MakeAsync(world, network, 1, 99, KademliaRun.Quiet with { IsClient = true, BootstrapPeers = [nodes[0].Address] }, "/ip4/99.0.0.1/tcp/4001")).Single();
        await client.Dht.BootstrapAsync(default);
        var key = "of a client"u8.ToArray();
        (await client.Dht.ProvideAsync(key, default)).ShouldBe(20);
        (await KademliaRun.FirstProviderAsync(nodes[7], key)).ShouldBe(client.Host.Id);
        (await client.Dht.FindPeerAsync(nodes[30].Host.Id, default)).ShouldNotBeNull().Addresses.ShouldContain(nodes[30].Place.Address);
        nodes.ShouldAllBe(node => !node.Dht.Table.Contains(client.Host.Id));
    });

    [Fact]
    public void Records_AreForgottenAfterADay_UnlessSentOutAgain() => KademliaRun.Run(async world =>
    {
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 30, 7, KademliaRun.Quiet with { RepublishInterval = TimeSpan.FromHours(12) });
        var (kept, left) = ("kept"u8.ToArray(), "left"u8.ToArray());
        await nodes[1].Dht.ProvideAsync(kept, default);
        await nodes[1].Dht.ProvideAsync(left, default);
        nodes[1].Dht.StopProviding(left);
        await Task.Delay(TimeSpan.FromHours(60), world);
        (await KademliaRun.FirstProviderAsync(nodes[9], kept)).ShouldBe(nodes[1].Host.Id);
        (await KademliaRun.FirstProviderAsync(nodes[9], left)).ShouldBeNull();
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });

    [Fact]
    [Trait("speed", "slow")]
    public void History_OfOneSeed_IsTheSame()
    {
        HistoryOf(11).ShouldBe(HistoryOf(11));
        HistoryOf(11).ShouldNotBe(HistoryOf(12));
    }

    private static string HistoryOf(int seed)
    {
        var history = new StringBuilder();
        KademliaRun.Run(async world =>
        {
            var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 40, seed, KademliaRun.Quiet with { RefreshInterval = TimeSpan.FromMinutes(10) });
            foreach (var node in nodes.Where((_, index) => index % 5 == 4))
                node.Place.IsDead = true;
            await Task.Delay(TimeSpan.FromMinutes(30), world);
            foreach (var node in nodes)
                history.AppendLine($"{node.Host.Id} {node.Dht.Report} {string.Join(',', node.Dht.Table.Peers.Select(peer => peer.Peer))}");
            history.Append(world.GetTimestamp());
        });
        return history.ToString();
    }

    private sealed class NumberValidator : IRecordValidator
    {
        public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => int.TryParse(value, out _);

        public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
            int.Parse(left).CompareTo(int.Parse(right));
    }
}
