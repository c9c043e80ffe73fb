using System.Globalization;
using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Answers what peers ask.</summary>
/// <param name="self">Who answers.</param>
/// <param name="table">Whom it knows.</param>
/// <param name="store">What it keeps.</param>
/// <param name="addressesOf">Where a peer is, as it said itself; empty when that is not known.</param>
/// <param name="recordOf">The same as the peer has signed it; null when that is not known.</param>
/// <param name="isConnected">Whether there is a connection to a peer.</param>
/// <param name="options">Limits.</param>
/// <param name="time">When records come.</param>
internal sealed class KademliaServer(
    PeerId self, RoutingTable table, IRecordStore store, Func<PeerId, IReadOnlyList<Multiaddr>> addressesOf, Func<PeerId, ReadOnlyMemory<byte>?> recordOf,
    Func<PeerId, bool> isConnected, KademliaOptions options, TimeProvider time)
{
    private readonly RecordValidators _validators = new(options.Validators);

    /// <summary>How the host serves it.</summary>
    public static HandlerOptions Limits { get; } = new(MaxStreams: 1_024, MaxStreamsPerPeer: 16, Deadline: TimeSpan.FromMinutes(1));

    /// <summary>Answers the messages of a stream one by one.</summary>
    /// <exception cref="InvalidDataException">One of them breaks the protocol.</exception>
    public async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        for (var count = 0; count < options.MaxMessagesPerStream; count++)
        {
            if (await stream.ReadMessageAsync(Wire.Message.Parser, options.MaxMessageLength, cancellationToken) is not { } request)
                break;
            if (await AnswerAsync(stream.Peer, stream.Connection.RemoteAddress, request, cancellationToken) is { } answer)
                await stream.WriteMessageAsync(answer, cancellationToken);
        }

        await stream.CompleteWritesAsync(cancellationToken);
    }

    /// <summary>Answers one message; null to a message that has no answer.</summary>
    /// <exception cref="InvalidDataException">It breaks the protocol.</exception>
    /// <exception cref="IOException">It cannot be done: there is no room for the record.</exception>
    public async ValueTask<Wire.Message?> AnswerAsync(PeerId asker, Multiaddr from, Wire.Message request, CancellationToken cancellationToken)
    {
        table.Seen(asker);
        if (request.Type is Wire.MessageType.Ping)
            return new Wire.Message { Type = Wire.MessageType.Ping };
        if (request.Key.Length is 0 || request.Key.Length > options.MaxKeyLength)
            throw new InvalidDataException($"A key of 1 to {options.MaxKeyLength} bytes is expected.");
        var origin = new RecordOrigin(asker, AddressNetwork.Of(from, options.AllowsPrivateAddresses));
        switch (request.Type)
        {
            case Wire.MessageType.FindNode:
                return FindNode(asker, request);
            case Wire.MessageType.GetValue:
                var value = Closer(asker, request);
                if (await store.FindValueAsync(request.Key.Memory, cancellationToken) is { } record)
                    value.Record = ToWire(record);
                return value;
            case Wire.MessageType.PutValue:
                return await PutValueAsync(origin, request, cancellationToken);
            case Wire.MessageType.GetProviders:
                var providers = Closer(asker, request);
                foreach (var provider in (await store.FindProvidersAsync(request.Key.Memory, cancellationToken)).Where(provider => provider.Peer != asker).Take(options.MaxProvidersInAnswer))
                    providers.ProviderPeers.Add(PeerCodec.Write(provider with { Records = recordOf(provider.Peer) is { } signed ? [signed] : [] }, Connection(provider.Peer), options));
                return providers;
            case Wire.MessageType.AddProvider:
                await AddProviderAsync(origin, request, cancellationToken);
                return null;
            default:
                throw new InvalidDataException($"There is no message of type {(int)request.Type}.");
        }
    }

    private Wire.Message FindNode(PeerId asker, Wire.Message request)
    {
        var answer = Closer(asker, request);
        // The peer itself, when it is not among them: one that only asks is in no table, but its neighbours have connections to it.
        if (TryReadPeer(request.Key.Span, out var target) && target != asker && target != self && isConnected(target)
            && addressesOf(target) is { Count: > 0 } addresses && !answer.CloserPeers.Any(peer => peer.Id == request.Key))
        {
            answer.CloserPeers.Insert(0, PeerCodec.Write(request.Key, addresses, recordOf(target), Wire.ConnectionType.Connected, options));
            while (answer.CloserPeers.Count > options.BucketSize)
                answer.CloserPeers.RemoveAt(answer.CloserPeers.Count - 1);
        }

        return answer;
    }

    private async ValueTask<Wire.Message> PutValueAsync(RecordOrigin origin, Wire.Message request, CancellationToken cancellationToken)
    {
        if (request.Record is not { } record || record.Key != request.Key || record.Value.Length > options.MaxValueLength)
            throw new InvalidDataException($"A record of the message's key with a value of at most {options.MaxValueLength} bytes is expected.");
        var validator = _validators.Of(record.Key.Span);
        if (validator is null || !validator.IsValid(record.Key.Span, record.Value.Span))
            throw new InvalidDataException("The value is not one of its key.");
        var answer = new Wire.Message { Type = Wire.MessageType.PutValue, Key = request.Key };
        if (await store.FindValueAsync(record.Key.Memory, cancellationToken) is { } old && validator.Compare(record.Key.Span, old.Value.Span, record.Value.Span) > 0)
        {
            // Whoever sent it sees from the answer that it is out of date.
            answer.Record = ToWire(old);
            return answer;
        }

        var kept = new ValueRecord(record.Key.Memory, record.Value.Memory, time.GetUtcNow());
        if (!await store.PutValueAsync(kept, origin, cancellationToken))
            throw new IOException("There is no room for the record.");
        answer.Record = ToWire(kept);
        return answer;
    }

    private async ValueTask AddProviderAsync(RecordOrigin origin, Wire.Message request, CancellationToken cancellationToken)
    {
        if (request.ProviderPeers is not [var wire] || PeerCodec.Read(wire, options) is not { } provider || provider.Peer != origin.Peer)
            throw new InvalidDataException("A provider record of its sender is expected, and of nobody else.");
        if (provider.Addresses.Count == 0)
            provider = provider with { Addresses = [.. addressesOf(origin.Peer).Take(options.MaxAddresses)] };
        // What is passed on with it is what it has said to this node; and it has no answer that could say that there was no room.
        await store.AddProviderAsync(request.Key.Memory, provider with { Records = [] }, origin, cancellationToken);
    }

    private Wire.Message Closer(PeerId asker, Wire.Message request)
    {
        var answer = new Wire.Message { Type = request.Type, Key = request.Key };
        foreach (var peer in table.Closest(KademliaKey.Of(request.Key.Span), options.BucketSize + 1, withSuspects: false).Where(peer => peer.Peer != asker).Take(options.BucketSize))
            answer.CloserPeers.Add(PeerCodec.Write(peer.Id, addressesOf(peer.Peer).Prepend(peer.ReachedAt).Distinct(), recordOf(peer.Peer), Connection(peer.Peer), options));
        return answer;
    }

    private Wire.ConnectionType Connection(PeerId peer) => isConnected(peer) ? Wire.ConnectionType.Connected : Wire.ConnectionType.CanConnect;

    private static bool TryReadPeer(ReadOnlySpan<byte> key, out PeerId peer)
    {
        try
        {
            peer = PeerId.FromBytes(key);
            return true;
        }
        catch (FormatException)
        {
            peer = default;
            return false;
        }
    }

    private static Wire.Record ToWire(ValueRecord record) => new()
    {
        Key = UnsafeByteOperations.UnsafeWrap(record.Key),
        Value = UnsafeByteOperations.UnsafeWrap(record.Value),
        TimeReceived = record.ReceivedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
    };
}
