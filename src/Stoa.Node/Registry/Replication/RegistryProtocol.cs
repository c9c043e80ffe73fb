using Stoa.Market.Registry.Replication;
using Stoa.Network.Hosting;

namespace Stoa.Node.Registry.Replication;

/// <summary>The protocol by which nodes compare their statements, and its messages on a stream: each with its length in front.</summary>
internal static class RegistryProtocol
{
    /// <summary>Its name.</summary>
    public const string Name = "/stoa/registry/1";

    /// <summary>How long a session may last.</summary>
    public static TimeSpan MaxSession { get; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the other side may take for a message.</summary>
    public static TimeSpan MaxWait { get; } = TimeSpan.FromMinutes(1);
}

/// <summary>A session's messages on a stream to a peer.</summary>
internal sealed class PeerChannel(PeerStream stream, TimeProvider time) : IMessageChannel
{
    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => stream.WriteMessageAsync(message, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(int maxLength, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(RegistryProtocol.MaxWait, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        return await stream.ReadMessageAsync(maxLength, both.Token);
    }
}
