using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>What every transport does, over the simulated network: also where messages of different streams overtake each other.</summary>
public sealed class SimulatedTransportTests
{
    public static TheoryData<string, double> Cases
    {
        get
        {
            var cases = new TheoryData<string, double>();
            foreach (var name in TransportConformance.Cases.Keys)
            {
                cases.Add(name, 0);
                cases.Add(name, 5);
            }

            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Transport_DoesAsAllDo(string name, double jitter)
    {
        var world = new World(12);
        var network = new SimulatedNetwork(world, new NetworkConditions { Jitter = jitter });
        using var key = PrivateKey.Generate();
        using var otherKey = PrivateKey.Generate();
        var (one, other) = (network.AddNode(key.PublicKey.ToProtobuf()), network.AddNode(otherKey.PublicKey.ToProtobuf()));

        world.Run(() => TransportConformance.Cases[name](new TransportConformance(one, one.Peer, other, other.Peer, Multiaddr.OfMemory(0))));
    }
}
