using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>Publishes messages of topics to whoever in the network has subscribed to them, and brings those of others: gossipsub 1.1 of libp2p.</summary>
/// <remarks>
/// specs/pubsub and specs/pubsub/gossipsub of libp2p; Vyzovitis and others, GossipSub, 2020. Every message is signed by its author, and nothing is passed on whose signature does not hold
/// or that the topic's validator does not accept. A message may come late or not at all to a node that was away; it does not come twice within
/// <see cref="GossipOptions.SeenLifetime"/>, but may be sent again later by anybody: who must not act on it twice has to see to that. Neighbours are those whom the
/// host is connected to; nobody is dialled here. Safe for use by many threads.
/// </remarks>
public sealed class GossipRouter : IAsyncDisposable
{
    private const int WorthOfMesh = 20;

    // One that is read, and one that takes its place: the one before may not have ended yet.
    private static readonly HandlerOptions s_limits = new(MaxStreams: 2_048, MaxStreamsPerPeer: 4);

    private readonly Host _host;
    private readonly GossipOptions _options;
    private readonly GossipMetrics _metrics = new();
    private readonly MessageSignature _signature;
    private readonly Overlay _overlay;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (ValidationQueue Queue, TopicOptions Options)> _subscriptions = new(StringComparer.Ordinal);
    private readonly Dictionary<PeerId, CancellationTokenSource> _senders = [];
    private readonly BackgroundTasks _background = new();
    private readonly CancellationTokenSource _stop;
    private ulong _lastSequence;
    private bool _isDisposed;

    /// <summary>Takes part from now on, with whoever the host is connected to.</summary>
    /// <param name="host">What carries it, and whose key signs. Disposed by whoever made it, after this. Peers are found to speak gossipsub by <see cref="Identify.IdentifyProtocol"/>.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public GossipRouter(Host host, GossipOptions options)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (_host, _options) = (host, options);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(host.Stopping);
        _signature = new MessageSignature(options);
        _overlay = new Overlay(host.Id, options, host.Time, host.Choose, (peer, meshes) => host.Value(peer, GossipOptions.Protocol, meshes * WorthOfMesh), _metrics);
        host.Handle(GossipOptions.Protocol, ReadAsync, s_limits);
        host.Handle(GossipOptions.OldProtocol, ReadAsync, s_limits);
        host.Changed += OnChanged;
        foreach (var peer in host.ConnectedPeers)
            OnChanged(peer, PeerChangeKind.Identified);
        _background.Add(BeatAsync());
    }

    /// <summary>The topics that are subscribed to.</summary>
    public IReadOnlyList<string> Topics => _overlay.Topics;

    internal Overlay Overlay => _overlay;

    internal GossipMetrics Metrics => _metrics;

    /// <summary>Takes part in a topic: its messages are judged, delivered and passed on, until the subscription is disposed.</summary>
    /// <exception cref="ArgumentException">The name is empty or too long, or the options make no sense.</exception>
    /// <exception cref="InvalidOperationException">There is a subscription to the topic, or there are too many.</exception>
    public IAsyncDisposable Subscribe(string topic, TopicOptions options)
    {
        CheckTopic(topic);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var queue = new ValidationQueue(options, _host.Time, Conclude);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            if (!_subscriptions.TryAdd(topic, (queue, options)))
                throw new InvalidOperationException($"There is a subscription to {topic} already.");
        }

        try
        {
            _overlay.Join(topic, options.Score);
        }
        catch (InvalidOperationException)
        {
            lock (_lock)
                _subscriptions.Remove(topic);
            throw;
        }

        return new Subscription(this, topic, queue);
    }

    /// <summary>Signs a message and sends it to whom it concerns. It is neither judged nor delivered here.</summary>
    /// <param name="topic">Of what; it need not be subscribed to.</param>
    /// <param name="data">What it says, at most <see cref="GossipOptions.MaxDataLength"/> bytes.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>When it is on its way to those who had room for it. It waits while there are some, and nobody has.</returns>
    /// <exception cref="ArgumentException">The topic's name or the message is too long, or the name is empty.</exception>
    public async Task<PublishReport> PublishAsync(string topic, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        CheckTopic(topic);
        if (data.Length > _options.MaxDataLength)
            throw new ArgumentException($"A message has at most {_options.MaxDataLength} bytes, not {data.Length}.", nameof(data));
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        var sequence = NextSequence();
        var wire = MessageSignature.Sign(_host.Key, topic, sequence, data);
        var message = _signature.WithId(new GossipMessage(topic, _host.Id, sequence, wire.Data.Memory, _host.Id));
        _metrics.Publish();
        while (true)
        {
            var (peers, taken) = _overlay.Publish(message, wire);
            if (peers == 0 || taken > 0)
                return new PublishReport(message.Id, taken);
            await Task.Delay(_options.HeartbeatInterval, _host.Time, cancellationToken);
        }
    }

    /// <summary>The same of several messages, in their order. What waits for a peer goes to it together, as much as fits into one exchange.</summary>
    /// <returns>As many reports.</returns>
    /// <exception cref="ArgumentException">As above; those before it are on their way.</exception>
    public async Task<IReadOnlyList<PublishReport>> PublishAsync(string topic, IReadOnlyList<ReadOnlyMemory<byte>> data, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(data);
        var reports = new List<PublishReport>(data.Count);
        foreach (var one in data)
            reports.Add(await PublishAsync(topic, one, cancellationToken));
        return reports;
    }

    /// <summary>The neighbours that want a topic.</summary>
    public IReadOnlyList<GossipNeighbour> GetPeers(string topic) => _overlay.PeersOf(topic);

    /// <summary>What each neighbour is worth.</summary>
    public IReadOnlyDictionary<PeerId, double> GetScores() => _overlay.Scores();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<ValidationQueue> queues;
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
        }

        _host.Changed -= OnChanged;
        _host.Unhandle(GossipOptions.Protocol);
        _host.Unhandle(GossipOptions.OldProtocol);
        _stop.Cancel();
        lock (_lock)
        {
            queues = [.. _subscriptions.Values.Select(subscription => subscription.Queue)];
            _subscriptions.Clear();
        }

        foreach (var queue in queues)
            await queue.DisposeAsync();
        await _background.EndAsync();
        _stop.Dispose();
        _metrics.Dispose();
    }

    private void CheckTopic(string topic)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        if (topic.Length > _options.MaxTopicLength)
            throw new ArgumentException($"The name of a topic has at most {_options.MaxTopicLength} characters.", nameof(topic));
    }

    /// <summary>Rises also over a restart, as long as the clock does not go back: some networks take no lower number of an author again.</summary>
    private ulong NextSequence()
    {
        var now = (ulong)(_host.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        lock (_lock)
            return _lastSequence = Math.Max(now, _lastSequence + 1);
    }

    private async Task EndAsync(string topic, ValidationQueue queue)
    {
        lock (_lock)
        {
            if (!_subscriptions.TryGetValue(topic, out var current) || current.Queue != queue)
                return;
            _subscriptions.Remove(topic);
        }

        _overlay.Part(topic);
        await queue.DisposeAsync();
    }

    private void OnChanged(PeerId peer, PeerChangeKind kind)
    {
        switch (kind)
        {
            case PeerChangeKind.Identified:
                if (_host.Peers.Speaks(peer, GossipOptions.Protocol) || _host.Peers.Speaks(peer, GossipOptions.OldProtocol))
                    Meet(peer);
                break;
            case PeerChangeKind.Disconnected:
                Part(peer);
                break;
        }
    }

    /// <summary>Takes a peer for a neighbour, and begins to send to it; null when it has gone already, or is reached through a relay only, which carries little and not for long.</summary>
    private GossipPeer? Meet(PeerId id)
    {
        if (_host.DirectConnectionTo(id) is not { } connection)
            return null;
        if (_overlay.Find(id) is { IsSentTo: true } known && !_stop.IsCancellationRequested)
            return known;
        var peer = _overlay.Meet(id, connection.IsInitiator, AddressNetwork.Of(connection.RemoteAddress, _options.AllowsPrivateAddresses));
        lock (_lock)
        {
            if (_stop.IsCancellationRequested)
                return null;
            if (!_senders.ContainsKey(id))
            {
                var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                _senders.Add(id, stop);
                peer.IsSentTo = true;
                _background.Add(SendAsync(peer, stop));
            }
        }

        // It may have gone between.
        if (_host.IsConnected(id))
            return peer;
        Part(id);
        return null;
    }

    private void Part(PeerId id)
    {
        CancellationTokenSource? stop;
        lock (_lock)
            _senders.Remove(id, out stop);
        stop?.Cancel();
        _overlay.Leave(id);
    }

    private async Task BeatAsync()
    {
        // Not all nodes at once.
        await Task.Delay(_options.HeartbeatInterval * (_host.Choose(1_000) / 1_000.0), _host.Time, _stop.Token);
        using var beats = new PeriodicTimer(_options.HeartbeatInterval, _host.Time);
        await using var stopping = _stop.Token.UnsafeRegister(static beats => ((PeriodicTimer)beats!).Dispose(), beats);
        while (await beats.WaitForNextTickAsync())
            _overlay.Heartbeat();
    }

    /// <summary>Sends to a peer what its queue has, on one stream, which is opened anew when it is lost.</summary>
    private async Task SendAsync(GossipPeer peer, CancellationTokenSource stop)
    {
        // Not under the lock.
        await Task.Yield();
        try
        {
            var delay = _options.ReopenDelay;
            while (true)
            {
                var isMute = false;
                var begin = _host.Time.GetTimestamp();
                try
                {
                    await SendOnStreamAsync(peer, stop.Token);
                }
                catch (NegotiationException e) when (e.IsNothingInCommon)
                {
                    isMute = true;
                }
                catch (InvalidDataException)
                {
                    _host.Offend(peer.Id);
                }
                catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
                {
                    // The stream is lost; or the peer, which is looked for before it is opened anew.
                }

                _overlay.Close(peer, isMute);
                if (isMute)
                    break;
                if (_host.Time.GetElapsedTime(begin) > _options.MaxReopenDelay)
                    delay = _options.ReopenDelay;
                await Task.Delay(delay, _host.Time, stop.Token);
                delay = delay * 2 < _options.MaxReopenDelay ? delay * 2 : _options.MaxReopenDelay;
            }
        }
        finally
        {
            _overlay.Close(peer, peer.IsMute);
            lock (_lock)
            {
                // It may have come again: then there is another.
                if (_senders.TryGetValue(peer.Id, out var current) && current == stop)
                    _senders.Remove(peer.Id);
                peer.IsSentTo = false;
            }

            stop.Dispose();
        }
    }

    private async Task SendOnStreamAsync(GossipPeer peer, CancellationToken cancellationToken)
    {
        var connection = _host.DirectConnectionTo(peer.Id) ?? throw new IOException($"{peer.Id} has gone.");
        await using var stream = await _host.OpenStreamAsync(connection, [GossipOptions.Protocol, GossipOptions.OldProtocol], cancellationToken);
        _overlay.Open(peer, hasBackoffs: stream.Protocol == GossipOptions.Protocol);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var timeout = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _host.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ended.Token);
        Task? watching = null;
        try
        {
            while (true)
            {
                while (peer.Queue.Take() is { } exchange)
                {
                    var writing = stream.WriteAsync(exchange.Frame, both.Token);
                    // A timer is set only where it takes time.
                    var isSlow = !writing.IsCompleted;
                    if (isSlow)
                        timeout.CancelAfter(_options.SendTimeout);
                    await writing;
                    if (isSlow)
                        timeout.CancelAfter(Timeout.InfiniteTimeSpan);
                    // Reading tells whether the peer speaks it at all, and when it ends the stream.
                    watching ??= WatchAsync(stream, ended);
                }

                await peer.Queue.WaitAsync(ended.Token);
            }
        }
        finally
        {
            ended.Cancel();
            if (watching is not null)
                await watching;
        }
    }

    /// <summary>Ends the sending when the peer ends the stream.</summary>
    private async Task WatchAsync(PeerStream stream, CancellationTokenSource ended)
    {
        try
        {
            if (await stream.ReadAsync(new byte[1], ended.Token) > 0)
                _host.Offend(stream.Peer);
        }
        finally
        {
            ended.Cancel();
        }
    }

    /// <summary>Reads what a peer sends.</summary>
    /// <exception cref="InvalidDataException">It breaks the protocol.</exception>
    private async Task ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        GossipPeer? peer = null;
        while (await stream.ReadMessageAsync(_options.MaxRpcLength, stop.Token) is { } bytes)
        {
            // Nearly always it is who it was.
            if (peer is not { HasGone: false, IsSentTo: true } || stream.Connection.RemoteAddress.IsCircuit)
                peer = Meet(stream.Peer);
            if (peer is null)
                return;
            if (_overlay.IsGraylisted(peer))
            {
                _metrics.Refuse(GossipRefusal.Graylisted);
                continue;
            }

            var rpc = RpcShape.Read(bytes.Span, _options);
            _overlay.Hear(peer, rpc);
            foreach (var message in rpc.Publish)
                await TakeAsync(peer, message, stop.Token);
        }

        await stream.CompleteWritesAsync(stop.Token);
    }

    /// <summary>Takes a message of a peer; waits while too many of the same peer are being judged.</summary>
    private async ValueTask TakeAsync(GossipPeer peer, Wire.Message wire, CancellationToken cancellationToken)
    {
        if (wire.Data.Length > _options.MaxDataLength)
        {
            Blame(peer, wire, GossipRefusal.TooLong);
            return;
        }

        if (_signature.Read(wire, peer.Id) is not { } message)
        {
            Blame(peer, wire, GossipRefusal.Malformed);
            return;
        }

        if (_overlay.Screen(peer, message) is { } refusal)
        {
            _metrics.Refuse(refusal);
            return;
        }

        ValidationQueue? queue;
        lock (_lock)
            queue = _subscriptions.TryGetValue(message.Topic, out var subscription) ? subscription.Queue : null;
        // Not before there is room: checking costs more than sending.
        if (queue is not { HasRoom: true })
        {
            _metrics.Refuse(queue is null ? GossipRefusal.NotSubscribed : GossipRefusal.Busy);
            return;
        }

        if (!_signature.IsGood(wire, message.From, out var why))
        {
            Blame(peer, wire, why);
            return;
        }

        await peer.Turns.EnterAsync(cancellationToken);
        if (_overlay.Begin(peer, message))
        {
            queue.Add(new GossipCandidate(message, wire, peer));
            return;
        }

        peer.Turns.Leave();
        _metrics.Refuse(GossipRefusal.Duplicate);
    }

    private void Blame(GossipPeer peer, Wire.Message wire, GossipRefusal why)
    {
        _metrics.Refuse(why);
        _overlay.Invalid(peer.Id, wire.Topic);
        _host.Offend(peer.Id);
    }

    private void Conclude(GossipCandidate candidate, GossipVerdict verdict, GossipRefusal? why)
    {
        candidate.Peer.Turns.Leave();
        _overlay.Conclude(candidate.Message, candidate.Wire, verdict);
        if (why is { } refusal)
        {
            _metrics.Refuse(refusal);
            return;
        }

        _metrics.Accept();
        Action<GossipMessage>? deliver;
        lock (_lock)
            deliver = _subscriptions.TryGetValue(candidate.Message.Topic, out var subscription) ? subscription.Options.Deliver : null;
        try
        {
            deliver?.Invoke(candidate.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A fault of the application's ends nothing here; it is counted.
            _metrics.FailDelivery();
        }
    }

    private sealed class Subscription(GossipRouter router, string topic, ValidationQueue queue) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await router.EndAsync(topic, queue);
    }
}
