using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Bench.Wasm;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>The queue: what a durable task costs, how soon it starts, and what a million of them need.</summary>
internal static class TasksBench
{
    private const string Noop = "noop";
    private const string NoopPostgres = "noop-postgres";
    private const string Wasm = "wasm";
    private const string Calls = "calls";
    private const string Start = "start";
    private const string Million = "million";
    private const string Peers = "peers";
    private const string Select = "select";
    // Until the runtime has compiled what recurs for the last time; the peers get one as well.
    private const int WarmUp = 100_000;
    private const int Counted = 200_000;
    private const int WasmBatch = 10_000;
    private const int WasmBatches = 2;
    private const int Starts = 500;
    // Only what is traced when it comes in is traced on its way.
    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static TaskCompletionSource<long> s_begun = new();

    public static IReadOnlyList<string> Parts { get; } = [Noop, NoopPostgres, Peers, Wasm, Calls, Start, Million, Select];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var needsPostgres = run.Wants(NoopPostgres) || run.Wants(Start) || run.Wants(Peers);
        await using var postgres = needsPostgres ? await PostgresServer.StartAsync() : null;
        if (postgres is null && needsPostgres)
            run.Warn("PostgreSQL is not installed (Debian: apt-get install postgresql): its figures are missing.");
        if (run.Wants(Noop))
        {
            run.Tell($"{Counted} no-op tasks, embedded");
            await WithFolderAsync(folder => NoopsAsync(figures, "_embedded", new StorageOptions(DataFolder: folder), cancellationToken));
        }

        if (run.Wants(NoopPostgres) && postgres is not null)
        {
            run.Tell($"{Counted} no-op tasks, PostgreSQL");
            await WithFolderAsync(folder => NoopsAsync(figures, "_postgres", Options(postgres, folder), cancellationToken));
        }

        if (run.Wants(Peers))
        {
            run.Tell("the same work in Graphile Worker and BullMQ");
            var peers = new PeerQueues(run);
            if (postgres is not null)
                await peers.AddGraphileAsync(figures, await postgres.CreateDatabaseAsync("graphile", cancellationToken), cancellationToken);
            await peers.AddBullMqAsync(figures, isKept: false, cancellationToken);
            await peers.AddBullMqAsync(figures, isKept: true, cancellationToken);
        }

        if (run.Wants(Wasm))
        {
            run.Tell($"{WasmBatch * WasmBatches} WASM tasks with hold, capture and receipt, embedded");
            await WithFolderAsync(folder => WasmAsync(folder, figures, cancellationToken));
        }

        if (run.Wants(Calls))
        {
            run.Tell("agents that call an agent, in the sandbox");
            CallFigures.Add(figures);
        }

        if (run.Wants(Start))
        {
            run.Tell($"{Starts} submissions to an idle node, embedded");
            await WithFolderAsync(async folder => figures.AddPercentiles("submit_to_start_ms", "_embedded", await StartsAsync([], folder, cancellationToken), 50, 99));
            if (postgres is not null)
            {
                run.Tell($"{Starts} submissions to an idle node, PostgreSQL");
                var database = await postgres.CreateDatabaseAsync("start", cancellationToken);
                string[] options = ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", database];
                await WithFolderAsync(async folder => figures.AddPercentiles("submit_to_start_ms", "_postgres", await StartsAsync(options, folder, cancellationToken), 50, 99));
            }
        }

        if (run.Wants(Million))
        {
            run.Tell("a million no-op tasks, embedded");
            await WithFolderAsync(folder => MillionAsync(folder, figures, cancellationToken));
        }

        // Last, since its agents stay in memory.
        if (run.Wants(Select))
        {
            foreach (var (name, value) in (await SelectionBench.RunAsync(run.Tell, cancellationToken)).Values.Where(figure => figure.Name.EndsWith("_ms_p99", StringComparison.Ordinal)))
                figures.Add(name, value);
        }

        return figures;
    }

    private static StorageOptions Options(PostgresServer postgres, string folder) =>
        new(StorageProvider.Postgres, folder) { ConnectionString = postgres.ConnectionString };

    /// <summary>Tasks a second, and what each takes of a processor: of this process as a whole, and of the thread that writes.</summary>
    private static async Task NoopsAsync(Figures figures, string suffix, StorageOptions options, CancellationToken cancellationToken)
    {
        await using var database = await Database.OpenAsync(options, TimeProvider.System, cancellationToken);
        var tasks = new NoopTasks(database);
        await tasks.RunAsync(WarmUp, cancellationToken);
        var (before, writerBeforeMs) = (Environment.CpuUsage.TotalTime, ThreadTime.OfNamedMs(SqliteWriter.ThreadName));
        figures.Add("noop_per_s" + suffix, (await tasks.RunAsync(Counted, cancellationToken)).PerSecond);
        figures.Add("noop_cpu_us" + suffix, (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Counted);
        if (ThreadTime.OfNamedMs(SqliteWriter.ThreadName) - writerBeforeMs is { } writerMs and > 0)
            figures.Add("noop_writer_cpu_us" + suffix, writerMs * 1000 / Counted);
    }

    private static async Task MillionAsync(string folder, Figures figures, CancellationToken cancellationToken)
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, cancellationToken);
        var tasks = new NoopTasks(database);
        var (most, mostEarly) = (0L, 0L);
        using var ended = new CancellationTokenSource();
        var watching = Task.Run(
            async () =>
            {
                using var process = Process.GetCurrentProcess();
                while (!ended.IsCancellationRequested)
                {
                    process.Refresh();
                    most = Math.Max(most, process.WorkingSet64);
                    if (tasks.Ended <= 100_000)
                        mostEarly = most;
                    await Task.Delay(50, CancellationToken.None);
                }
            },
            cancellationToken);
        var (perSecond, latenciesMs) = await tasks.RunAsync(1_000_000, cancellationToken);
        await ended.CancelAsync();
        await watching;
        figures.Add("million_tasks_per_s", perSecond);
        figures.AddPercentiles("million_tasks_ms", latenciesMs, 50, 99);
        figures.Add("million_tasks_rss_mb_max", most / 1e6);
        figures.Add("million_tasks_rss_mb_max_of_first_tenth", mostEarly / 1e6);
    }

    /// <summary>All of a node in this process; the tasks are submitted, run, signed, paid for and written by production code.</summary>
    private static async Task WasmAsync(string folder, Figures figures, CancellationToken cancellationToken)
    {
        await using var node = await StartNodeAsync([], folder, cancellationToken);
        await node.RunBatchAsync(WasmBatch, cancellationToken);
        var start = Stopwatch.GetTimestamp();
        var busy = Environment.CpuUsage.TotalTime;
        for (var batch = 0; batch < WasmBatches; batch++)
            await node.RunBatchAsync(WasmBatch, cancellationToken);
        figures.Add("wasm_tasks_per_s_embedded", WasmBatch * WasmBatches / Clock.Since(start) * 1000);
        // Of all threads, submission included: a busy machine changes it less than the rate.
        figures.Add("wasm_task_processor_us_embedded", (Environment.CpuUsage.TotalTime - busy).TotalMicroseconds / (WasmBatch * WasmBatches));
    }

    /// <summary>From the call that submits to the moment at which the program's attempt begins, the task durable and claimed.</summary>
    private static async Task<IReadOnlyList<double>> StartsAsync(string[] options, string folder, CancellationToken cancellationToken)
    {
        // The thread that runs the program begins the trace's span.
        using var attempts = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TaskTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = span =>
            {
                if (span.OperationName == TaskTelemetry.AttemptSpan)
                    s_begun.TrySetResult(Stopwatch.GetTimestamp());
            },
        };
        ActivitySource.AddActivityListener(attempts);
        await using var node = await StartNodeAsync(options, folder, cancellationToken);
        for (var count = 0; count < Starts; count++)
            await node.RunOneAsync(cancellationToken);
        var timesMs = new List<double>();
        for (var count = 0; count < Starts; count++)
            timesMs.Add(await node.RunOneAsync(cancellationToken));
        return timesMs;
    }

    private static async Task WithFolderAsync(Func<string, Task> act)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            await act(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<RunningNode> StartNodeAsync(string[] options, string folder, CancellationToken cancellationToken)
    {
        var host = await NodeHost.BuildAsync(
            ["--data", folder, "--url", "http://127.0.0.1:0", "--Observability:LogLevel", "Warning", .. options], cancellationToken: cancellationToken);
        var started = await host.StartAsync(cancellationToken);
        var key = await File.ReadAllTextAsync(started.AdminKeyFile, cancellationToken);
        var client = new StoaClient(new StoaClientOptions { Address = started.Address, ApiKey = key.Trim() });
        var manifest = new AgentManifestBody(
            "echo", "1.0.0", "Writes what it reads.", ["bench.run"], "echo.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(1_000_000, 1 << 20, 10_000, 10_000, 1_000), new AgentPriceBody("0.000000100", "0.000000500", "0.000001"));
        var json = JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody);
        var agent = await client.PublishAgentAsync(json, new MemoryStream(GuestPrograms.Echo), cancellationToken: cancellationToken);
        var owner = Id<User>.Parse((await client.GetMeAsync(cancellationToken)).Id);
        return new RunningNode(host, client, owner, ListingName.Parse(agent.Listing));
    }

    private sealed class RunningNode(NodeHost host, StoaClient client, Id<User> owner, ListingName agent) : IAsyncDisposable
    {
        private readonly SubmitTask _submit = host.Services.GetRequiredService<SubmitTask>();
        private readonly SubmitBatch _submitBatch = host.Services.GetRequiredService<SubmitBatch>();
        private readonly ITaskBatchStore _batches = host.Services.GetRequiredService<ITaskBatchStore>();
        private readonly TaskWorkers _workers = host.Services.GetRequiredService<TaskWorkers>();
        private readonly TaskWaiters _waiters = host.Services.GetRequiredService<TaskWaiters>();
        private readonly IdSource _ids = host.Services.GetRequiredService<IdSource>();
        private readonly TaskRequest _request = new(
            agent, new RequestedInput.Inline("hello"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, MaxPrice: null);

        public async Task RunBatchAsync(int size, CancellationToken cancellationToken)
        {
            var submitted = await _submitBatch.SubmitAsync(
                _ids.Next<TaskBatch>(), owner, [.. Enumerable.Repeat(_request, size)], null, cancellationToken);
            if (submitted.Refusal is { } refusal)
                throw new BenchmarkException(refusal.Detail);
            _workers.Wake();
            while ((await _batches.GetAsync(submitted.Value.Id, owner, cancellationToken))!.Batch is { FinishedAt: null } or { Succeeded: 0 })
                await Task.Delay(10, cancellationToken);
        }

        public async Task<double> RunOneAsync(CancellationToken cancellationToken)
        {
            TaskWorkers.Reservation? room = null;
            s_begun = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            var start = Stopwatch.GetTimestamp();
            var submitted = await _submit.SubmitAsync(
                owner, _request, null, task => (room = _workers.TryReserve(task))?.Claim, Trace, cancellationToken);
            using var reserved = room;
            if (!submitted.TryGet(out var made, out var refusal) || made.Task.State is not TaskState.Running)
                throw new BenchmarkException(refusal?.Detail ?? "The node is not idle.");
            using var end = _waiters.Listen(made.Task.Id);
            room!.Begin(made.Task, "hello"u8.ToArray());
            var begun = await s_begun.Task.WaitAsync(TimeSpan.FromSeconds(10), cancellationToken);
            await end.WaitAsync(made.Task, TimeSpan.FromSeconds(10), cancellationToken);
            return Stopwatch.GetElapsedTime(start, begun).TotalMilliseconds;
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await host.DisposeAsync();
        }
    }
}
