using System.Net;
using System.Net.NetworkInformation;

namespace Stoa.Network.Addressing;

/// <summary>The addresses of this machine.</summary>
public static class LocalAddresses
{
    /// <summary>What an address that is listened at means: <c>0.0.0.0</c> and <c>::</c> stand for those of all networks that are up.</summary>
    public static IEnumerable<Multiaddr> Expand(Multiaddr listened)
    {
        ArgumentNullException.ThrowIfNull(listened);
        if (!Reach.IsUnspecified(listened) || !listened.TryGetTcp(out var endPoint))
            return [listened];
        return NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus is OperationalStatus.Up)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == endPoint.AddressFamily && !address.IsIPv6LinkLocal)
            .Select(address => Multiaddr.OfTcp(new IPEndPoint(address, endPoint.Port)));
    }
}
