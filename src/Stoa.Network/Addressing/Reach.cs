using System.Net;

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
    // RFC 1122, 1918, 3927, 4193, 4291, 6598.
    private static readonly IPNetwork[] s_machine = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("::1/128"), IPNetwork.Parse("::/128")];

    private static readonly IPNetwork[] s_local =
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("169.254.0.0/16"),
        IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("fe80::/10"),
    ];

    /// <summary>From where an address can be reached.</summary>
    public static AddressReach Of(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.TryGetIp(out var ip))
            return AddressReach.World;
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

    private static bool IsIn(IPNetwork[] networks, IPAddress ip) =>
        Array.Exists(networks, network => network.BaseAddress.AddressFamily == ip.AddressFamily && network.Contains(ip));
}
