using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>Protects a connection, and proves to each side who the other is: TLS or Noise.</summary>
public interface ISecurityProtocol
{
    /// <summary>Its name in multistream-select.</summary>
    string Protocol { get; }

    /// <summary>Shakes hands over a stream on which both sides have agreed on this protocol.</summary>
    /// <param name="raw">The stream. It is the secured one's when that is made, and the caller's to dispose when not.</param>
    /// <param name="isInitiator">Whether this side opened the connection.</param>
    /// <param name="expected">Who must be there; null when whoever is there will do.</param>
    /// <param name="cancellationToken">Gives up. There is no deadline but this.</param>
    /// <exception cref="ConnectException">The other side is another peer, proves nothing, or breaks the protocol.</exception>
    /// <exception cref="IOException">The stream was lost.</exception>
    Task<SecuredStream> SecureAsync(Stream raw, bool isInitiator, PeerId? expected, CancellationToken cancellationToken);
}
