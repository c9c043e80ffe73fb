using Google.Protobuf;
using Stoa.Network.Addressing;

namespace Stoa.Network.Kademlia;

/// <summary>The values of the table.</summary>
public sealed partial class Kademlia
{
    /// <summary>Stores a value with the k peers nearest to its key, and again every <see cref="KademliaOptions.RepublishInterval"/> while this runs.</summary>
    /// <returns>How many of them keep it.</returns>
    /// <exception cref="ArgumentException">The value is not valid under its key, or too long.</exception>
    /// <exception cref="InvalidOperationException">This node knows of a better value.</exception>
    public async Task<int> PutValueAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        var validator = ValidatorOf(key);
        if (value.Length > _options.MaxValueLength || !validator.IsValid(key.Span, value.Span))
            throw new ArgumentException($"A value that is valid under its key, of at most {_options.MaxValueLength} bytes, is expected.", nameof(value));
        if (await _store.FindValueAsync(key, cancellationToken) is { } old && validator.Compare(key.Span, old.Value.Span, value.Span) > 0)
            throw new InvalidOperationException("A better value of this key is known.");
        lock (_lock)
            _put[Convert.ToBase64String(key.Span)] = (key, value);
        return await SendValueAsync(key, value, cancellationToken);
    }

    /// <summary>Stops sending out a value. Others keep it until it is too old.</summary>
    public void StopPutting(ReadOnlyMemory<byte> key)
    {
        lock (_lock)
            _put.Remove(Convert.ToBase64String(key.Span));
    }

    /// <summary>Reads the best value of a key that <see cref="KademliaOptions.ReadQuorum"/> peers have, or all that were asked. Who has a worse one is told.</summary>
    /// <returns>Null when nobody has a valid one.</returns>
    /// <exception cref="ArgumentException">Nobody judges values of such keys.</exception>
    public async Task<ReadOnlyMemory<byte>?> GetValueAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        var validator = ValidatorOf(key);
        var answers = new List<(PeerAddress Peer, ReadOnlyMemory<byte>? Value)>();
        var valid = 0;
        ReadOnlyMemory<byte>? best = (await _store.FindValueAsync(key, cancellationToken))?.Value;
        var result = await LookUpAsync(
            Wire.MessageType.GetValue,
            key,
            (peer, answer) =>
            {
                var value = Read(answer.Message.Record);
                answers.Add((peer, value));
                if (value is not { } found)
                    return false;
                if (best is null || validator.Compare(key.Span, found.Span, best.Value.Span) > 0)
                    best = found;
                return ++valid >= _options.ReadQuorum;
            },
            cancellationToken);
        if (best is { } winner)
        {
            // Those who should have it, and those who have an older one.
            var closest = result.IsComplete ? result.Closest.Select(peer => peer.Peer).ToHashSet() : [];
            var outdated = answers.Where(answer => answer.Value is { } value ? validator.Compare(key.Span, winner.Span, value.Span) > 0 : closest.Contains(answer.Peer.Peer)).Select(answer => answer.Peer).ToList();
            if (outdated.Count > 0)
                _background.Add(SendValueAsync(outdated, key, winner, _stop.Token));
        }

        return best;

        ReadOnlyMemory<byte>? Read(Wire.Record? record) =>
            record is not null && record.Key.Span.SequenceEqual(key.Span) && record.Value.Length <= _options.MaxValueLength && validator.IsValid(key.Span, record.Value.Span)
                ? (ReadOnlyMemory<byte>?)record.Value.Memory
                : null;
    }

    private async Task<int> SendValueAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        await SendValueAsync(await FindClosestAsync(key, cancellationToken), key, value, cancellationToken);

    private async Task<int> SendValueAsync(IReadOnlyList<PeerAddress> peers, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        var wire = ByteString.CopyFrom(key.Span);
        var request = new Wire.Message { Type = Wire.MessageType.PutValue, Key = wire, Record = new Wire.Record { Key = wire, Value = ByteString.CopyFrom(value.Span) } };
        // Those have just answered; no more than k of them.
        var answers = await Task.WhenAll(peers.Select(peer => _messenger.AskAsync(peer, request, cancellationToken)));
        return answers.Count(answer => answer?.Message.Record is { } record && record.Value == request.Record.Value);
    }

    private IRecordValidator ValidatorOf(ReadOnlyMemory<byte> key) =>
        _validators.Of(key.Span) ?? throw new ArgumentException("No validator is registered for the first word of the key: /word/….", nameof(key));
}
