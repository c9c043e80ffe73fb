using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Primitives;

namespace Stoa.Network.Transport;

/// <summary>A connection to a peer who has proved to be itself, that carries many streams.</summary>
/// <remarks>Made by TCP with security and a multiplexer on top, and by the simulated network, which needs neither.</remarks>
public interface IPeerConnection : IAsyncDisposable
{
    /// <summary>Who is at the other end.</summary>
    PeerId RemotePeer { get; }

    /// <summary>The other end's key as libp2p's PublicKey message; its id is <see cref="RemotePeer"/>.</summary>
    ReadOnlyMemory<byte> RemoteKey { get; }

    /// <summary>Where the other end is, as seen from here, without the peer.</summary>
    Multiaddr RemoteAddress { get; }

    /// <summary>Where this end is, without the peer.</summary>
    Multiaddr LocalAddress { get; }

    /// <summary>Whether this end dialled.</summary>
    bool IsInitiator { get; }

    /// <summary>What protects it, such as <c>/tls/1.0.0</c>; empty in a simulation.</summary>
    string Security { get; }

    /// <summary>Opens a stream, on which no protocol is agreed yet.</summary>
    /// <exception cref="IOException">The connection has ended, or has as many streams as it may.</exception>
    ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken);

    /// <summary>Waits for a stream that the other end opens; null when the connection has ended.</summary>
    ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken);

    /// <summary>Ends, without fault, when the connection has ended, whoever ended it and why.</summary>
    Task Completion { get; }

    /// <summary>Why it ended, in words; null while it has not.</summary>
    string? EndedBecause { get; }
}
