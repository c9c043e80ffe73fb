using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Tests.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;
using Stoa.Simulation;

namespace Stoa.Network.Tests.Transport;

/// <summary>What every transport does, over TCP with each of its securities: the same as over the simulated network.</summary>
public sealed class TcpTransportConformanceTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var name in TransportConformance.Cases.Keys)
            {
                cases.Add(name, "tls");
                cases.Add(name, "noise");
            }

            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Transport_DoesAsAllDo(string name, string security)
    {
        using var key = PrivateKey.Generate();
        using var otherKey = PrivateKey.Generate();

        await TransportConformance.Cases[name](
            new TransportConformance(Create(security, key), key.PublicKey.PeerId, Create(security, otherKey), otherKey.PublicKey.PeerId, Multiaddr.Parse("/ip4/127.0.0.1/tcp/0")));
    }

    private static TcpTransport Create(string security, PrivateKey key) =>
        new([Securities.Create(security, key)], [new Yamux(new YamuxOptions(), TimeProvider.System)], new TcpOptions(), TimeProvider.System);
}
