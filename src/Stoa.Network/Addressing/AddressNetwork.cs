using System.Buffers.Binary;
using System.Net.Sockets;

namespace Stoa.Network.Addressing;

/// <summary>A network of addresses that one owner has easily: the 16 bits of an IPv4 network, the 32 of an IPv6 one.</summary>
/// <remarks>Keys cost nothing and addresses do, so what one may have of many is counted by it.</remarks>
public readonly record struct AddressNetwork(AddressFamily Family, uint Prefix)
{
    /// <summary>The network of an address; null when it has none that costs: loopback, private, inside the process, or a name.</summary>
    /// <param name="address">Where a peer was reached.</param>
    /// <param name="exemptsPrivate">False to count loopback and private networks like others.</param>
    public static AddressNetwork? Of(Multiaddr address, bool exemptsPrivate)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.TryGetIp(out var ip) || (exemptsPrivate && Reach.Of(address) is not AddressReach.World))
            return null;
        var bytes = ip.GetAddressBytes();
        return ip.AddressFamily == AddressFamily.InterNetwork
            ? new AddressNetwork(ip.AddressFamily, BinaryPrimitives.ReadUInt16BigEndian(bytes))
            : new AddressNetwork(ip.AddressFamily, BinaryPrimitives.ReadUInt32BigEndian(bytes));
    }
}
