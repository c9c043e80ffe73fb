namespace Stoa.Network.Negotiation;

/// <summary>Why no connection came about.</summary>
public enum ConnectFault
{
    /// <summary>Nothing answers at the address.</summary>
    Unreachable,

    /// <summary>It did not come about in time.</summary>
    TimedOut,

    /// <summary>There is another peer than the one expected.</summary>
    OtherPeer,

    /// <summary>Both sides have no protocol of security or multiplexing in common.</summary>
    NothingInCommon,

    /// <summary>What the other side sent breaks the protocol, or its proof of who it is does not hold.</summary>
    BrokenProtocol,

    /// <summary>No transport here speaks the address, or the peer has no address.</summary>
    NoAddress,

    /// <summary>This side has as many connections as it may, has shut the peer out, or does not go where a name leads.</summary>
    Refused,
}

/// <summary>No connection came about.</summary>
public sealed class ConnectException : IOException
{
    public ConnectException(ConnectFault fault, string message) : base(message) => Fault = fault;

    public ConnectException(ConnectFault fault, string message, Exception? cause) : base(message, cause) => Fault = fault;

    /// <summary>Why.</summary>
    public ConnectFault Fault { get; }
}
