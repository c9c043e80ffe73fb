using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Runs of workflows on a node: how many steps a second, what a step takes beside the same task submitted by hand, and a graph of ten thousand nodes.</summary>
/// <remarks>All of it is production code: tasks are WebAssembly programs with holds, captures and signed receipts. So steps a second are bounded by tasks a second, which stand beside them.</remarks>
internal static class WorkflowsBench
{
    private const string Machine = "machine";
    private const string Messages = "messages";
    private const string Steps = "steps";
    private const string Overhead = "overhead";
    private const string Nodes = "nodes";
    private const int ItemsOfARun = 500;
    private const int RunsAtOnce = 20;
    private const int Chain = 300;
    private const int ManyNodes = 10_000;

    public static IReadOnlyList<string> Parts { get; } = [Machine, Messages, Steps, Overhead, Nodes];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants(Machine))
            WorkflowMachineBench.Run(run.Tell, figures, cancellationToken);
        if (run.Wants(Messages))
            await MessagesBench.AddEmbeddedAsync(figures, run, cancellationToken);
        if (!run.Wants(Steps) && !run.Wants(Overhead) && !run.Wants(Nodes))
            return figures;
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            await using var node = await RunningNode.StartAsync(folder.FullName, cancellationToken);
            if (run.Wants(Steps))
            {
                run.Tell($"{RunsAtOnce} runs of {ItemsOfARun} tasks each");
                await StepsAsync(node, figures, cancellationToken);
            }

            if (run.Wants(Overhead))
            {
                run.Tell($"{Chain} steps one after the other, and the same tasks by hand");
                await OverheadAsync(node, figures, cancellationToken);
            }

            if (run.Wants(Nodes))
            {
                run.Tell($"a graph of {ManyNodes} nodes");
                await NodesAsync(node, figures, cancellationToken);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return figures;
    }

    private static async Task StepsAsync(RunningNode node, Figures figures, CancellationToken cancellationToken)
    {
        var document = JsonElement.Parse($$$"""
            { "name": "many", "nodes": { "each": { "map": { "over": "${input.list}", "most": 1000, "parallel": 250,
              "nodes": { "one": { "task": { "agent": "{{{node.Agent}}}", "input": { "text": "item ${item}" } } } } } } } }
            """);
        var input = JsonElement.Parse($$"""{ "list": [{{string.Join(',', Enumerable.Range(0, ItemsOfARun))}}] }""");
        await RunAllAsync();
        var (start, busy) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await RunAllAsync();
        figures.Add("steps_per_s_embedded", RunsAtOnce * ItemsOfARun / Clock.Since(start) * 1000);
        figures.Add("step_processor_us_embedded", (Environment.CpuUsage.TotalTime - busy).TotalMicroseconds / (RunsAtOnce * ItemsOfARun));
        await node.RunBatchAsync(RunsAtOnce * ItemsOfARun, cancellationToken);
        (start, busy) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await node.RunBatchAsync(RunsAtOnce * ItemsOfARun, cancellationToken);
        figures.Add("batch_tasks_per_s_embedded", RunsAtOnce * ItemsOfARun / Clock.Since(start) * 1000);
        figures.Add("batch_task_processor_us_embedded", (Environment.CpuUsage.TotalTime - busy).TotalMicroseconds / (RunsAtOnce * ItemsOfARun));

        async Task RunAllAsync()
        {
            List<string> ids = [];
            for (var number = 0; number < RunsAtOnce; number++)
                ids.Add((await node.Client.StartWorkflowRunAsync(new StartWorkflowRunRequest(Document: document, Input: input), cancellationToken: cancellationToken)).Id);
            foreach (var id in ids)
                await node.EndAsync(id, cancellationToken);
        }
    }

    /// <summary>From the end of a task to the moment at which the next one's program begins; and by hand from the call that submits it.</summary>
    private static async Task OverheadAsync(RunningNode node, Figures figures, CancellationToken cancellationToken)
    {
        var nodes = Enumerable.Range(0, Chain).Select(number => $$$"""
            "n{{{number}}}": { "task": { "agent": "{{{node.Agent}}}", "input": { "text": "{{{(number == 0 ? "hello" : $"${{nodes.n{number - 1}.output}}")}}}" } } }
            """);
        var document = JsonElement.Parse($$"""{ "name": "chain", "nodes": { {{string.Join(',', nodes)}} } }""");
        var (begun, ended) = (new ConcurrentQueue<long>(), new ConcurrentQueue<long>());
        using var attempts = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TaskTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = span =>
            {
                if (span.OperationName == TaskTelemetry.AttemptSpan)
                    begun.Enqueue(Stopwatch.GetTimestamp());
            },
        };
        ActivitySource.AddActivityListener(attempts);
        node.Waiters.Ended += (_, _) => ended.Enqueue(Stopwatch.GetTimestamp());
        await RunAsync();
        begun.Clear();
        ended.Clear();
        await RunAsync();
        var starts = begun.ToArray();
        var ends = ended.ToArray();
        if (starts.Length != Chain || ends.Length != Chain)
            throw new BenchmarkException($"Of {Chain} tasks {starts.Length} were seen to begin, and {ends.Length} to end.");
        List<double> steps = [.. Enumerable.Range(1, Chain - 1).Select(number => Stopwatch.GetElapsedTime(ends[number - 1], starts[number]).TotalMilliseconds)];
        List<double> byHand = [];
        for (var number = 0; number < Chain; number++)
        {
            begun.Clear();
            byHand.Add(await node.SubmitOneAsync(begun, cancellationToken));
        }

        figures.AddPercentiles("step_end_to_next_start_ms", "", steps, 50, 99);
        figures.AddPercentiles("submit_to_start_ms", "", byHand, 50, 99);
        figures.Add("step_overhead_ms_p50", Median(steps) - Median(byHand));

        // Only what is traced when it comes in is traced on its way: the node traces what a client says that it does.
        async Task RunAsync()
        {
            using var traced = new Activity("bench").SetIdFormat(ActivityIdFormat.W3C).Start();
            traced.ActivityTraceFlags = ActivityTraceFlags.Recorded;
            await node.EndAsync((await node.Client.StartWorkflowRunAsync(new StartWorkflowRunRequest(Document: document), cancellationToken: cancellationToken)).Id, cancellationToken);
        }
    }

    /// <summary>A hundred layers of a hundred nodes, each of which reads one of the layer before: from the start to the end of the run.</summary>
    private static async Task NodesAsync(RunningNode node, Figures figures, CancellationToken cancellationToken)
    {
        const int width = 100;
        var text = new StringBuilder("""{ "name": "graph", "nodes": { """);
        for (var number = 0; number < ManyNodes; number++)
        {
            text.Append(CultureInfo.InvariantCulture, $$"""{{(number == 0 ? "" : ", ")}}"n{{number}}": { "task": { "agent": "{{node.Agent}}", "input": { "text": """);
            text.Append(number < width ? "\"hello\"" : string.Create(CultureInfo.InvariantCulture, $"\"${{nodes.n{number - width - (number % width) + ((number + 7) % width)}.output}}\""));
            text.Append(" } } }");
        }

        text.Append(" } }");
        var document = JsonElement.Parse(text.ToString());
        var start = Stopwatch.GetTimestamp();
        var run = await node.Client.StartWorkflowRunAsync(new StartWorkflowRunRequest(Document: document), cancellationToken: cancellationToken);
        var startedMs = Clock.Since(start);
        await node.EndAsync(run.Id, cancellationToken);
        figures.Add("nodes_10000_s", Clock.Since(start) / 1000);
        figures.Add("nodes_10000_start_ms", startedMs);
    }

    private static double Median(List<double> samples) => samples.Order().ElementAt(samples.Count / 2);

    private sealed class RunningNode(NodeHost host, StoaClient client, Id<User> owner, string agent) : IAsyncDisposable
    {
        private readonly SubmitTask _submit = host.Services.GetRequiredService<SubmitTask>();
        private readonly TaskWorkers _workers = host.Services.GetRequiredService<TaskWorkers>();
        private readonly TaskRequest _request = new(
            ListingName.Parse(agent), new RequestedInput.Inline("hello"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, MaxPrice: null);

        public StoaClient Client => client;

        public string Agent => agent;

        public TaskWaiters Waiters { get; } = host.Services.GetRequiredService<TaskWaiters>();

        public static async Task<RunningNode> StartAsync(string folder, CancellationToken cancellationToken)
        {
            var host = await NodeHost.BuildAsync(["--data", folder, "--url", "http://127.0.0.1:0", "--Observability:LogLevel", "Warning"], cancellationToken: cancellationToken);
            var started = await host.StartAsync(cancellationToken);
            var key = await File.ReadAllTextAsync(started.AdminKeyFile, cancellationToken);
            var client = new StoaClient(new StoaClientOptions { Address = started.Address, ApiKey = key.Trim(), ResponseTimeout = TimeSpan.FromMinutes(5) });
            var manifest = new AgentManifestBody(
                "echo", "1.0.0", "Writes what it reads.", ["bench.run"], "echo.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
                new AgentLimitsBody(1_000_000, 1 << 20, 10_000, 10_000, 1_000), new AgentPriceBody("0.000000100", "0.000000500", "0.000001"));
            var json = JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody);
            var agent = await client.PublishAgentAsync(json, new MemoryStream(GuestPrograms.Echo), cancellationToken: cancellationToken);
            return new RunningNode(host, client, Id<User>.Parse((await client.GetMeAsync(cancellationToken)).Id), agent.Listing);
        }

        public async Task EndAsync(string run, CancellationToken cancellationToken)
        {
            WorkflowRunResponse now;
            while ((now = await client.GetWorkflowRunAsync(run, cancellationToken)).EndedAt is null)
                await Task.Delay(10, cancellationToken);
            if (now.State != "succeeded")
                throw new BenchmarkException($"{run} is {now.State}: {now.Error}");
        }

        public async Task RunBatchAsync(int size, CancellationToken cancellationToken)
        {
            var batch = await client.SubmitBatchAsync(new SubmitBatchRequest([.. Enumerable.Repeat(new SubmitTaskRequest(agent, new TaskInputBody(Text: "hello")), size)]), cancellationToken: cancellationToken);
            while ((await client.GetBatchAsync(batch.Id, cancellationToken)) is { FinishedAt: null })
                await Task.Delay(10, cancellationToken);
        }

        public async Task<double> SubmitOneAsync(ConcurrentQueue<long> begun, CancellationToken cancellationToken)
        {
            TaskWorkers.Reservation? room = null;
            var start = Stopwatch.GetTimestamp();
            // Only what is traced when it comes in is traced on its way.
            var submitted = await _submit.SubmitAsync(owner, _request, null, task => (room = _workers.TryReserve(task))?.Claim, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", cancellationToken);
            using var reserved = room;
            if (!submitted.TryGet(out var made, out var refusal) || made.Task.State is not TaskState.Running)
                throw new BenchmarkException(refusal?.Detail ?? "The node is not idle.");
            using var end = Waiters.Listen(made.Task.Id);
            room!.Begin(made.Task, "hello"u8.ToArray());
            await end.WaitAsync(made.Task, TimeSpan.FromSeconds(10), cancellationToken);
            return begun.TryDequeue(out var at) ? Stopwatch.GetElapsedTime(start, at).TotalMilliseconds : throw new BenchmarkException("The task was not seen to begin.");
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await host.DisposeAsync();
        }
    }
}
