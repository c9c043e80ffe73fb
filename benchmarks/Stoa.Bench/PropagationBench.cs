using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>How long it takes until what is published at one of 51 nodes is in the answers of each of the other 50: whole nodes on SQLite in this process, connected by TCP on loopback.</summary>
internal static class PropagationBench
{
    private const int Nodes = 51;
    private const int Publications = 24;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(5);

    public static async Task AddAsync(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        var nodes = new List<Whole>();
        try
        {
            run.Tell($"starting {Nodes} nodes");
            var start = Stopwatch.GetTimestamp();
            var cpu = Environment.CpuUsage.TotalTime;
            var random = new Random(1);
            for (var number = 0; number < Nodes; number++)
            {
                var join = nodes.Count == 0 ? null : nodes[random.Next(nodes.Count)].Address;
                nodes.Add(await Whole.StartAsync(Path.Combine(folder.FullName, number.ToString(CultureInfo.InvariantCulture)), join, cancellationToken));
            }

            figures.Add("node_start_ms", Clock.Since(start) / Nodes);
            figures.Add("node_start_cpu_ms", (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds / Nodes);
            run.Tell("waiting until each has heard of most others");
            await UntilKnownAsync(nodes, cancellationToken);
            figures.Add("nodes_start_to_offers_s", Clock.Since(start) / 1_000);
            await Task.Delay(s_quiet, cancellationToken);
            (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            await Task.Delay(s_quiet, cancellationToken);
            figures.Add("node_idle_cpu_percent", 100 * (Environment.CpuUsage.TotalTime - cpu) / Stopwatch.GetElapsedTime(start) / Nodes);
            figures.Add("node_rss_mb", Environment.WorkingSet / 1e6 / Nodes);

            run.Tell($"{Publications} statements of publishers elsewhere, each given to one node");
            Add(figures, "propagate_50", await MeasureAsync(nodes, random, GiveAsync, cancellationToken));
            run.Tell($"{Publications} agents, each published at one node, which does their work afterwards");
            Add(figures, "publish_propagate_50", await MeasureAsync(nodes, random, PublishAsync, cancellationToken));
        }
        finally
        {
            await Parallel.ForEachAsync(nodes, CancellationToken.None, (node, _) => node.DisposeAsync());
            folder.Delete(recursive: true);
        }
    }

    private static void Add(Figures figures, string name, List<double[]> samples)
    {
        var all = samples.SelectMany(one => one).ToList();
        figures.AddPercentiles(name + "_ms", all, 50, 90, 99);
        figures.Add(name + "_ms_max", all.Max());
        figures.Add(name + "_last_node_ms_p50", Figures.Median(samples.Select(one => one.Max())));
    }

    /// <summary>Waits until each node has the offers of nine in ten: what was said while it was starting it may find only when statements are compared.</summary>
    private static async Task UntilKnownAsync(List<Whole> nodes, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var node in nodes)
        {
            while (await node.Client.ListOffersAsync(cancellationToken).CountAsync(cancellationToken) is var count && count < nodes.Count * 9 / 10)
            {
                if (Stopwatch.GetElapsedTime(start) > s_patience)
                    throw new BenchmarkException($"After {s_patience.TotalMinutes:N0} minutes a node has the offers of {count} of {nodes.Count}.");
                await Task.Delay(200, cancellationToken);
            }
        }
    }

    /// <summary>Publishes at one node after the other.</summary>
    /// <returns>Of each publication the milliseconds from its answer until the listing is answered by each of the others.</returns>
    private static async Task<List<double[]>> MeasureAsync(
        List<Whole> nodes, Random random, Func<Whole, string, CancellationToken, Task<Func<Task>>> prepare, CancellationToken cancellationToken)
    {
        var samples = new List<double[]>();
        for (var number = 0; number < Publications; number++)
        {
            var publisher = nodes[random.Next(nodes.Count)];
            var name = "bench-" + Guid.CreateVersion7().ToString("n");
            var publish = await prepare(publisher, name, cancellationToken);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_limit);
            var seen = nodes.Where(node => node != publisher).Select(node => Task.Run(() => node.WaitForAsync(name, limit.Token), limit.Token)).ToList();
            await publish();
            var answered = Stopwatch.GetTimestamp();
            try
            {
                var moments = await Task.WhenAll(seen);
                samples.Add([.. moments.Select(moment => Math.Max(0, Stopwatch.GetElapsedTime(answered, moment).TotalMilliseconds))]);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new BenchmarkException($"Within {s_limit.TotalSeconds:N0} s {seen.Count(one => one.IsCompletedSuccessfully)} of {seen.Count} nodes had heard of an agent.");
            }
        }

        return samples;
    }

    /// <summary>A listing that its publisher has signed, with the work that it costs where he is a stranger.</summary>
    private static async Task<Func<Task>> GiveAsync(Whole node, string name, CancellationToken cancellationToken)
    {
        using var key = PrivateKey.Generate();
        var json = Manifest(name);
        var content = new AgentListing(ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, json, ContentHash.Of("a"u8), ContentHash.Of("b"u8), 1_000);
        var hlc = new Hlc(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), 0);
        var statement = await Task.Run(() => Statement.SignWorked(key, hlc, content, AdmissionPolicy.Default, cancellationToken).Value, cancellationToken);
        return () => node.Client.AddListingAsync(statement.Envelope, cancellationToken);
    }

    private static Task<Func<Task>> PublishAsync(Whole node, string name, CancellationToken cancellationToken) => Task.FromResult<Func<Task>>(
        () => node.Client.PublishAgentAsync(Encoding.UTF8.GetBytes(Manifest(name)), new MemoryStream(GuestPrograms.Echo), cancellationToken: cancellationToken));

    private static string Manifest(string name) => $$"""
        { "name": "{{name}}", "version": "1.0.0", "description": "Gives back what it is given.", "capabilities": ["bench.echo"], "program": "p.wasm",
          "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
          "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
          "price": { "base": "0.0001", "perMegabyte": "0", "perGigafuel": "0.5" } }
        """;

    private sealed class Whole(NodeHost host, string address, StoaClient client) : IAsyncDisposable
    {
        private readonly Signal _said = host.Services.GetRequiredService<Database>().GetSignal(SqlStatements.Topic);

        /// <summary>To join it by.</summary>
        public string Address => address;

        public StoaClient Client => client;

        public static async Task<Whole> StartAsync(string folder, string? join, CancellationToken cancellationToken)
        {
            string[] joining = join is null ? [] : ["--network:join:0", join];
            var host = await NodeHost.BuildAsync(
                [
                    "--data", folder, "--url", "http://127.0.0.1:0", "--observability:logLevel", "none", "--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false",
                    "--node:region", "bench", .. joining,
                ],
                cancellationToken: cancellationToken);
            try
            {
                var started = await host.StartAsync(cancellationToken);
                return new Whole(host, started.NetworkAddresses[0], new StoaClient(new StoaClientOptions { Address = started.Address, ApiKey = started.AdminKey }));
            }
            catch
            {
                await host.DisposeAsync();
                throw;
            }
        }

        /// <summary>Waits until the node answers an agent when it is asked for its listings over HTTP. It is asked again whenever it has taken statements.</summary>
        /// <returns>The moment, a timestamp of <see cref="Stopwatch"/>.</returns>
        public async Task<long> WaitForAsync(string name, CancellationToken cancellationToken)
        {
            while (true)
            {
                var seen = _said.Value;
                if (await client.ListListingsAsync(new ListingQuery(name), cancellationToken).AnyAsync(cancellationToken))
                    return Stopwatch.GetTimestamp();
                await _said.WaitBeyondAsync(seen, cancellationToken);
            }
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await host.DisposeAsync();
        }
    }
}
