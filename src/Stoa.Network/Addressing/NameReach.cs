namespace Stoa.Network.Addressing;

/// <summary>Where names may lead: whoever tells of a name decides what it stands for, and so whom this side calls.</summary>
public sealed record NameReach
{
    /// <summary>Whether they may lead to loopback and private addresses. Default true; false for a node of the public network.</summary>
    public bool AllowsPrivateAddresses { get; init; } = true;

    /// <summary>Addresses without their peer, by names that may lead there all the same: those that the operator has said. Default none.</summary>
    public IReadOnlySet<Multiaddr> Configured { get; init; } = new HashSet<Multiaddr>();

    /// <summary>Whether a name may lead to where only some are.</summary>
    /// <param name="name">The address with the name in it.</param>
    /// <param name="to">From where that can be reached which it stands for.</param>
    public bool MayLead(Multiaddr name, AddressReach to)
    {
        ArgumentNullException.ThrowIfNull(name);
        return to is AddressReach.World || AllowsPrivateAddresses || Configured.Contains(name.WithoutPeer);
    }
}
