using System.Text;
using Stoa.Network.Kademlia;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>What lookups find and take in whole networks, in one thread on virtual time.</summary>
public sealed class KademliaLookupTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("speed", "slow")]
    public void Network_WithAThirdSilentlyDead_FindsEveryKey() => KademliaRun.Run(async world =>
    {
        const int Size = 500;
        const int Keys = 60;
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), Size, 1, KademliaRun.Quiet);
        output.WriteLine($"joined: {nodes.Average(node => node.Dht.TableSize):F0} peers in a table, {KademliaRun.Total(nodes).Messages / Size} messages a node, at {world.GetUtcNow():HH:mm:ss}");
        var random = new Random(1);
        var keys = Enumerable.Range(0, Keys).Select(number => Encoding.UTF8.GetBytes($"key {number}")).ToList();
        var providers = keys.Select(_ => nodes[random.Next(Size)]).ToList();
        foreach (var (key, provider) in keys.Zip(providers))
            (await provider.Dht.ProvideAsync(key, default)).ShouldBeGreaterThanOrEqualTo(18);

        foreach (var node in nodes.Except(providers).OrderBy(node => random.Next()).Take(Size * 3 / 10).ToList())
            node.Place.IsDead = true;
        var living = nodes.Where(node => !node.Place.IsDead).ToList();
        var times = new List<TimeSpan>();
        foreach (var (key, provider) in keys.Zip(providers))
        {
            var start = world.GetTimestamp();
            var asker = living.Where(node => node != provider).ElementAt(random.Next(living.Count - 1));
            (await KademliaRun.FirstProviderAsync(asker, key)).ShouldBe(provider.Host.Id);
            times.Add(world.GetElapsedTime(start));
        }

        times.Sort();
        var slowest = times[^1];
        output.WriteLine($"with 30 % dead: first provider after {times[times.Count / 2].TotalMilliseconds:F0} ms (median), {slowest.TotalMilliseconds:F0} ms (slowest)");
        slowest.ShouldBeLessThan(TimeSpan.FromSeconds(3));

        var (before, right) = (KademliaRun.Total(living), 0);
        times.Clear();
        for (var number = 0; number < 60; number++)
        {
            var start = world.GetTimestamp();
            var target = KademliaRun.RandomNumber(random);
            var found = await living[random.Next(living.Count)].Dht.FindClosestAsync(target, default);
            times.Add(world.GetElapsedTime(start));
            var closest = living.OrderBy(node => KademliaKey.Of(node.Host.Id).DistanceTo(KademliaKey.Of(target))).Take(20).Select(node => node.Host.Id).ToList();
            right += found.Select(peer => peer.Peer).Intersect(closest).Count();
        }

        times.Sort();
        var took = KademliaRun.Total(living).Since(before);
        output.WriteLine($"lookup to the end with 30 % dead: {took.Hops / 60.0:F2} hops, {took.Messages / 60.0:F1} messages ({took.Failures / 60.0:F1} without answer), {right / 60.0:F1} of the nearest 20, {times[30].TotalMilliseconds:F0} ms (median), {times[^1].TotalMilliseconds:F0} ms (slowest)");
        // No table has been looked after since they died.
        (right / 60.0).ShouldBeGreaterThanOrEqualTo(17);
        times[30].ShouldBeLessThan(TimeSpan.FromSeconds(2));
        (took.Hops / 60.0).ShouldBeLessThanOrEqualTo(Math.Log2(Size));
    });

    [Fact]
    [Trait("speed", "slow")]
    public void Lookups_OfAHealthyNetwork_TakeFewHopsAndMessages() => KademliaRun.Run(async world =>
    {
        const int Size = 300;
        const int Lookups = 100;
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), Size, 2, KademliaRun.Quiet);
        var random = new Random(2);
        var (before, worst, exact) = (KademliaRun.Total(nodes), 0L, 0);
        for (var number = 0; number < Lookups; number++)
        {
            var target = KademliaRun.RandomNumber(random);
            var node = nodes[random.Next(Size)];
            var earlier = node.Dht.Report;
            var found = await node.Dht.FindClosestAsync(target, default);
            worst = Math.Max(worst, node.Dht.Report.Since(earlier).Hops);
            exact += found.Select(peer => peer.Peer).SequenceEqual(
                nodes.Where(other => other != node).Select(other => other.Host.Id).OrderBy(peer => KademliaKey.Of(peer).DistanceTo(KademliaKey.Of(target))).Take(20)) ? 1 : 0;
        }

        var took = KademliaRun.Total(nodes).Since(before);
        output.WriteLine($"{Size} nodes: {took.Hops / (double)Lookups:F2} hops (at most {worst}), {took.Messages / (double)Lookups:F1} messages, {exact} of {Lookups} with exactly the nearest 20");
        worst.ShouldBeLessThanOrEqualTo((long)Math.Log2(Size));
        // k answers at the end, and α on each hop.
        (took.Messages / (double)Lookups).ShouldBeLessThanOrEqualTo(20 + (3 * Math.Log2(Size)));
        exact.ShouldBeGreaterThanOrEqualTo(95);
    });

    [Fact]
    [Trait("speed", "slow")]
    public void Providing_OfManyKeys_TakesALookupARegion_AndSoDoesSayingItAgain() => KademliaRun.Run(async world =>
    {
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 150, 6, KademliaRun.Quiet with { RepublishInterval = TimeSpan.FromHours(12) });
        var keys = Enumerable.Range(0, 400).Select(number => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"key {number}")).ToList();
        var before = nodes[3].Dht.Report;
        var told = await nodes[3].Dht.ProvideAsync(keys, default);
        var took = nodes[3].Dht.Report.Since(before);
        output.WriteLine($"400 keys, 150 nodes: {took.Lookups} lookups, {took.Messages} messages, {told / 400.0:F1} holders a key");
        took.Lookups.ShouldBeLessThan(40);
        told.ShouldBeGreaterThan(400 * 19);
        foreach (var key in keys.Where((_, index) => index % 20 == 0))
            (await KademliaRun.FirstProviderAsync(nodes[100], key)).ShouldBe(nodes[3].Host.Id);

        // Saying it again is a sweep as well.
        before = nodes[3].Dht.Report;
        await Task.Delay(TimeSpan.FromHours(13), world);
        took = nodes[3].Dht.Report.Since(before);
        output.WriteLine($"again after 12 hours: {took.Lookups} lookups, {took.Messages} messages");
        took.Lookups.ShouldBeInRange(1, 39);
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });
}
