using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Stoa.Faults.Nodes;
using Stoa.Simulation;
using Stoa.Simulation.Registry;

namespace Stoa.Bench;

/// <summary>How much faster than real time the registry's simulated world runs, with its faults and its checks: the scenario of its own test, in one thread.</summary>
/// <remarks>In a process of its own, whose garbage collector is set as that of <c>tests/Stoa.Simulation</c> is, where such worlds run: this program has what a node has.</remarks>
internal static class SimulatedRegistry
{
    /// <summary>What this program is started with to run the worlds and print their figures, one JSON object.</summary>
    public const string Word = "simulated-registry";

    private const int Seed = 101;

    // The few first, while there is much to compile; the many with what is compiled.
    private static readonly int[] s_nodes = [40, 200];
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(45);

    public static async Task AddAsync(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        run.Tell($"the registry of {string.Join(" and then of ", s_nodes)} simulated nodes that crash and fall apart");
        await using var watchdog = new Watchdog();
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Word]) { RedirectStandardOutput = true };
        // ConcurrentGarbageCollection of tests/Stoa.Simulation.
        start.Environment["DOTNET_gcConcurrent"] = "0";
        using var process = Process.Start(start) ?? throw new BenchmarkException("The simulation did not start.");
        watchdog.Watch(process);
        var printed = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        watchdog.Forget(process);
        if (process.ExitCode != 0)
            throw new BenchmarkException("The simulated registry has failed; what it says is above.");
        foreach (var (name, value) in JsonNode.Parse(printed)!.AsObject())
            figures.Add(name, (double)value!);
    }

    /// <summary>The process.</summary>
    public static int Run(TextWriter output, TextWriter errors)
    {
        var figures = new Figures();
        foreach (var nodes in s_nodes)
        {
            if (Add(figures, nodes) is not { } violation)
                continue;
            errors.WriteLine($"A check of the registry of {nodes} simulated nodes has failed: {violation}.");
            return 1;
        }

        output.WriteLine(figures.ToJson().ToJsonString());
        return 0;
    }

    /// <returns>What a check has found; null when all is well.</returns>
    private static string? Add(Figures figures, int nodes)
    {
        var (began, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var world = new RegistryWorld(Seed, new RegistryWorldOptions { Nodes = nodes });
        string? violation = null;
        world.Run(async world =>
        {
            await world.FallApartAsync(s_patience);
            violation = new Convergence(world.Nodes).Violations()
                .Concat(new NothingLost(world.Acknowledged, world.Nodes).Violations())
                .Concat(new Bounds(world.Nodes, world.Options).Violations())
                .FirstOrDefault();
        });
        var passed = (world.World.Time.GetUtcNow() - VirtualTime.Start).TotalSeconds;
        var took = (Clock: Stopwatch.GetElapsedTime(began).TotalSeconds, Cpu: (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        Add("virtual_s", passed);
        Add("happenings", world.World.Happenings);
        Add("cpu_s", took.Cpu);
        Add("x_cpu_time", passed / took.Cpu);
        Add("x_real_time", passed / took.Clock);
        return violation;

        void Add(string name, double value) => figures.Add(string.Create(CultureInfo.InvariantCulture, $"sim_registry_{nodes}_{name}"), value);
    }
}
