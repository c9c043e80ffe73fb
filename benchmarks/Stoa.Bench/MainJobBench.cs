using System.Diagnostics;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Bench;

/// <summary>The main job over HTTP against a node in another process: submit, wait for the end, fetch the result.</summary>
internal static class MainJobBench
{
    private const string Agent = "stoa/markdown-html";
    // The runtime recompiles what is called often; after so many tasks it has settled.
    private const int WarmUp = 1_500;
    private const int RoundTrips = 1_000;
    private const int Starts = 5;
    private static readonly int[] s_clients = [2, 16];
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(30);

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        try
        {
            await using (var node = await NodeProcess.StartAsync(folder, cancellationToken))
            {
                tell($"first start: {node.ReadyMs:N0} ms");
                using var client = node.Connect();
                await PublishAsync(client, cancellationToken);
                tell($"warming up: {WarmUp} tasks");
                await RunManyAsync(client, 2, WarmUp, cancellationToken);
                tell($"round trips: {RoundTrips} tasks, one after the other");
                figures.AddPercentiles("round_trip_ms", await RunManyAsync(client, 1, RoundTrips, cancellationToken), 50, 99);
                foreach (var clients in s_clients)
                {
                    tell($"throughput: {RoundTrips} tasks, {clients} clients");
                    var start = Stopwatch.GetTimestamp();
                    await RunManyAsync(client, clients, RoundTrips, cancellationToken);
                    figures.Add($"tasks_per_s_{clients}_clients", RoundTrips / Clock.Since(start) * 1000);
                }
            }

            tell($"starting again: {Starts} times");
            var ready = new List<double>();
            for (var i = 0; i < Starts; i++)
            {
                await using var again = await NodeProcess.StartAsync(folder, cancellationToken);
                ready.Add(again.ReadyMs / 1000);
            }

            figures.Add("start_ready_s", Figures.Median(ready));
            return figures;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task PublishAsync(StoaClient client, CancellationToken cancellationToken)
    {
        var sample = Path.Combine(Checkout.Root, "samples", "markdown-html");
        var manifest = await File.ReadAllBytesAsync(Path.Combine(sample, "agent.json"), cancellationToken);
        await using var program = File.OpenRead(Path.Combine(sample, "markdown-html.wasm"));
        await client.PublishAgentAsync(manifest, program, cancellationToken: cancellationToken);
    }

    /// <summary>Runs tasks from several clients at once, each with an input of its own.</summary>
    /// <returns>Milliseconds of each round trip.</returns>
    private static async Task<IReadOnlyList<double>> RunManyAsync(
        StoaClient client, int clients, int tasks, CancellationToken cancellationToken)
    {
        var left = tasks;
        var perClient = await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            var samplesMs = new List<double>();
            for (var i = Interlocked.Decrement(ref left); i >= 0; i = Interlocked.Decrement(ref left))
                samplesMs.Add(await RunOneAsync(client, i, cancellationToken));
            return samplesMs;
        }));
        return [.. perClient.SelectMany(samplesMs => samplesMs)];
    }

    private static async Task<double> RunOneAsync(StoaClient client, int number, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var request = new SubmitTaskRequest(Agent, new TaskInputBody(Text: $"# Task {number}\n\nSome *text* with a [link](https://example.com/{number}).\n"));
        var task = await client.SubmitAsync(request, s_wait, cancellationToken: cancellationToken);
        if (task.State != "succeeded")
            throw new InvalidOperationException($"{task.Id} is {task.State}: {task.Failure?.Detail}");
        using var result = new MemoryStream();
        await client.DownloadResultAsync(task, result, cancellationToken: cancellationToken);
        if (result.Length != task.Result!.SizeBytes)
            throw new InvalidOperationException($"{task.Id} gave {result.Length} bytes instead of {task.Result.SizeBytes}.");
        return Clock.Since(start);
    }
}
