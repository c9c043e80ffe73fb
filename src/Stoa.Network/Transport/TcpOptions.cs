using Stoa.Network.Addressing;

namespace Stoa.Network.Transport;

/// <summary>How long peers may take to connect over TCP, and how many strangers may try at once.</summary>
public sealed record TcpOptions
{
    /// <summary>From the first byte to the multiplexer, whoever dialled. Default: 10 seconds.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many handshakes of those who dial run at once on one listener; who comes then waits in the system's queue. Default: 64.</summary>
    public int HandshakesMax { get; init; } = 64;

    /// <summary>How many of them may be of one IP address, or of one /64 of IPv6; more are dropped. Default: 16.</summary>
    public int HandshakesOfOneAddressMax { get; init; } = 16;

    /// <summary>How long one IP address has to take a call before the next that a name has is tried. Default: 4 seconds.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a name has to be resolved. Default: 5 seconds.</summary>
    public TimeSpan ResolveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many addresses of one name are tried at most. Default: 8.</summary>
    public int AddressesMax { get; init; } = 8;

    /// <summary>Where names may lead. Default: anywhere.</summary>
    public NameReach Names { get; init; } = new();
}
