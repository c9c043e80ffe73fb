using Stoa.Network.Transport;

namespace Stoa.Network.Hosting;

/// <summary>A way to reach peers that goes by others to which its host is connected.</summary>
public interface IHostedTransport : ITransport
{
    /// <summary>Says whose it is. A host does so once, before it dials or listens.</summary>
    void Attach(Host host);
}
