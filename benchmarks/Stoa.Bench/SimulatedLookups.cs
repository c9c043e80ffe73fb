using Stoa.Network.Kademlia;
using Stoa.Network.Tests.Kademlia;

namespace Stoa.Bench;

/// <summary>Lookups among ten thousand nodes, of which the tables, servers and lookups are the real ones; what carries their messages is a method, in one thread on virtual time.</summary>
internal static class SimulatedLookups
{
    private const int Nodes = 10_000;
    private const int Lookups = 300;

    public static void Add(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        run.Tell($"{Lookups:N0} lookups among {Nodes:N0} simulated nodes");
        var world = new VirtualWorld();
        world.Run(async () =>
        {
            var random = new Random(25);
            var network = new BareNetwork(world, Nodes, new KademliaOptions { AllowsPrivateAddresses = false }, random);
            var reports = new List<LookupReport>();
            for (var number = 0; number < Lookups; number++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                reports.Add((await network.Nodes[random.Next(Nodes)].LookUpAsync(BitConverter.GetBytes(random.NextInt64()))).Report);
            }

            figures.Add("simulated_nodes", Nodes);
            figures.Add("simulated_log2_nodes", Math.Log2(Nodes));
            figures.AddPercentiles("simulated_lookup_hops", reports.Select(report => (double)report.Hops), 50, 99);
            figures.Add("simulated_lookup_hops_max", reports.Max(report => report.Hops));
            figures.AddPercentiles("simulated_lookup_messages", reports.Select(report => (double)report.Messages), 50, 99);
        });
    }
}
