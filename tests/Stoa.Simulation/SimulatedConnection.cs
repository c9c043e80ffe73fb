using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>One end of a connection.</summary>
internal sealed class SimulatedConnection : IPeerConnection
{
    private readonly Dictionary<int, SimulatedStream> _streams = [];
    private readonly Queue<SimulatedStream> _backlog = new();
    private readonly Wait<MuxedStream?> _accepting;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastArrival;

    public SimulatedConnection(Link link, SimulatedNode node, bool isInitiator)
    {
        (Link, Node, IsInitiator) = (link, node, isInitiator);
        _accepting = new Wait<MuxedStream?>(link.Network.World, static _ => { });
    }

    public Link Link { get; }

    public SimulatedNode Node { get; }

    public bool IsInitiator { get; }

    public SimulatedConnection Other => IsInitiator ? Link.Listener : Link.Dialer;

    public PeerId RemotePeer => Other.Node.Peer;

    public ReadOnlyMemory<byte> RemoteKey => Other.Node.Key;

    public Multiaddr RemoteAddress => Other.Node.Address;

    public Multiaddr LocalAddress => Node.Address;

    public string Security => "";

    public Task Completion => _completion.Task;

    public string? EndedBecause { get; private set; }

    public ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<MuxedStream>(cancellationToken);
        if (EndedBecause is not null)
            return ValueTask.FromException<MuxedStream>(new IOException($"The connection has ended: {EndedBecause}"));
        var (stream, _) = SimulatedStream.Pair(this, ++Link.LastStream);
        Add(stream);
        stream.Open();
        return ValueTask.FromResult<MuxedStream>(stream);
    }

    public ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<MuxedStream?>(cancellationToken);
        if (_backlog.TryDequeue(out var stream))
            return ValueTask.FromResult<MuxedStream?>(stream);
        if (EndedBecause is not null)
            return ValueTask.FromResult<MuxedStream?>(null);
        return new ValueTask<MuxedStream?>(_accepting, _accepting.Begin(cancellationToken));
    }

    public ValueTask DisposeAsync()
    {
        End("It was closed here.", isOtherTold: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends something that belongs to a stream: it arrives after what was sent on it before.</summary>
    public void Send(PacketKind kind, SimulatedStream stream, byte[] bytes, int amount, ref long lastArrival)
    {
        if (EndedBecause is not null || !Node.IsUp)
            return;
        lastArrival = Math.Max(lastArrival, Link.Network.ArrivalOf(Node, Other.Node, bytes.Length));
        _lastArrival = Math.Max(_lastArrival, lastArrival);
        Link.Network.World.Schedule(lastArrival, Packet.Arrive, new Packet(kind, Other, stream, bytes, amount));
    }

    /// <summary>Ends this end once; the other end, if it is told, when all that was sent has arrived.</summary>
    public void End(string reason, bool isOtherTold)
    {
        if (EndedBecause is not null)
            return;
        if (isOtherTold && Node.IsUp)
        {
            _lastArrival = Math.Max(_lastArrival, Link.Network.ArrivalOf(Node, Other.Node, 0));
            Link.Network.World.Schedule(_lastArrival, Packet.Arrive, new Packet(PacketKind.Close, Other, null, [], 0));
        }

        EndedBecause = reason;
        while (_backlog.TryDequeue(out _))
        {
            // Nobody will accept them.
        }

        foreach (var stream in _streams.Values.ToList())
            stream.OnReset($"The connection has ended: {reason}");
        _streams.Clear();
        if (_accepting.IsWaiting)
            _accepting.Complete(null);
        _completion.TrySetResult();
        Link.ForgetIfEnded();
    }

    public void OnOpened(SimulatedStream stream)
    {
        Add(stream);
        if (_accepting.IsWaiting)
            _accepting.Complete(stream);
        else
            _backlog.Enqueue(stream);
    }

    public void Add(SimulatedStream stream) => _streams.Add(stream.Number, stream);

    public void Forget(SimulatedStream stream) => _streams.Remove(stream.Number);
}
