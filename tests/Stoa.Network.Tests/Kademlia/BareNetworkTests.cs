using Stoa.Network.Addressing;
using Stoa.Network.Kademlia;
using Stoa.Network.Kademlia.Wire;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Lookups among many nodes without hosts: attacks, and how it grows.</summary>
public sealed class BareNetworkTests(ITestOutputHelper output)
{
    private static readonly KademliaOptions s_options = new() { AllowsPrivateAddresses = false };

    [Fact]
    [Trait("speed", "slow")]
    public void Sybils_OfOneNetwork_PushNobodyOut() => Run(async world =>
    {
        var random = new Random(21);
        var network = new BareNetwork(world, 500, s_options, random);
        var key = "the key"u8.ToArray();
        var target = KademliaKey.Of(key);
        var honest = network.Nearest(target, default);
        var sybils = Enumerable.Range(0, 300).Select(number => network.Add(Peers.Near(target, 11, random, orNearer: true), Peers.At(250, 250, number))).ToList();
        // They know each other, and tell of nobody else.
        foreach (var sybil in sybils)
        {
            sybil.Lie = request =>
            {
                var answer = new Message { Type = request.Type, Key = request.Key };
                foreach (var other in sybils.OrderBy(_ => random.Next()).Take(20))
                    answer.CloserPeers.Add(PeerCodec.Write(new PeerAddress(other.Peer, [other.Address]), ConnectionType.Connected, s_options));
                return answer;
            };
        }

        foreach (var node in network.Nodes)
        {
            var before = node.Table.Peers.Select(peer => peer.Peer).ToList();
            foreach (var sybil in sybils)
            {
                node.Table.Add(sybil.Peer, sybil.Address);
                node.Table.Add(sybil.Peer, sybil.Address);
            }

            before.ShouldAllBe(peer => node.Table.Contains(peer));
            node.Table.Peers.Count(peer => sybils.Exists(sybil => sybil.Peer == peer.Peer)).ShouldBeLessThanOrEqualTo(s_options.MaxPerNetworkInTable);
        }

        var found = 0;
        for (var round = 0; round < 20; round++)
        {
            var closest = (await network.Nodes[random.Next(500)].LookUpAsync(key)).Closest.Select(peer => peer.Peer).ToList();
            closest.Count(peer => sybils.Exists(sybil => sybil.Peer == peer)).ShouldBeLessThanOrEqualTo(s_options.MaxPerNetworkInLookup);
            found += closest.Intersect(honest).Count();
        }

        output.WriteLine($"{found / 20.0:F1} of the honest 20 nearest are found among {sybils.Count} nearer sybils");
        (found / 20.0).ShouldBeGreaterThanOrEqualTo(16);
    });

    [Fact]
    public void Liars_WhoInventPeers_CostABoundedNumberOfRequests() => Run(async world =>
    {
        var random = new Random(22);
        var network = new BareNetwork(world, 300, s_options, random);
        foreach (var liar in network.Nodes.Where((_, index) => index % 10 == 0))
        {
            liar.Lie = request =>
            {
                var answer = new Message { Type = request.Type, Key = request.Key };
                for (var number = 0; number < 1_000; number++)
                    answer.CloserPeers.Add(PeerCodec.Write(new PeerAddress(Peers.Any(random), [Peers.At(1 + random.Next(220), random.Next(250))]), ConnectionType.Connected, s_options));
                return answer;
            };
        }

        var asker = network.Nodes[1];
        for (var round = 0; round < 20; round++)
        {
            var key = BitConverter.GetBytes(round);
            var result = await asker.LookUpAsync(key);
            result.Report.Messages.ShouldBeLessThan(200);
            result.Closest.Select(peer => peer.Peer).Intersect(network.Nearest(KademliaKey.Of(key), asker.Peer)).Count().ShouldBeGreaterThanOrEqualTo(15);
        }
    });

    [Fact]
    public void Liars_WhoAskForThemselves_GetNoRequestTwice() => Run(async world =>
    {
        var random = new Random(23);
        var network = new BareNetwork(world, 100, s_options, random);
        var asked = new Dictionary<PeerId, int>();
        var asker = network.Nodes[0];
        foreach (var node in network.Nodes)
        {
            node.Lie = request =>
            {
                asked[node.Peer] = asked.GetValueOrDefault(node.Peer) + 1;
                var answer = new Message { Type = request.Type, Key = request.Key };
                foreach (var other in network.Nodes.Take(20))
                    answer.CloserPeers.Add(PeerCodec.Write(new PeerAddress(other.Peer, [other.Address]), ConnectionType.Connected, s_options));
                return answer;
            };
        }

        await asker.LookUpAsync(asker.Peer.ToBytes());
        asked.ShouldNotBeEmpty();
        asked.ShouldNotContainKey(asker.Peer);
        asked.Values.ShouldAllBe(count => count == 1);
    });

    [Fact]
    public void Lookup_AmongFive_EndsWhenAllHaveAnswered() => Run(async world =>
    {
        var network = new BareNetwork(world, 5, s_options, new Random(24));
        network.Nodes[3].IsDead = true;
        var result = await network.Nodes[0].LookUpAsync("any"u8.ToArray());
        result.Closest.Count.ShouldBe(3);
        result.Report.ShouldBe(new LookupReport(1, 1, 4, 1));
    });

    [Theory]
    [InlineData(1_000, 100)]
    [InlineData(10_000, 300)]
    [Trait("speed", "slow")]
    public void Lookups_AmongManyNodes_TakeFewHopsAndMessages(int size, int lookups) => Run(async world =>
    {
        var random = new Random(25);
        var network = new BareNetwork(world, size, s_options, random);
        foreach (var isThirdDead in (bool[])[false, true])
        {
            if (isThirdDead)
            {
                foreach (var node in network.Nodes)
                    node.IsDead = random.Next(10) < 3;
            }

            var (total, worst, right, times) = (LookupReport.None, 0L, 0, new List<TimeSpan>());
            for (var number = 0; number < lookups; number++)
            {
                var asker = network.Nodes[random.Next(size)];
                var key = BitConverter.GetBytes(random.NextInt64());
                var start = world.GetTimestamp();
                var result = await asker.LookUpAsync(key);
                times.Add(world.GetElapsedTime(start));
                total = total.Plus(result.Report);
                worst = Math.Max(worst, result.Report.Hops);
                right += result.Closest.Select(peer => peer.Peer).Intersect(network.Nearest(KademliaKey.Of(key), asker.Peer)).Count();
            }

            times.Sort();
            output.WriteLine(
                $"{size} nodes{(isThirdDead ? ", 30 % dead" : "")}: {total.Hops / (double)lookups:F2} hops (at most {worst}), {total.Messages / (double)lookups:F1} messages ({total.Failures / (double)lookups:F1} without answer), "
                + $"{right / (double)lookups:F2} of the 20 nearest, {times[lookups / 2].TotalMilliseconds:F0} ms (median), {times[^1].TotalMilliseconds:F0} ms (slowest)");
            (total.Hops / (double)lookups).ShouldBeLessThanOrEqualTo(Math.Log2(size));
            if (!isThirdDead)
            {
                worst.ShouldBeLessThanOrEqualTo((long)Math.Log2(size));
                (total.Messages / (double)lookups).ShouldBeLessThanOrEqualTo(20 + (3 * Math.Log2(size)));
            }

            (right / (double)lookups).ShouldBeGreaterThanOrEqualTo(isThirdDead ? 18 : 19.5);
        }
    });

    private static void Run(Func<VirtualWorld, Task> act)
    {
        var world = new VirtualWorld();
        world.Run(() => act(world));
    }
}
