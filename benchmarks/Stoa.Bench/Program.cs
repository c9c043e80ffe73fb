using System.Globalization;
using System.Runtime.InteropServices;
using Stoa.Bench;
using Stoa.Bench.Inference;
using Stoa.Bench.Wasm;

Benchmark[] benchmarks =
[
    new("auctions", "an auction of sixteen bidders: bids, decision and transactions beyond its window", (run, stop) => AuctionsBench.RunAsync(run.Tell, stop)),
    new("ledger", "transfers a second with checks, ids, chain and fsync, in batches and alone, embedded and on PostgreSQL; vouchers of payment channels", LedgerBench.RunAsync) { Parts = LedgerBench.Parts },
    new("channels", "vouchers of payment channels, made and checked on one core: hash chains and signatures", (run, stop) => Task.FromResult(ChannelsBench.Run(run.Tell, stop))),
    new("inference", "requests to models through the node, beside another gateway: how many, what they take longer, a thousand streams, caches of prompts", InferenceBench.RunAsync) { Parts = InferenceBench.Parts },
    new("main-job", "submit to result over HTTP on a warm node, throughput, start to ready", (run, stop) => MainJobBench.RunAsync(run.Tell, stop)),
    new("messages", "messages through a mailbox, sent, received and acknowledged by sixteen each, embedded and on PostgreSQL", MessagesBench.RunAsync) { Parts = MessagesBench.Parts },
    new("network", "finding providers where three nodes in ten are silent, beside js-libp2p; statements on their way to fifty nodes; lookups among ten thousand", NetworkBench.RunAsync) { Parts = NetworkBench.Parts },
    new("registry", "comparing a million statements with a million others; statements of a peer, checked and stored; and all of search", (run, stop) => RegistryBench.RunAsync(run.Tell, stop)),
    new("sealing", "inputs of tasks sealed and opened on one core", (run, stop) => Task.FromResult(SealingBench.Run(run.Tell, stop))),
    new("search", "searching a million listings in memory, mixed searches on one core, and beside a writer", (run, stop) => SearchBench.RunAsync(run.Tell, stop)),
    new("selection", "choosing one of 100,000 registered agents in memory", (run, stop) => SelectionBench.RunAsync(run.Tell, stop)),
    new("storage", "durable acts on the embedded database with 1, 16 and 256 concurrent writers", (run, stop) => StorageBench.RunAsync(run.Tell, stop)),
    new("tasks", "the queue: durable no-op and WASM tasks, submission to start, a million tasks, choices; other queues beside it", TasksBench.RunAsync) { Parts = TasksBench.Parts },
    new("wasm", "the WebAssembly engine: programs beside V8, metering, start, instances, stopping", WasmBench.RunAsync) { Parts = WasmBench.Parts },
    new("workflows", "runs of workflows: steps a second, what a step takes beside a task by hand, ten thousand nodes", WorkflowsBench.RunAsync) { Parts = WorkflowsBench.Parts },
];

// One of the processes of a benchmark.
if (args is [TableProgram.Word])
    return await TableProgram.RunAsync(Console.In, Console.Out);
if (args is [SimulatedRegistry.Word])
    return SimulatedRegistry.Run(Console.Out, Console.Error);
if (args is [StubServer.Word or StubServer.FaultyWord, .. { Length: > 0 } ports])
    return StubServer.Run([.. ports.Select(port => int.Parse(port, CultureInfo.InvariantCulture))], args[0] == StubServer.FaultyWord ? LeaksBench.FaultEvery : 0);

using var stop = new CancellationTokenSource();
// Whoever ends a run early finds nothing of it left. Who asks twice does not wait for what heeds no token.
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, EndEarly);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, EndEarly);

if (CommandLine.Parse(args, benchmarks, out var complaint) is not { } commandLine)
{
    Console.Error.WriteLine($"bench: {complaint}");
    return 2;
}

if (commandLine.Benchmarks.Count == 0)
{
    CommandLine.WriteUsage(benchmarks, Console.Out);
    return 0;
}

foreach (var benchmark in commandLine.Benchmarks)
{
    // Steps and warnings go to stderr, so that stdout is the tables or the JSON alone.
    var run = new BenchmarkRun(
        step => { if (commandLine.Format != OutputFormat.Json) Console.Error.WriteLine($"· {step}"); },
        gap => Console.Error.WriteLine($"bench: {gap}"),
        commandLine.Only);
    Figures figures;
    try
    {
        figures = await benchmark.RunAsync(run, stop.Token);
    }
    catch (BenchmarkException failure)
    {
        Console.Error.WriteLine($"bench: {failure.Message}");
        return 1;
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        return 130;
    }

    switch (commandLine.Format)
    {
        case OutputFormat.Json:
            Console.WriteLine(figures.ToJson().ToJsonString());
            break;
        case OutputFormat.Markdown:
            Console.WriteLine($"{string.Join("; ", [Machine.Describe(), .. figures.Notes])}.\n");
            FigureTables.WriteMarkdown(benchmark, figures, Console.Out);
            break;
        default:
            FigureTables.Show(benchmark, figures);
            break;
    }
}

return 0;

void EndEarly(PosixSignalContext signal)
{
    signal.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}
