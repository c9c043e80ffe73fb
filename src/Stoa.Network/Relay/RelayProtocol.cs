namespace Stoa.Network.Relay;

/// <summary>The two protocols of libp2p's circuit relay v2 (specs/relay/circuit-v2).</summary>
public static class RelayProtocol
{
    /// <summary>What a relay is asked on: for a reservation, or for a circuit to who has one.</summary>
    public const string Hop = "/libp2p/circuit/relay/0.2.0/hop";

    /// <summary>What a relay tells on that somebody dials.</summary>
    public const string Stop = "/libp2p/circuit/relay/0.2.0/stop";

    // A reservation with its voucher and eight addresses of the longest kind.
    internal const int MaxMessageLength = 8_192;
}
