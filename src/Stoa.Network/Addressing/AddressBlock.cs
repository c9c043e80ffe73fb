using System.Net;
using System.Net.Sockets;

namespace Stoa.Network.Addressing;

/// <summary>What counts as one address of strangers: an IPv4 address, or an IPv6 network of 64 bits, which one customer has.</summary>
internal static class AddressBlock
{
    /// <summary>The block that an address is in; null for loopback and for what is no IP address, which have no limit. Of a circuit it is the relay's.</summary>
    public static IPAddress? Of(Multiaddr address) => address.TryGetIp(out var ip) && !IPAddress.IsLoopback(ip) ? Of(ip) : null;

    /// <summary>The block that an IP address is in.</summary>
    public static IPAddress Of(IPAddress address)
    {
        if (address.AddressFamily is AddressFamily.InterNetwork)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
