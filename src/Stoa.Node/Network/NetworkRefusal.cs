namespace Stoa.Node.Network;

/// <summary>Every reason for which something about the network is refused.</summary>
public enum NetworkRefusal
{
    /// <summary>The node takes no part in a network.</summary>
    NetworkOff,

    /// <summary>What is given is neither a multiaddr nor a peer id.</summary>
    AddressInvalid,

    /// <summary>No connection to the peer came about, or it did not answer.</summary>
    PeerUnreachable,

    /// <summary>Nobody who was asked knows where the peer is.</summary>
    PeerUnknown,
}
