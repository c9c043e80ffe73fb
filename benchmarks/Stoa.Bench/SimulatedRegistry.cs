using System.Diagnostics;
using System.Globalization;
using Stoa.Simulation;
using Stoa.Simulation.Registry;

namespace Stoa.Bench;

/// <summary>How much faster than real time the registry's simulated world runs, with its faults and its checks: the scenario of its own test, in one thread.</summary>
internal static class SimulatedRegistry
{
    private const int Seed = 101;

    // The few first, while there is much to compile; the many with what is compiled.
    private static readonly int[] s_nodes = [40, 200];
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(45);

    public static void Add(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        foreach (var nodes in s_nodes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            run.Tell($"the registry of {nodes} simulated nodes that crash and fall apart");
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
            if (violation is not null)
                throw new BenchmarkException($"A check of the simulated registry has failed: {violation}.");
            var passed = (world.World.Time.GetUtcNow() - VirtualTime.Start).TotalSeconds;
            var took = (Clock: Stopwatch.GetElapsedTime(began).TotalSeconds, Cpu: (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
            Add("virtual_s", passed);
            Add("happenings", world.World.Happenings);
            Add("cpu_s", took.Cpu);
            Add("x_cpu_time", passed / took.Cpu);
            Add("x_real_time", passed / took.Clock);

            void Add(string name, double value) => figures.Add(string.Create(CultureInfo.InvariantCulture, $"sim_registry_{nodes}_{name}"), value);
        }
    }
}
