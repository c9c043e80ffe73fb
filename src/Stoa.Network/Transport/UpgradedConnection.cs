using Stoa.Network.Addressing;
using Stoa.Network.Identity;
using Stoa.Network.Muxing;
using Stoa.Primitives;

namespace Stoa.Network.Transport;

/// <summary>A connection that has been through an <see cref="Upgrader"/>.</summary>
internal sealed class UpgradedConnection(IMuxedConnection muxed, PeerKey remoteKey, Multiaddr local, Multiaddr remote, bool isInitiator, string security) : IPeerConnection
{
    /// <inheritdoc/>
    public PeerId RemotePeer => remoteKey.PeerId;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> RemoteKey => remoteKey.Encoded;

    /// <inheritdoc/>
    public Multiaddr RemoteAddress => remote;

    /// <inheritdoc/>
    public Multiaddr LocalAddress => local;

    /// <inheritdoc/>
    public bool IsInitiator => isInitiator;

    /// <inheritdoc/>
    public string Security => security;

    /// <inheritdoc/>
    public Task Completion => muxed.Completion;

    /// <inheritdoc/>
    public string? EndedBecause => muxed.EndedBecause;

    /// <inheritdoc/>
    public ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken) => muxed.OpenStreamAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken) => muxed.AcceptStreamAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => muxed.DisposeAsync();
}
