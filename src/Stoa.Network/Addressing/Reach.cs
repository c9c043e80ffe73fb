using System.Net;
using System.Net.Sockets;

namespace Stoa.Network.Addressing;

/// <summary>From where an address can be reached.</summary>
public enum AddressReach
{
    /// <summary>From the same machine.</summary>
    Machine,

    /// <summary>From the same local network.</summary>
    Network,

    /// <summary>From everywhere, or from where is not known, as of names.</summary>
    World,
}

/// <summary>Tells from where addresses can be reached, so that nobody is sent to places of his own.</summary>
public static class Reach
{
    // RFC 1122, 1918, 3927, 4193, 4291, 6598, 6890.
    private static readonly IPNetwork[] s_machine = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("::1/128"), IPNetwork.Parse("::/128")];

    private static readonly IPNetwork[] s_local =
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("169.254.0.0/16"),
        IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("192.0.0.0/24"), IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("fe80::/10"),
    ];

    // RFC 6052, 3056: routers take what is sent to these to the IPv4 address inside.
    private static readonly (IPNetwork Network, int At)[] s_translated = [(IPNetwork.Parse("64:ff9b::/96"), 12), (IPNetwork.Parse("2002::/16"), 2)];

    /// <summary>From where an address can be reached.</summary>
    public static AddressReach Of(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.TryGetIp(out var ip) ? Of(ip) : AddressReach.World;
    }

    /// <summary>From where an IP address can be reached; of an IPv6 address that stands for one of IPv4, where that can.</summary>
    public static AddressReach Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var ip = ToIPv4(address) ?? address;
        return IsIn(s_machine, ip) ? AddressReach.Machine : IsIn(s_local, ip) ? AddressReach.Network : AddressReach.World;
    }

    /// <summary>Those of a peer's addresses that may be of use to whoever sees it at another: not its own machine's when it is on another one, nor its local network's when it is elsewhere.</summary>
    public static IEnumerable<Multiaddr> SeenFrom(Multiaddr seenAt, IEnumerable<Multiaddr> addresses)
    {
        var reach = Of(seenAt);
        return addresses.Where(address => Of(address) >= reach && !IsUnspecified(address));
    }

    /// <summary>Whether it stands for all addresses of a machine, as one that is listened at does.</summary>
    public static bool IsUnspecified(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.TryGetIp(out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));
    }

    private static IPAddress? ToIPv4(IPAddress address)
    {
        if (address.AddressFamily is not AddressFamily.InterNetworkV6)
            return null;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        foreach (var (network, at) in s_translated)
        {
            if (network.Contains(address))
                return new IPAddress(address.GetAddressBytes().AsSpan(at, 4));
        }

        return null;
    }

    private static bool IsIn(IPNetwork[] networks, IPAddress ip) =>
        Array.Exists(networks, network => network.BaseAddress.AddressFamily == ip.AddressFamily && network.Contains(ip));
}
