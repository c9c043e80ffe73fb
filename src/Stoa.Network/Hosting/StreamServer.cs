using System.Collections.Concurrent;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Hosting;

/// <summary>Answers the streams that peers open: finds the protocol's handler, within its limits.</summary>
internal sealed class StreamServer(HostOptions options, TimeProvider time, NetworkMetrics metrics, Action<PeerId> offend)
{
    private const int MaxPiecesIgnored = 64;

    private static readonly TimeSpan s_endTimeout = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Served> _handlers = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Protocols => [.. _handlers.Keys.Order(StringComparer.Ordinal)];

    public void Add(string protocol, StreamHandler handler, HandlerOptions limits)
    {
        if (!_handlers.TryAdd(protocol, new Served(handler, limits)))
            throw new InvalidOperationException($"{protocol} has a handler already.");
    }

    public bool Remove(string protocol) => _handlers.TryRemove(protocol, out _);

    /// <summary>Answers streams until the connection has ended.</summary>
    public async Task ServeAsync(IPeerConnection connection, CancellationToken cancellationToken)
    {
        while (await connection.AcceptStreamAsync(cancellationToken) is { } stream)
            _ = ServeStreamAsync(stream, connection, cancellationToken);
    }

    private async Task ServeStreamAsync(MuxedStream stream, IPeerConnection connection, CancellationToken cancellationToken)
    {
        await using var owned = stream;
        var protocol = "";
        try
        {
            using (var timeout = new CancellationTokenSource(options.NegotiationTimeout, time))
            {
                using var agreeing = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
                protocol = await MultistreamSelect.AnswerAsync(stream, _handlers.ContainsKey, agreeing.Token);
            }

            if (!_handlers.TryGetValue(protocol, out var served))
                return;
            metrics.Streams.Add(1, new KeyValuePair<string, object?>("protocol", protocol));
            if (!served.TryEnter(connection.RemotePeer))
            {
                Fail(protocol, "limit");
                return;
            }

            try
            {
                await served.HandleAsync(new PeerStream(stream, connection, protocol), time, cancellationToken);
            }
            finally
            {
                served.Leave(connection.RemotePeer);
            }

            await EndAsync(stream, cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or NegotiationException { IsNothingInCommon: false })
        {
            // What was sent breaks the protocol: a fault of the peer.
            Fail(protocol, "broken");
            offend(connection.RemotePeer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            Fail(protocol, e is OperationCanceledException ? "deadline" : "lost");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // A fault of the handler ends its stream, and nothing else.
            Fail(protocol, e.GetType().Name);
        }
    }

    /// <summary>Waits a moment until the other side has ended, too: a reset would overtake what it has still to read, or to say.</summary>
    private async Task EndAsync(MuxedStream stream, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(s_endTimeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await stream.CompleteWritesAsync(ending.Token);
        var rest = new byte[512];
        for (var pieces = 0; pieces < MaxPiecesIgnored && await stream.ReadAsync(rest, ending.Token) > 0; pieces++)
        {
            // Nobody wants it.
        }
    }

    private void Fail(string protocol, string why) => metrics.StreamFailures.Add(
        1, new KeyValuePair<string, object?>("protocol", protocol), new KeyValuePair<string, object?>("why", why));

    private sealed class Served(StreamHandler handler, HandlerOptions limits)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<PeerId, int> _byPeer = [];
        private int _count;

        public bool TryEnter(PeerId peer)
        {
            lock (_lock)
            {
                var own = _byPeer.GetValueOrDefault(peer);
                if (_count >= limits.MaxStreams || own >= limits.MaxStreamsPerPeer)
                    return false;
                _count++;
                _byPeer[peer] = own + 1;
                return true;
            }
        }

        public void Leave(PeerId peer)
        {
            lock (_lock)
            {
                _count--;
                if (--_byPeer[peer] == 0)
                    _byPeer.Remove(peer);
            }
        }

        public async Task HandleAsync(PeerStream stream, TimeProvider time, CancellationToken cancellationToken)
        {
            if (limits.Deadline is not { } deadline)
            {
                await handler(stream, cancellationToken);
                return;
            }

            using var timeout = new CancellationTokenSource(deadline, time);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            await handler(stream, stop.Token);
        }
    }
}
