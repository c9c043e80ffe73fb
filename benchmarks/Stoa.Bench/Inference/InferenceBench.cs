using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using Stoa.Faults.Nodes;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Bench.Inference;

/// <summary>Requests in the form of OpenAI's API through a node, with its key check, reservation, routing and metering, beside the same requests to the server itself and through Portkey's gateway.</summary>
/// <remarks>All run on one machine at once: what drives them, the server, and the gateway of the moment. They take turns, and each figure is the median of the turns.</remarks>
internal static class InferenceBench
{
    private const int Rounds = 5;
    private const int Replicas = 3;
    private const int Streams = 1_000;
    private const int StreamTokens = 1_000;
    private const int StreamSeconds = 10;
    private const int WarmUpTokens = 300;
    private const double LateMs = 50;
    private const int Prefixes = 10_000_000;

    // Long enough to have a beginning by which it is routed.
    private const string Chat =
        """{"model":"MODEL","messages":[{"role":"system","content":"You are a helpful assistant of a shop for tea, coffee and what goes with them. You answer in one or two sentences, in the language in which you are asked, and never with more than was asked for. You know what is on the shelves, how it is brewed and how long it keeps; you do not know what is in stock, and say so when somebody wants to know it. Of prices you say that they are on the labels. Whoever is rude is answered politely. Whoever asks for medical advice is told to ask a physician. You make no jokes about coffee drinkers, and none about those who drink tea either, however much they ask for them."},{"role":"user","content":"Say hello to the people who read this."}],"max_tokens":MAX,"temperature":0.2STREAM}""";

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(4);

    public static IReadOnlyList<string> Parts { get; } = ["requests", "streams", "leaks", "prefixes", "keys", "money", "llama", "wasm"];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants("requests") || run.Wants("streams") || run.Wants("leaks"))
            await MeasureGatewaysAsync(run, figures, cancellationToken);
        if (run.Wants("prefixes"))
            MeasurePrefixes(run, figures);
        if (run.Wants("keys"))
            await KeysBench.AddAsync(run, figures, cancellationToken);
        if (run.Wants("money"))
            await AllowancesBench.AddAsync(run, figures, cancellationToken);
        if (run.Wants("llama"))
            await LlamaBench.AddAsync(run, figures, cancellationToken);
        if (run.Wants("wasm"))
            await ProgramsBench.AddAsync(run, figures, cancellationToken);
        return figures;
    }

    private static async Task MeasureGatewaysAsync(BenchmarkRun run, Figures figures, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        try
        {
            await using var watchdog = new Watchdog();
            // One process, and a replica at each of its addresses: there is something to choose from.
            var servers = StartStubs(watchdog, StubServer.Word, Replicas);
            var server = servers[0];
            await using var node = await NodeProcess.StartAsync(folder, ["--Http:ModelCallsPerMinute", "100000000"], cancellationToken);
            var model = await PublishAsync(node, "stub", cancellationToken);
            foreach (var replica in servers)
                await RegisterAsync(node, model, replica, cancellationToken);
            var direct = new Side("direct", new Uri(server, "v1/chat/completions"), "stub", []);
            var stoa = new Side("stoa", new Uri(node.Address, "v1/chat/completions"), model, [("Authorization", $"Bearer {node.AdminKey}")]);
            if (run.Wants("requests"))
                await MeasureRequestsAsync(run, figures, node, direct, stoa, await StartPortkeyAsync(run, watchdog, server, cancellationToken), cancellationToken);
            if (run.Wants("streams"))
                await MeasureStreamsAsync(run, figures, node, direct, stoa, cancellationToken);
            if (run.Wants("leaks"))
            {
                var faulty = await PublishAsync(node, "faulty", cancellationToken);
                var asked = stoa with { Model = faulty };
                await LeaksBench.AddAsync(run, figures, node, faulty, asked.RequestOf("", 64), asked.StreamOf(FewTokens), cancellationToken);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task MeasureRequestsAsync(BenchmarkRun run, Figures figures, NodeProcess node, Side direct, Side stoa, Side? portkey, CancellationToken cancellationToken)
    {
        List<Side> sides = portkey is null ? [direct, stoa] : [direct, stoa, portkey];
        foreach (var side in sides)
        {
            run.Tell($"warming up: {side.Name}");
            await side.AskAsync(32, s_warmUp, cancellationToken);
        }

        var (perSecond, us50, us99, cpuUs) = (NewSamples(sides), NewSamples(sides), NewSamples(sides), new List<double>());
        for (var round = 1; round <= Rounds; round++)
        {
            run.Tell($"round {round} of {Rounds}: 32 connections, then one");
            foreach (var side in sides)
            {
                var before = node.ProcessorSeconds;
                var (us, rate) = await side.AskAsync(32, s_turn, cancellationToken);
                perSecond[side].Add(rate);
                if (side == stoa)
                    cpuUs.Add((node.ProcessorSeconds - before) * 1e6 / us.Count);
            }

            foreach (var side in sides)
            {
                var (us, _) = await side.AskAsync(1, s_turn, cancellationToken);
                us.Sort();
                us50[side].Add(us[us.Count / 2]);
                us99[side].Add(us[us.Count * 99 / 100]);
            }
        }

        figures.Add("requests_per_s_c32", Figures.Median(perSecond[stoa]));
        if (portkey is not null)
            figures.Add("portkey_requests_per_s_c32", Figures.Median(perSecond[portkey]));
        figures.Add("direct_requests_per_s_c32", Figures.Median(perSecond[direct]));
        figures.Add("cpu_us_per_request_c32", Figures.Median(cpuUs));
        figures.Add("added_us_p50_c1", Figures.Median(us50[stoa].Zip(us50[direct], (through, to) => through - to)));
        figures.Add("added_us_p99_c1", Figures.Median(us99[stoa].Zip(us99[direct], (through, to) => through - to)));
        if (portkey is not null)
        {
            figures.Add("portkey_added_us_p50_c1", Figures.Median(us50[portkey].Zip(us50[direct], (through, to) => through - to)));
            figures.Add("portkey_added_us_p99_c1", Figures.Median(us99[portkey].Zip(us99[direct], (through, to) => through - to)));
        }
    }

    private static async Task MeasureStreamsAsync(BenchmarkRun run, Figures figures, NodeProcess node, Side direct, Side stoa, CancellationToken cancellationToken)
    {
        run.Tell("first tokens of one stream after the other");
        var (first, firstDirect) = (new List<double>(), new List<double>());
        for (var stream = 0; stream < 2 * FirstTokens; stream++)
        {
            var (firstDirectMs, firstMs) = (direct.FirstTokenMs(), stoa.FirstTokenMs());
            // The first half is to warm up.
            if (stream < FirstTokens)
                continue;
            firstDirect.Add(firstDirectMs);
            first.Add(firstMs);
        }

        figures.Add("added_first_token_ms_p50", Figures.Median(first) - Figures.Median(firstDirect));
        run.Tell($"{Streams:N0} streams of 100 tokens a second, ten seconds each, after three to warm up");
        await stoa.StreamAsync(WarmUpTokens, cancellationToken);
        var before = node.ProcessorSeconds;
        var lateMs = await stoa.StreamAsync(StreamTokens, cancellationToken);
        figures.Add("streams_1000_late_percent", lateMs.Count(late => late > LateMs) * 100.0 / lateMs.Count);
        figures.AddPercentiles("streams_1000_late_ms", lateMs, 50, 99);
        // While all streams are there: whoever falls behind is later and later.
        figures.Add("streams_1000_growth_ms", Figures.Median(Second(lateMs, 7)) - Figures.Median(Second(lateMs, 3)));
        figures.Add("streams_1000_cpu_us_per_token", (node.ProcessorSeconds - before) * 1e6 / lateMs.Count);
        figures.Add("streams_1000_rss_mb", node.ResidentBytes / 1e6);
        run.Tell("the same without a gateway");
        var directMs = await direct.StreamAsync(StreamTokens, cancellationToken);
        figures.Add("direct_streams_1000_late_percent", directMs.Count(late => late > LateMs) * 100.0 / directMs.Count);
    }

    /// <summary>The delays of a second of each stream.</summary>
    private static List<double> Second(List<double> lateMs, int second) =>
        [.. lateMs.Chunk(StreamTokens).SelectMany(stream => stream.Skip(second * StreamTokens / StreamSeconds).Take(StreamTokens / StreamSeconds))];

    // Enough to have a first one.
    private const int FewTokens = 1;
    private const int FirstTokens = 200;

    private static void MeasurePrefixes(BenchmarkRun run, Figures figures)
    {
        run.Tell($"{Prefixes:N0} prompts, none like another");
        var options = new Node.Inference.InferenceOptions();
        GC.Collect();
        var before = Environment.WorkingSet;
        var chooser = new ReplicaChooser(new PrefixIndex(options.PrefixEntries, options.PrefixSeconds), new Random(1));
        var model = new ReplicaModel(ListingName.Parse("bench/model@1.0.0"), null, ["chat"], null, null);
        List<ReplicaState> replicas =
        [
            .. Enumerable.Range(0, 8).Select(number => new ReplicaState(
                new Replica(new Id<Replica>(new Guid(number, 0, 0, new byte[8])), model, new Uri("http://127.0.0.1:1/v1"), "m", null, 1, 8, null, false, DateTimeOffset.UnixEpoch), (ushort)number, 0)),
        ];
        var (hash, start, first) = (new ulong[1], Stopwatch.GetTimestamp(), 0.0);
        for (var prompt = 0; prompt < Prefixes; prompt++)
        {
            hash[0] = ((ulong)prompt * 0x9E3779B97F4A7C15) | 1;
            var request = new RoutedRequest(100, hash, 0, null);
            chooser.TryEnter(replicas, [], request, prompt)!.Value.Leave(new RequestEnd(RequestEndKind.Served, 50, 100, 10, false), prompt);
            if (prompt == Prefixes / 10)
                first = Environment.WorkingSet;
        }

        figures.Add("route_us", Clock.Since(start) * 1_000 / Prefixes);
        figures.Add("rss_mb_10m_prefixes", (Environment.WorkingSet - before) / 1e6);
        figures.Add("rss_mb_1m_prefixes", (first - before) / 1e6);
        run.Tell("conversations, by routing and by turns");
        var (ratio, routed, turns) = PrefixTrace.Run();
        figures.Add("prefix_hits_vs_round_robin", ratio);
        figures.Add("prefix_hits_percent", routed);
        figures.Add("round_robin_hits_percent", turns);
    }

    /// <summary>Starts a server, and answers where it is.</summary>
    internal static Uri StartStub(Watchdog watchdog, string word) => StartStubs(watchdog, word, 1)[0];

    /// <summary>Starts one that is at several addresses.</summary>
    private static IReadOnlyList<Uri> StartStubs(Watchdog watchdog, string word, int count)
    {
        var ports = Enumerable.Range(0, count).Select(_ => NodeProcess.FreePort()).ToList();
        var stub = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Stoa.Bench.dll"), word, .. ports.Select(port => port.ToString(CultureInfo.InvariantCulture))]))
            ?? throw new BenchmarkException("dotnet did not start.");
        watchdog.Watch(stub);
        return [.. ports.Select(WaitFor)];
    }

    private static Uri WaitFor(int port)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var probe = new System.Net.Sockets.TcpClient("127.0.0.1", port);
                return new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
            }
            catch (System.Net.Sockets.SocketException) when (tries < 200)
            {
                Thread.Sleep(50);
            }
        }
    }

    internal static async Task<string> PublishAsync(NodeProcess node, string name, CancellationToken cancellationToken)
    {
        using var client = node.Connect();
        var publisher = (await client.GetMeAsync(cancellationToken)).Handle;
        await client.UploadAsync(new MemoryStream("weights"u8.ToArray()), cancellationToken: cancellationToken);
        await client.PublishListingAsync(
            Encoding.UTF8.GetBytes($$"""
            { "kind": "model", "name": "{{name}}", "version": "1.0.0", "description": "A model of the benchmark.", "tags": [], "framework": "gguf", "contextLength": 8192,
              "weights": { "digest": "{{ContentHash.Of("weights"u8)}}", "bytes": 7 }, "capabilities": ["chat"], "price": { "perMillionInputTokens": "0.001", "perMillionOutputTokens": "0.002" } }
            """),
            cancellationToken);
        return $"{publisher}/{name}@1.0.0";
    }

    internal static async Task RegisterAsync(NodeProcess node, string model, Uri server, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = node.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", node.AdminKey);
        using var added = await http.PostAsJsonAsync("/api/v1/replicas", new { model, address = new Uri(server, "v1").ToString(), maxRequests = 10_000 }, cancellationToken);
        if (!added.IsSuccessStatusCode)
            throw new BenchmarkException($"The node took no replica: {await added.Content.ReadAsStringAsync(cancellationToken)}");
    }

    private static async Task<Side?> StartPortkeyAsync(BenchmarkRun run, Watchdog watchdog, Uri server, CancellationToken cancellationToken)
    {
        run.Tell("the other gateway from npm");
        if (await NpmPackages.InstallAsync(Path.Combine("benchmarks", "gateways"), "gateways", cancellationToken) is not { } folder)
        {
            run.Warn("npm is not installed or cannot install what benchmarks/gateways needs, so the figures of the other gateway are left out.");
            return null;
        }

        var port = NodeProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        var process = NpmPackages.Start("node", folder, ["node_modules/@portkey-ai/gateway/build/start-server.js", $"--port={port}", "--headless"]);
        if (process is null)
        {
            run.Warn("node is not installed, so the figures of the other gateway are left out.");
            return null;
        }

        watchdog.Watch(process);
        _ = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var address = new Uri($"http://127.0.0.1:{port}/v1/chat/completions");
        var side = new Side("portkey", address, "stub", [("Authorization", "Bearer none"), ("x-portkey-provider", "openai"), ("x-portkey-custom-host", new Uri(server, "v1").ToString())]);
        for (var tries = 0; ; tries++)
        {
            try
            {
                await side.AskAsync(1, TimeSpan.FromMilliseconds(10), cancellationToken);
                return side;
            }
            catch (System.Net.Sockets.SocketException) when (tries < 100)
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }

    private static Dictionary<Side, List<double>> NewSamples(IEnumerable<Side> sides) => sides.ToDictionary(side => side, _ => new List<double>());

    /// <summary>Who is asked.</summary>
    private sealed record Side(string Name, Uri Address, string Model, (string Name, string Value)[] Headers)
    {
        public Task<(List<double> Us, double PerSecond)> AskAsync(int connections, TimeSpan time, CancellationToken cancellationToken) =>
            HttpLoad.RunAsync(Address, RequestOf("", 64), connections, time, cancellationToken);

        public double FirstTokenMs() => StreamLoad.FirstTokenMs(Address, StreamOf(FewTokens), FewTokens);

        /// <returns>How late each token was, in milliseconds.</returns>
        public Task<List<double>> StreamAsync(int tokens, CancellationToken cancellationToken) => StreamLoad.RunAsync(Address, StreamOf(tokens), Streams, tokens, cancellationToken);

        public byte[] StreamOf(int tokens) => RequestOf(",\"stream\":true", tokens * StubServer.LimitOfToken);

        public byte[] RequestOf(string stream, int tokens) => HttpLoad.Request(
            Address,
            Chat.Replace("MODEL", Model, StringComparison.Ordinal).Replace("STREAM", stream, StringComparison.Ordinal).Replace("MAX", tokens.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal),
            Headers);
    }
}
