using Stoa.Network.Hosting;
using Stoa.Network.Identify;
using Stoa.Network.Muxing;
using Stoa.Network.Security;
using Stoa.Network.Transport;
using Stoa.Primitives;
using PeerHost = Stoa.Network.Hosting.Host;

namespace Stoa.Node.Tests.Registry.Replication;

/// <summary>Strangers on TCP, who are no nodes.</summary>
internal static class PeerHosts
{
    /// <summary>One that says who it is, and nothing else.</summary>
    public static PeerHost Create(PrivateKey key)
    {
        var host = new PeerHost(
            key,
            [new TcpTransport([new TlsSecurity(key, TimeProvider.System)], [new Yamux(new YamuxOptions(), TimeProvider.System)], new TcpOptions(), TimeProvider.System)],
            new HostOptions(),
            TimeProvider.System,
            new Random(1));
        IdentifyProtocol.Serve(host);
        return host;
    }
}
