using Google.Protobuf;
using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Records;
using Stoa.Primitives;

namespace Stoa.Network.Identify;

/// <summary>Peers tell each other who they are, what they speak and where they are: libp2p's identify and identify push.</summary>
/// <remarks>Each new peer is asked; what changes here is pushed to those who are connected, a moment later and all at once.</remarks>
public sealed class IdentifyProtocol : IAsyncDisposable
{
    /// <summary>What is asked.</summary>
    public const string Name = "/ipfs/id/1.0.0";

    /// <summary>What is told without being asked.</summary>
    public const string PushName = "/ipfs/id/push/1.0.0";

    private const int MaxMessageLength = 16_384;
    private const int MaxMessages = 8;
    private const int MaxProtocols = 512;
    private const int MaxAddresses = 64;
    private const int MaxWordLength = 256;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pushDelay = TimeSpan.FromMilliseconds(500);
    private static readonly HandlerOptions s_limits = new(MaxStreams: 512, MaxStreamsPerPeer: 4, Deadline: s_timeout);

    private readonly Host _host;
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, ulong> _sequences = [];
    private (IReadOnlyList<Multiaddr> Addresses, byte[] Record) _told = ([], []);
    private readonly CancellationTokenSource _stop;
    private Task _pushing = Task.CompletedTask;
    private bool _isPushDue;

    private IdentifyProtocol(Host host) => (_host, _stop) = (host, CancellationTokenSource.CreateLinkedTokenSource(host.Stopping));

    /// <summary>Answers who asks, and asks who comes, from now on.</summary>
    public static IdentifyProtocol Serve(Host host)
    {
        ArgumentNullException.ThrowIfNull(host);
        var identify = new IdentifyProtocol(host);
        host.Handle(Name, identify.TellAsync, s_limits);
        host.Handle(PushName, identify.HearAsync, s_limits);
        host.Changed += identify.OnChanged;
        host.SelfChanged += identify.OnSelfChanged;
        return identify;
    }

    /// <summary>Asks a peer who it is, although it may have told.</summary>
    /// <exception cref="IOException">It does not say.</exception>
    /// <exception cref="InvalidDataException">What it says breaks the protocol.</exception>
    public async Task<PeerDescription> AskAsync(PeerId peer, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(s_timeout, _host.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await using var stream = await _host.OpenStreamAsync(peer, [Name], both.Token);
        await stream.CompleteWritesAsync(both.Token);
        await TakeAsync(stream, both.Token);
        return _host.Peers.DescriptionOf(peer) ?? throw new InvalidDataException($"{peer} does not say who it is.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _host.Changed -= OnChanged;
        _host.SelfChanged -= OnSelfChanged;
        _host.Unhandle(Name);
        _host.Unhandle(PushName);
        await _stop.CancelAsync();
        await _pushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _stop.Dispose();
    }

    private void OnChanged(PeerId peer, PeerChangeKind kind)
    {
        if (kind is PeerChangeKind.Connected)
            _ = AskQuietlyAsync(peer);
        else if (kind is PeerChangeKind.Disconnected)
            lock (_lock)
                _sequences.Remove(peer);
    }

    private void OnSelfChanged()
    {
        lock (_lock)
        {
            if (_isPushDue)
                return;
            _isPushDue = true;
            _pushing = PushAsync();
        }
    }

    private async Task AskQuietlyAsync(PeerId peer)
    {
        try
        {
            await AskAsync(peer, _stop.Token);
        }
        catch (InvalidDataException)
        {
            _host.Offend(peer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Who does not say who it is is of little use, but does no harm.
        }
    }

    private async Task PushAsync()
    {
        await Task.Delay(s_pushDelay, _host.Time, _stop.Token);
        lock (_lock)
            _isPushDue = false;
        await Task.WhenAll(_host.ConnectedPeers.Where(peer => _host.Peers.Speaks(peer, PushName)).Select(async peer =>
        {
            try
            {
                using var timeout = new CancellationTokenSource(s_timeout, _host.Time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
                await using var stream = await _host.OpenStreamAsync(peer, [PushName], both.Token);
                await TellAsync(stream, both.Token);
                // It has heard when it ends the stream: to go before would be to reset it.
                await stream.ReadAsync(new byte[1], both.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // It asks when it comes again.
            }
        }));
    }

    private async Task TellAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var addresses = Reach.SeenFrom(stream.Connection.RemoteAddress, _host.Addresses.SelectMany(LocalAddresses.Expand)).Take(MaxAddresses).ToList();
        var message = new IdentifyMessage
        {
            PublicKey = ByteString.CopyFrom(_host.Key.PublicKey.ToProtobuf()),
            ProtocolVersion = _host.Options.ProtocolVersion,
            AgentVersion = _host.Options.AgentVersion,
            ObservedAddress = ByteString.CopyFrom(stream.Connection.RemoteAddress.ToBytes().Span),
            SignedPeerRecord = ByteString.CopyFrom(RecordOf(addresses)),
        };
        message.ListenAddresses.AddRange(addresses.Select(address => ByteString.CopyFrom(address.ToBytes().Span)));
        message.Protocols.AddRange(_host.Protocols);
        await stream.WriteMessageAsync(message, cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }

    /// <summary>The record that was told last, as long as it says the same; else a later one.</summary>
    private byte[] RecordOf(IReadOnlyList<Multiaddr> addresses)
    {
        lock (_lock)
        {
            if (_told.Record.Length == 0 || !_told.Addresses.SequenceEqual(addresses))
                _told = (addresses, PeerRecord.Seal(_host.Key, (ulong)_host.Time.GetUtcNow().ToUnixTimeMilliseconds(), addresses));
            return _told.Record;
        }
    }

    private Task HearAsync(PeerStream stream, CancellationToken cancellationToken) => TakeAsync(stream, cancellationToken);

    private async Task TakeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        // What does not fit into one message comes in several, to be read as one.
        var said = new IdentifyMessage();
        for (var count = 0; await stream.ReadMessageAsync(IdentifyMessage.Parser, MaxMessageLength, cancellationToken) is { } part; count++)
        {
            if (count == MaxMessages)
                throw new InvalidDataException($"What a peer says of itself has more than {MaxMessages} messages.");
            said.MergeFrom(part);
        }

        Take(stream, said);
    }

    private void Take(PeerStream stream, IdentifyMessage said)
    {
        var peer = stream.Peer;
        if (said.HasPublicKey && PeerId.FromEncodedPublicKey(said.PublicKey.Span) != peer)
            throw new InvalidDataException($"{peer} shows another peer's key.");
        if (said.Protocols.Count > MaxProtocols || said.Protocols.Any(protocol => protocol.Length > MaxWordLength))
            throw new InvalidDataException($"{peer} speaks more than {MaxProtocols} protocols, or has names for them of more than {MaxWordLength} characters.");
        IReadOnlyList<Multiaddr> addresses;
        ReadOnlyMemory<byte>? envelope = null;
        if (said.HasSignedPeerRecord)
        {
            var record = Open(peer, said.SignedPeerRecord);
            lock (_lock)
            {
                if (record.Sequence < _sequences.GetValueOrDefault(peer))
                    return;
                _sequences[peer] = record.Sequence;
            }

            (addresses, envelope) = (record.Addresses, said.SignedPeerRecord.Memory);
        }
        else
        {
            addresses = [.. AddressList.Read(said.ListenAddresses.Take(MaxAddresses), peer)];
        }

        // A push may say only what has changed.
        var before = _host.Peers.DescriptionOf(peer);
        _host.Peers.Identify(peer, new PeerDescription(
            said.Protocols.Count > 0 ? said.Protocols.ToHashSet(StringComparer.Ordinal) : before?.Protocols ?? new HashSet<string>(),
            [.. Reach.SeenFrom(stream.Connection.RemoteAddress, addresses)],
            said.HasAgentVersion ? Shorten(said.AgentVersion) : before?.AgentVersion ?? "",
            envelope ?? before?.Record));
        _host.Told(peer, PeerChangeKind.Identified);
    }

    private static PeerRecord Open(PeerId peer, ByteString envelope)
    {
        try
        {
            var record = PeerRecord.Open(envelope.Span);
            return record.Peer == peer ? record : throw new InvalidDataException($"{peer} shows the record of {record.Peer}.");
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"{peer} shows a record that does not hold.", e);
        }
    }

    private static string Shorten(string text) => text.Length <= MaxWordLength ? text : text[..MaxWordLength];
}
