using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>A stream to a peer that has proved to be itself.</summary>
/// <param name="Stream">Plain bytes both ways; it is disposed with what it runs over.</param>
/// <param name="RemoteKey">Whose private half the other side has.</param>
public sealed record SecuredStream(Stream Stream, PeerKey RemoteKey)
{
    /// <summary>Who is at the other end.</summary>
    public PeerId RemotePeer => RemoteKey.PeerId;

    internal static void ThrowIfOther(PeerKey found, PeerId? expected)
    {
        if (expected is { } peer && found.PeerId != peer)
            throw new ConnectException(ConnectFault.OtherPeer, $"{peer} was expected, and {found.PeerId} is there.");
    }

    /// <summary>Reads the key that a stranger claims to have.</summary>
    internal static PeerKey ReadKey(ReadOnlySpan<byte> encoded)
    {
        try
        {
            return PeerKey.Parse(encoded);
        }
        catch (FormatException e)
        {
            throw new ConnectException(ConnectFault.BrokenProtocol, "The other side has no key that can be read: " + e.Message, e);
        }
        catch (PlatformNotSupportedException e)
        {
            throw new ConnectException(ConnectFault.NothingInCommon, e.Message, e);
        }
    }
}
