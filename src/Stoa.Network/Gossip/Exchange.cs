using Stoa.Network.Hosting;

namespace Stoa.Network.Gossip;

/// <summary>Something that is sent to peers, and does not change any more: it is measured once and encoded once, however many get it.</summary>
/// <remarks>Safe for use by many threads.</remarks>
internal sealed class Exchange(Wire.Rpc rpc)
{
    private byte[]? _frame;

    public Wire.Rpc Rpc => rpc;

    /// <summary>In bytes, without the length in front.</summary>
    public int Size { get; } = rpc.CalculateSize();

    /// <summary>As it goes over a stream, with its length in front. Made when it is first asked for: much that is queued is dropped, or goes together with more.</summary>
    // Two threads may both make it: either is as good.
    public ReadOnlyMemory<byte> Frame => _frame ??= PeerStream.ToFrame(rpc, Size);
}
