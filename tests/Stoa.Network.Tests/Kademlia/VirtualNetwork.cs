using System.Threading.Channels;
using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Kademlia;

/// <summary>Peers in one process that reach each other after a while, unless one is dead or in another part.</summary>
internal sealed class VirtualNetwork(VirtualWorld world)
{
    private readonly Dictionary<Multiaddr, Place> _places = [];

    /// <summary>Who is in it.</summary>
    public Dictionary<PeerId, KademliaNode> Nodes { get; } = [];

    /// <summary>The way of one peer into this network.</summary>
    public Place Add(PrivateKey key, Multiaddr address)
    {
        var place = new Place(this, key.PublicKey, address);
        _places.Add(address, place);
        return place;
    }

    private static TimeSpan Latency(Place from, Place to)
    {
        // The same both ways, and other for each pair: 10 to 73 ms.
        var mixed = (uint)(from.Number ^ to.Number) * 2_654_435_761u;
        return TimeSpan.FromMilliseconds(10 + (mixed >> 26));
    }

    internal sealed class Place(VirtualNetwork network, PublicKey key, Multiaddr address) : ITransport, IListener
    {
        private readonly Channel<IPeerConnection?> _arrivals = Channel.CreateUnbounded<IPeerConnection?>();

        public VirtualWorld World { get; } = network.World;

        public PublicKey Key => key;

        public Multiaddr Address => address;

        public int Number { get; } = network._places.Count;

        /// <summary>What goes to it and comes from it is lost, without a word.</summary>
        public bool IsDead { get; set; }

        /// <summary>What goes to another part of the network is lost.</summary>
        public int Part { get; set; }

        public bool CanDial(Multiaddr address) => true;

        public Task<IListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) => Task.FromResult<IListener>(this);

        public async Task<IPeerConnection> DialAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
        {
            var other = network._places.GetValueOrDefault(address);
            if (other is null || !Reaches(other))
                await Task.Delay(Timeout.InfiniteTimeSpan, World, cancellationToken);
            // TCP and a secured channel: two round trips.
            await Task.Delay(Latency(this, other!) * 4, World, cancellationToken);
            if (expected is { } peer && peer != other!.Key.PeerId)
                throw new ConnectException(ConnectFault.OtherPeer, "There is another peer.");
            var (near, far) = (new Connection(this, other!, isInitiator: true), new Connection(other!, this, isInitiator: false));
            (near.Other, far.Other) = (far, near);
            other!._arrivals.Writer.TryWrite(far);
            return near;
        }

        public async Task<IPeerConnection?> AcceptAsync(CancellationToken cancellationToken) => await _arrivals.Reader.ReadAsync(cancellationToken);

        public ValueTask DisposeAsync()
        {
            _arrivals.Writer.TryWrite(null);
            return ValueTask.CompletedTask;
        }

        public bool Reaches(Place other) => !IsDead && !other.IsDead && Part == other.Part;

        public void Send(Place other, Action act) => World.After(Latency(this, other), () =>
        {
            if (Reaches(other))
                act();
        });
    }

    private VirtualWorld World => world;

    private sealed class Connection(Place here, Place there, bool isInitiator) : IPeerConnection
    {
        private readonly Channel<MuxedStream?> _streams = Channel.CreateUnbounded<MuxedStream?>();
        private readonly TaskCompletionSource _completion = new();
        private readonly List<VirtualStream> _open = [];
        private bool _isEnded;

        public Connection Other { get; set; } = null!;

        public PeerId RemotePeer => there.Key.PeerId;

        public ReadOnlyMemory<byte> RemoteKey => there.Key.ToProtobuf();

        public Multiaddr RemoteAddress => there.Address;

        public Multiaddr LocalAddress => here.Address;

        public bool IsInitiator => isInitiator;

        public string Security => "";

        public Task Completion => _completion.Task;

        public string? EndedBecause => _isEnded ? "ended" : null;

        public ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken)
        {
            if (_isEnded)
                throw new IOException("The connection has ended.");
            var (near, far) = (new VirtualStream(here, there), new VirtualStream(there, here));
            (near.Other, far.Other) = (far, near);
            Keep(near);
            here.Send(there, () =>
            {
                Other.Keep(far);
                Other._streams.Writer.TryWrite(far);
            });
            return new ValueTask<MuxedStream>(near);
        }

        public async ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken) =>
            _isEnded ? null : await _streams.Reader.ReadAsync(cancellationToken);

        public ValueTask DisposeAsync()
        {
            if (_isEnded)
                return ValueTask.CompletedTask;
            End();
            here.Send(there, Other.End);
            return ValueTask.CompletedTask;
        }

        private void Keep(VirtualStream stream)
        {
            if (_open.Count > 64)
                _open.RemoveAll(open => open.IsOver);
            _open.Add(stream);
        }

        private void End()
        {
            _isEnded = true;
            foreach (var stream in _open)
                stream.Break();
            _streams.Writer.TryWrite(null);
            _completion.TrySetResult();
        }
    }

    private sealed class VirtualStream(Place here, Place there) : MuxedStream
    {
        private readonly Queue<ReadOnlyMemory<byte>> _received = [];
        private ReadOnlyMemory<byte> _head;
        private TaskCompletionSource? _waiter;
        private bool _isEnded;
        private bool _isReset;
        private bool _isWritten;

        public VirtualStream Other { get; set; } = null!;

        public bool IsOver => _isReset || (_isEnded && _isWritten);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (_head.IsEmpty && !_received.TryDequeue(out _head))
            {
                if (_isReset)
                    throw new StreamResetException("The stream was reset.");
                if (_isEnded)
                    return 0;
                _waiter = new TaskCompletionSource();
                using (cancellationToken.UnsafeRegister(static (waiter, token) => ((TaskCompletionSource)waiter!).TrySetCanceled(token), _waiter))
                    await _waiter.Task;
            }

            var length = Math.Min(_head.Length, buffer.Length);
            _head[..length].CopyTo(buffer);
            _head = _head[length..];
            return length;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_isReset)
                throw new StreamResetException("The stream was reset.");
            var copy = buffer.ToArray();
            here.Send(there, () => Other.Receive(copy));
            return ValueTask.CompletedTask;
        }

        public override ValueTask CompleteWritesAsync(CancellationToken cancellationToken)
        {
            if (!_isWritten)
                here.Send(there, Other.EndReads);
            _isWritten = true;
            return ValueTask.CompletedTask;
        }

        public override void Reset()
        {
            if (IsOver)
                return;
            Break();
            here.Send(there, Other.Break);
        }

        public void Break()
        {
            _isReset = true;
            _received.Clear();
            _head = default;
            _waiter?.TrySetResult();
        }

        private void Receive(byte[] bytes)
        {
            if (_isReset || bytes.Length == 0)
                return;
            _received.Enqueue(bytes);
            _waiter?.TrySetResult();
        }

        private void EndReads()
        {
            _isEnded = true;
            _waiter?.TrySetResult();
        }
    }
}
