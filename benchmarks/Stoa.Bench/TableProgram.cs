using System.Diagnostics;
using System.Text.Json.Nodes;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Kademlia;
using Stoa.Network.Muxing;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Nodes of Stoa's network with its hash table, in one process, that do what they are told: what <c>benchmarks/peers/kad-dht.mjs</c> is for js-libp2p, line by line.</summary>
internal static class TableProgram
{
    /// <summary>What this program is started with to be one.</summary>
    public const string Word = "table-of-nodes";

    private const int AtOnce = 4;
    private const int MaxTries = 6;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var nodes = new List<TableNode>();
        while (await input.ReadLineAsync() is { } line)
        {
            JsonObject answer;
            try
            {
                answer = await DoAsync(nodes, JsonNode.Parse(line)!.AsObject());
            }
            catch (Exception failure)
            {
                answer = new JsonObject { ["error"] = failure.ToString() };
            }

            await output.WriteLineAsync(answer.ToJsonString());
            await output.FlushAsync();
        }

        return 0;
    }

    private static async Task<JsonObject> DoAsync(List<TableNode> nodes, JsonObject told)
    {
        switch ((string)told["do"]!)
        {
            case "start":
                for (var number = (int)told["count"]!; number > 0; number--)
                    nodes.Add(await TableNode.StartAsync());
                return new JsonObject { ["nodes"] = new JsonArray([.. nodes.Select(node => new JsonObject { ["peer"] = node.Host.Id.ToString(), ["address"] = node.Address.ToString() })]) };
            case "join":
                var addresses = TextsOf(told["addresses"]!).ConvertAll(text => Multiaddr.Parse(text));
                await EachAsync(nodes, (node, index) => node.JoinAsync(addresses[index % addresses.Count]));
                return [];
            case "refresh":
                await EachAsync(nodes, (node, _) => node.Table.BootstrapAsync(CancellationToken.None));
                return [];
            case "provide":
                await EachAsync(TextsOf(told["keys"]!), (key, index) => nodes[index % nodes.Count].Table.ProvideAsync(KeyOf(key), CancellationToken.None));
                return [];
            case "find":
                var (ms, isFound) = await nodes[(int)told["node"]!].FindAsync(KeyOf((string)told["key"]!), PeerId.Parse((string)told["provider"]!), (int)told["limitMs"]!);
                return new JsonObject { ["ms"] = ms, ["isFound"] = isFound };
            case "size":
                return new JsonObject { ["connections"] = nodes.Average(node => node.Host.Connections.Count), ["known"] = nodes.Average(node => node.Table.TableSize) };
            default:
                throw new InvalidDataException($"Nobody is told to {told["do"]}.");
        }
    }

    // A multihash, as js-libp2p has it: SHA-256, 32 bytes.
    private static byte[] KeyOf(string digest) => [0x12, 0x20, .. Convert.FromBase64String(digest)];

    private static List<string> TextsOf(JsonNode array) => [.. array.AsArray().Select(item => (string)item!)];

    private static Task EachAsync<T>(IReadOnlyList<T> items, Func<T, int, Task> act) => Parallel.ForAsync(
        0, items.Count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (index, _) => await act(items[index], index));

    /// <param name="Host">The peer.</param>
    /// <param name="Table">Its hash table.</param>
    /// <param name="Address">Where it is.</param>
    /// <param name="Joined">By whom the table joins the network; none until then.</param>
    private sealed record TableNode(Host Host, Kademlia Table, Multiaddr Address, List<PeerAddress> Joined)
    {
        public static async Task<TableNode> StartAsync()
        {
            var (key, time) = (PrivateKey.Generate(), TimeProvider.System);
            var transport = new TcpTransport([new TlsSecurity(key, time)], [new Yamux(new YamuxOptions(), time)], new TcpOptions(), time);
            var host = new Host(key, [transport], new HostOptions(), time, new SecureRandom());
            IdentifyProtocol.Serve(host);
            PingProtocol.Serve(host);
            var joined = new List<PeerAddress>();
            var table = new Kademlia(host, new KademliaOptions { BootstrapPeers = joined }, new MemoryRecordStore(new RecordStoreOptions(), time));
            var address = await host.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), CancellationToken.None);
            return new TableNode(host, table, address.WithPeer(host.Id), joined);
        }

        public async Task JoinAsync(Multiaddr address)
        {
            if (address.Peer == Host.Id)
                return;
            Joined.Add(PeerAddress.Of(address));
            for (var tries = MaxTries; ; tries--)
            {
                try
                {
                    await Table.BootstrapAsync(CancellationToken.None);
                    return;
                }
                catch (IOException) when (tries > 1)
                {
                    // The one that is joined had others to serve.
                    await Task.Delay(s_pause);
                }
            }
        }

        public async Task<(double Ms, bool IsFound)> FindAsync(byte[] key, PeerId provider, int limitMs)
        {
            using var limit = new CancellationTokenSource(limitMs);
            var start = Stopwatch.GetTimestamp();
            try
            {
                await foreach (var found in Table.FindProvidersAsync(key, limit.Token))
                {
                    if (found.Peer == provider)
                        return (Clock.Since(start), true);
                }
            }
            catch (OperationCanceledException)
            {
                // It was not found in time.
            }

            return (Clock.Since(start), false);
        }
    }
}
