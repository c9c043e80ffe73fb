using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Keeps what a node keeps for the network.</summary>
/// <remarks>
/// It is bounded, and what is within bounds is fair: nobody gets records of others thrown out by sending many. Records are forgotten when they are too old. Keys
/// and values were checked before. Safe for use by many threads.
/// </remarks>
public interface IRecordStore
{
    /// <summary>The value of a key; null when there is none.</summary>
    ValueTask<ValueRecord?> FindValueAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Keeps a value in place of the one that the key has.</summary>
    /// <returns>Whether there was room.</returns>
    ValueTask<bool> PutValueAsync(ValueRecord record, RecordOrigin origin, CancellationToken cancellationToken);

    /// <summary>Who has said that it provides a key, whoever said so last first.</summary>
    ValueTask<IReadOnlyList<PeerAddress>> FindProvidersAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Keeps that a peer provides a key, in place of what it said of it before.</summary>
    /// <returns>Whether there was room.</returns>
    ValueTask<bool> AddProviderAsync(ReadOnlyMemory<byte> key, PeerAddress provider, RecordOrigin origin, CancellationToken cancellationToken);
}

/// <summary>A value as it is kept.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="ReceivedAt">When it came here.</param>
public sealed record ValueRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, DateTimeOffset ReceivedAt);

/// <summary>Who brought a record.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Network">The network of its address; null when that has no limit.</param>
public readonly record struct RecordOrigin(PeerId Peer, AddressNetwork? Network);
