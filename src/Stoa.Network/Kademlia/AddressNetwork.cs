using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Stoa.Network.Addressing;

namespace Stoa.Network.Kademlia;

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
        if (address.Parts is not [{ Protocol: AddressProtocol.Ip4 or AddressProtocol.Ip6 } host, ..])
            return null;
        var ip = new IPAddress(host.Value.Span);
        if (ip.IsIPv4MappedToIPv6)
            ip = ip.MapToIPv4();
        if (exemptsPrivate && IsPrivate(ip))
            return null;
        var bytes = ip.GetAddressBytes();
        return ip.AddressFamily == AddressFamily.InterNetwork
            ? new AddressNetwork(ip.AddressFamily, BinaryPrimitives.ReadUInt16BigEndian(bytes))
            : new AddressNetwork(ip.AddressFamily, BinaryPrimitives.ReadUInt32BigEndian(bytes));
    }

    /// <summary>Whether an address means something only near this node.</summary>
    public static bool IsPrivate(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Parts is [{ Protocol: AddressProtocol.Ip4 or AddressProtocol.Ip6 } host, ..] && IsPrivate(new IPAddress(host.Value.Span));
    }

    // RFC 1122, 1918, 3927, 4193, 4291, 6598.
    private static bool IsPrivate(IPAddress ip)
    {
        if (ip.IsIPv4MappedToIPv6)
            ip = ip.MapToIPv4();
        if (IPAddress.IsLoopback(ip) || ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any))
            return true;
        return ip.AddressFamily == AddressFamily.InterNetwork
            ? ip.GetAddressBytes() is [0 or 10, ..] or [172, >= 16 and < 32, ..] or [192, 168, ..] or [169, 254, ..] or [100, >= 64 and < 128, ..]
            : ip.IsIPv6LinkLocal || ip.IsIPv6UniqueLocal;
    }
}
