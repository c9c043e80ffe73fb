using System.Security.Cryptography;
using System.Text;
using Stoa.Network.Kademlia;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Whole networks in one thread on virtual time.</summary>
public sealed class KademliaNetworkTests(ITestOutputHelper output)
{
    // Nothing runs by itself but what a test is about.
    private static readonly KademliaOptions s_quiet = new() { RefreshInterval = TimeSpan.Zero, RepublishInterval = TimeSpan.FromDays(40), AllowsPrivateAddresses = false };

    [Fact]
    public void Network_WithAThirdSilentlyDead_FindsEveryKey() => Run(async world =>
    {
        const int Size = 500;
        const int Keys = 60;
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), Size, 1, s_quiet);
        output.WriteLine($"joined: {nodes.Average(node => node.Dht.TableSize):F0} peers in a table, {Total(nodes).Messages / Size} messages a node, at {world.GetUtcNow():HH:mm:ss}");
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
            (await FirstProviderAsync(asker, key)).ShouldBe(provider.Host.Id);
            times.Add(world.GetElapsedTime(start));
        }

        times.Sort();
        var slowest = times[^1];
        output.WriteLine($"with 30 % dead: first provider after {times[times.Count / 2].TotalMilliseconds:F0} ms (median), {slowest.TotalMilliseconds:F0} ms (slowest)");
        slowest.ShouldBeLessThan(TimeSpan.FromSeconds(3));

        var (before, right) = (Total(living), 0);
        times.Clear();
        for (var number = 0; number < 60; number++)
        {
            var start = world.GetTimestamp();
            var target = RandomNumber(random);
            var found = await living[random.Next(living.Count)].Dht.FindClosestAsync(target, default);
            times.Add(world.GetElapsedTime(start));
            var closest = living.OrderBy(node => KademliaKey.Of(node.Host.Id).DistanceTo(KademliaKey.Of(target))).Take(20).Select(node => node.Host.Id).ToList();
            right += found.Select(peer => peer.Peer).Intersect(closest).Count();
        }

        times.Sort();
        var took = Total(living).Since(before);
        output.WriteLine($"lookup to the end with 30 % dead: {took.Hops / 60.0:F2} hops, {took.Messages / 60.0:F1} messages ({took.Failures / 60.0:F1} without answer), {right / 60.0:F1} of the nearest 20, {times[30].TotalMilliseconds:F0} ms (median), {times[^1].TotalMilliseconds:F0} ms (slowest)");
        // No table has been looked after since they died.
        (right / 60.0).ShouldBeGreaterThanOrEqualTo(17);
        times[30].ShouldBeLessThan(TimeSpan.FromSeconds(2));
        (took.Hops / 60.0).ShouldBeLessThanOrEqualTo(Math.Log2(Size));
    });

    [Fact]
    public void Lookups_OfAHealthyNetwork_TakeFewHopsAndMessages() => Run(async world =>
    {
        const int Size = 300;
        const int Lookups = 100;
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), Size, 2, s_quiet);
        var random = new Random(2);
        var (before, worst, exact) = (Total(nodes), 0L, 0);
        for (var number = 0; number < Lookups; number++)
        {
            var target = RandomNumber(random);
            var node = nodes[random.Next(Size)];
            var earlier = node.Dht.Report;
            var found = await node.Dht.FindClosestAsync(target, default);
            worst = Math.Max(worst, node.Dht.Report.Since(earlier).Hops);
            exact += found.Select(peer => peer.Peer).SequenceEqual(
                nodes.Where(other => other != node).Select(other => other.Host.Id).OrderBy(peer => KademliaKey.Of(peer).DistanceTo(KademliaKey.Of(target))).Take(20)) ? 1 : 0;
        }

        var took = Total(nodes).Since(before);
        output.WriteLine($"{Size} nodes: {took.Hops / (double)Lookups:F2} hops (at most {worst}), {took.Messages / (double)Lookups:F1} messages, {exact} of {Lookups} with exactly the nearest 20");
        worst.ShouldBeLessThanOrEqualTo((long)Math.Log2(Size));
        // k answers at the end, and α on each hop.
        (took.Messages / (double)Lookups).ShouldBeLessThanOrEqualTo(20 + (3 * Math.Log2(Size)));
        exact.ShouldBeGreaterThanOrEqualTo(95);
    });

    [Fact]
    public void Values_AreReadAndCorrected_ByWhoeverReads() => Run(async world =>
    {
        var options = s_quiet with { ReadQuorum = 20, Validators = new Dictionary<string, IRecordValidator> { ["pk"] = new PublicKeyValidator(), ["number"] = new NumberValidator() } };
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 60, 3, options);
        var own = PublicKeyValidator.KeyOf(nodes[5].Host.Id);
        (await nodes[5].Dht.PutValueAsync(own, nodes[5].Host.Key.PublicKey.ToProtobuf(), default)).ShouldBe(20);
        (await nodes[50].Dht.GetValueAsync(own, default))!.Value.ToArray().ShouldBe(nodes[5].Host.Key.PublicKey.ToProtobuf());
        await ThrowsAsync<ArgumentException>(() => nodes[5].Dht.PutValueAsync(own, "not a key"u8.ToArray(), default));

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
        await ThrowsAsync<InvalidOperationException>(() => holders[^1].Dht.PutValueAsync(key, "1"u8.ToArray(), default));
    });

    [Fact]
    public void Network_ThatFellApart_ComesTogether() => Run(async world =>
    {
        var options = s_quiet with { RefreshInterval = TimeSpan.FromMinutes(10) };
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 80, 4, options);
        foreach (var node in nodes.Where((_, index) => index % 2 == 1))
            node.Place.Part = 1;
        await Task.Delay(TimeSpan.FromHours(1), world);
        var key = "of one part"u8.ToArray();
        await nodes[11].Dht.ProvideAsync(key, default);
        (await FirstProviderAsync(nodes[20], key)).ShouldBeNull();
        foreach (var node in nodes)
            node.Place.Part = 0;
        await Task.Delay(TimeSpan.FromMinutes(40), world);
        await nodes[11].Dht.ProvideAsync(key, default);
        foreach (var node in nodes.Where((_, index) => index % 10 == 0))
            (await FirstProviderAsync(node, key)).ShouldBe(nodes[11].Host.Id);
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });

    [Fact]
    public void Client_FindsOthers_AndIsInNoTable() => Run(async world =>
    {
        var network = new VirtualNetwork(world);
        var nodes = await KademliaNode.JoinAsync(world, network, 40, 5, s_quiet);
        var client = (await KademliaNode.MakeAsync(world, network, 1, 99, s_quiet with { IsClient = true, BootstrapPeers = [nodes[0].Address] }, "/ip4/99.0.0.1/tcp/4001")).Single();
        await client.Dht.BootstrapAsync(default);
        var key = "of a client"u8.ToArray();
        (await client.Dht.ProvideAsync(key, default)).ShouldBe(20);
        (await FirstProviderAsync(nodes[7], key)).ShouldBe(client.Host.Id);
        (await client.Dht.FindPeerAsync(nodes[30].Host.Id, default)).ShouldNotBeNull().Addresses.ShouldContain(nodes[30].Place.Address);
        nodes.ShouldAllBe(node => !node.Dht.Table.Contains(client.Host.Id));
    });

    [Fact]
    public void Providing_OfManyKeys_TakesALookupARegion() => Run(async world =>
    {
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 150, 6, s_quiet);
        var keys = Enumerable.Range(0, 400).Select(number => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"key {number}")).ToList();
        var before = nodes[3].Dht.Report;
        var told = await nodes[3].Dht.ProvideAsync(keys, default);
        var took = nodes[3].Dht.Report.Since(before);
        output.WriteLine($"400 keys, 150 nodes: {took.Lookups} lookups, {took.Messages} messages, {told / 400.0:F1} holders a key");
        took.Lookups.ShouldBeLessThan(40);
        told.ShouldBeGreaterThan(400 * 19);
        foreach (var key in keys.Where((_, index) => index % 20 == 0))
            (await FirstProviderAsync(nodes[100], key)).ShouldBe(nodes[3].Host.Id);
    });

    [Fact]
    public void Records_AreForgottenAfterADay_UnlessSentOutAgain() => Run(async world =>
    {
        var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 30, 7, s_quiet with { RepublishInterval = TimeSpan.FromHours(12) });
        var (kept, left) = ("kept"u8.ToArray(), "left"u8.ToArray());
        await nodes[1].Dht.ProvideAsync(kept, default);
        await nodes[1].Dht.ProvideAsync(left, default);
        nodes[1].Dht.StopProviding(left);
        await Task.Delay(TimeSpan.FromHours(60), world);
        (await FirstProviderAsync(nodes[9], kept)).ShouldBe(nodes[1].Host.Id);
        (await FirstProviderAsync(nodes[9], left)).ShouldBeNull();
        foreach (var node in nodes)
            await node.Dht.DisposeAsync();
    });

    [Fact]
    public void History_OfOneSeed_IsTheSame()
    {
        HistoryOf(11).ShouldBe(HistoryOf(11));
        HistoryOf(11).ShouldNotBe(HistoryOf(12));
    }

    private static string HistoryOf(int seed)
    {
        var history = new StringBuilder();
        Run(async world =>
        {
            var nodes = await KademliaNode.JoinAsync(world, new VirtualNetwork(world), 40, seed, s_quiet with { RefreshInterval = TimeSpan.FromMinutes(10) });
            foreach (var node in nodes.Where((_, index) => index % 5 == 4))
                node.Place.IsDead = true;
            await Task.Delay(TimeSpan.FromMinutes(30), world);
            foreach (var node in nodes)
                history.AppendLine($"{node.Host.Id} {node.Dht.Report} {string.Join(',', node.Dht.Table.Peers.Select(peer => peer.Peer))}");
            history.Append(world.GetTimestamp());
        });
        return history.ToString();
    }

    private static void Run(Func<VirtualWorld, Task> act)
    {
        var world = new VirtualWorld();
        world.Run(() => act(world));
    }

    // Shouldly's own goes on in a thread of the pool.
    private static async Task ThrowsAsync<T>(Func<Task> act) where T : Exception
    {
        try
        {
            await act();
        }
        catch (T)
        {
            return;
        }

        throw new ShouldAssertException($"{typeof(T).Name} is expected.");
    }

    private static LookupReport Total(IEnumerable<KademliaNode> nodes) => nodes.Aggregate(LookupReport.None, (sum, node) => sum.Plus(node.Dht.Report));

    private static async Task<PeerId?> FirstProviderAsync(KademliaNode node, ReadOnlyMemory<byte> key)
    {
        await foreach (var provider in node.Dht.FindProvidersAsync(key, CancellationToken.None))
            return provider.Peer;
        return null;
    }

    private static byte[] RandomNumber(Random random)
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        random.NextBytes(bytes);
        return bytes;
    }

    private sealed class NumberValidator : IRecordValidator
    {
        public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => int.TryParse(value, out _);

        public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
            int.Parse(left).CompareTo(int.Parse(right));
    }
}
