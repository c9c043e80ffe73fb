using System.Net;
using System.Net.Sockets;

namespace Stoa.Market.Webhooks;

/// <summary>Tells addresses of the public internet from those that only mean something here: this machine, its network, its cloud.</summary>
/// <remarks>The special-purpose registries of IANA (RFC 6890): whatever is not globally reachable is refused, and so are the ways in
/// which an IPv6 address carries an IPv4 address that is refused (mapped, compatible, NAT64, 6to4, Teredo).</remarks>
public static class PublicAddress
{
    private static readonly IPNetwork[] s_special = [.. new[]
    {
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        // The service of metadata of one large cloud lies in public space, and so does another's host.
        "168.63.129.16/32", "100.100.100.200/32",
        "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
    }.Select(IPNetwork.Parse)];

    private static readonly IPNetwork s_globalUnicast = IPNetwork.Parse("2000::/3");

    /// <summary>Whether a web address names this machine or a private network by itself. What a name resolves to is another matter.</summary>
    public static bool IsPrivate(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (IPAddress.TryParse(url.IdnHost, out var address))
            return !Is(address);
        var host = url.IdnHost.TrimEnd('.');
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether it may be connected to on behalf of a stranger.</summary>
    public static bool Is(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        // Of IPv6 only what is given out to the world; that leaves out loopback, unique local, link-local, site-local and multicast.
        return (address.AddressFamily is AddressFamily.InterNetwork || s_globalUnicast.Contains(address)) && !s_special.Any(network => network.Contains(address));
    }
}
