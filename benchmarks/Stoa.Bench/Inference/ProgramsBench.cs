using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client;

namespace Stoa.Bench.Inference;

/// <summary>The sample model, a program in the sandbox of a real node: answers a second, and how soon the first word is there.</summary>
internal static class ProgramsBench
{
    private const int Slots = 8;
    private const int Streams = 200;
    private const int Tokens = 64;
    private const int Rounds = 3;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    public static async Task AddAsync(BenchmarkRun run, Figures figures, CancellationToken cancellationToken)
    {
        var sample = Path.Combine(Checkout.Root, "samples", "models", "parrot");
        var program = Path.Combine(sample, "parrot.wasm");
        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        try
        {
            await using var node = await NodeProcess.StartAsync(
                folder,
                ["--Http:ModelCallsPerMinute", "100000000", "--Inference:Local:0:Model", "stoa/parrot@1.0.0", "--Inference:Local:0:File", program, "--Inference:Local:0:Slots", $"{Slots}"],
                cancellationToken);
            using var client = node.Connect();
            await ServeAsync(client, sample, program, cancellationToken);
            await MeasureAsync(run, figures, node, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ServeAsync(StoaClient client, string sample, string program, CancellationToken cancellationToken)
    {
        await using (var bytes = File.OpenRead(program))
            await client.UploadAsync(bytes, cancellationToken: cancellationToken);
        await client.PublishListingAsync(await File.ReadAllBytesAsync(Path.Combine(sample, "model.json"), cancellationToken), cancellationToken);
        for (var tries = 0; (await client.ListModelsAsync(cancellationToken)).Count == 0; tries++)
        {
            if (tries == 1_000)
                throw new BenchmarkException("The node does not serve the sample model.");
            await Task.Delay(s_look, cancellationToken);
        }
    }

    private static async Task MeasureAsync(BenchmarkRun run, Figures figures, NodeProcess node, CancellationToken cancellationToken)
    {
        var address = new Uri(node.Address, "v1/chat/completions");
        var request = HttpLoad.Request(address, Body(isStream: false), ("Authorization", $"Bearer {node.AdminKey}"));
        run.Tell("warming up");
        await HttpLoad.RunAsync(address, request, Slots, s_warmUp, cancellationToken);
        var (alone, together, us50, cpuUs, firstMs) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 1; round <= Rounds; round++)
        {
            run.Tell($"round {round} of {Rounds}: one connection, then {Slots}, then {Streams} streams one after the other");
            var (us, rate) = await HttpLoad.RunAsync(address, request, 1, s_turn, cancellationToken);
            alone.Add(rate);
            us50.Add(Figures.Median(us));
            var before = node.ProcessorSeconds;
            (us, rate) = await HttpLoad.RunAsync(address, request, Slots, s_turn, cancellationToken);
            together.Add(rate);
            cpuUs.Add((node.ProcessorSeconds - before) * 1e6 / us.Count);
            await AddFirstWordsAsync(node, firstMs, cancellationToken);
        }

        figures.Add("wasm_requests_per_s_c1", Figures.Median(alone));
        figures.Add($"wasm_requests_per_s_c{Slots}", Figures.Median(together));
        figures.Add("wasm_answer_ms_p50_c1", Figures.Median(us50) / 1_000);
        figures.Add($"wasm_cpu_us_per_request_c{Slots}", Figures.Median(cpuUs));
        figures.AddPercentiles("wasm_first_token_ms", firstMs, 50, 99);
        figures.Add("wasm_rss_mb", node.ResidentBytes / 1e6);
    }

    /// <summary>How soon the first word of each stream is there, seen as a client sees it.</summary>
    private static async Task AddFirstWordsAsync(NodeProcess node, List<double> firstMs, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = node.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", node.AdminKey);
        for (var stream = 0; stream < Streams; stream++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = new StringContent(Body(isStream: true), Encoding.UTF8, "application/json") };
            var began = Stopwatch.GetTimestamp();
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
            while (await reader.ReadLineAsync(cancellationToken) is { } line && !line.Contains("\"content\"", StringComparison.Ordinal))
            {
            }

            firstMs.Add(Clock.Since(began));
            await reader.ReadToEndAsync(cancellationToken);
        }
    }

    private static string Body(bool isStream) => new JsonObject
    {
        ["model"] = "stoa/parrot@1.0.0",
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What is a receipt, and who signs it?" }),
        ["max_tokens"] = Tokens,
        ["seed"] = 1,
        ["stream"] = isStream,
    }.ToJsonString();
}
