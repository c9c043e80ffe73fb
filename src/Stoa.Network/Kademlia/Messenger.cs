using Stoa.Network.Addressing;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Network.Transport;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Asks peers over the streams of a host.</summary>
/// <remarks>
/// A stream a request. The protocol allows several messages on one, but a new stream to a peer that is known to speak it costs no round trip, and answers of
/// one stream wait for each other. Only what is sent in bulk shares a stream: see <see cref="TellAsync"/>.
/// </remarks>
internal sealed class Messenger(Host host, KademliaOptions options) : IMessenger
{
    // A cold start has no measurements: the limit is a few times the patience.
    private const int InitialLimit = 4;

    private readonly AnswerTimes _connected = new(options.InitialPatience, Least(options.InitialPatience * InitialLimit, options.MaxRequestTimeout));
    private readonly AnswerTimes _dialled = new(options.InitialPatience, Least(options.InitialPatience * InitialLimit, options.MaxRequestTimeout));
    private readonly Absentees _absentees = new(options.AbsenceMemory, host.Time);

    /// <summary>A peer has answered, over a connection.</summary>
    public event Action<PeerId, IPeerConnection>? Answered;

    /// <summary>A peer did not answer.</summary>
    public event Action<PeerId>? Missed;

    /// <summary>A peer said that it does not speak the protocol.</summary>
    public event Action<PeerId>? Refused;

    /// <inheritdoc/>
    public TimeSpan PatienceFor(PeerId peer) => TimesOf(peer).Patience;

    /// <inheritdoc/>
    public bool IsAbsent(PeerId peer) => _absentees.Contains(peer);

    /// <summary>Notes that a peer is there.</summary>
    public void Seen(PeerId peer) => _absentees.Remove(peer);

    /// <inheritdoc/>
    public Task<Answer?> AskAsync(PeerAddress peer, Wire.Message request, CancellationToken cancellationToken) =>
        AskAsync(peer, request, TimesOf(peer.Peer).Limit, cancellationToken);

    /// <summary>Asks whether a peer is there, with all patience.</summary>
    public async Task<bool> PingAsync(PeerAddress peer, CancellationToken cancellationToken)
    {
        // What all implementations answer; PING itself is out of use.
        var request = new Wire.Message { Type = Wire.MessageType.FindNode, Key = Google.Protobuf.ByteString.CopyFrom(host.Id.ToBytes()) };
        return await AskAsync(peer, request, options.MaxRequestTimeout, cancellationToken) is not null;
    }

    /// <summary>Sends messages that have no answer, on one stream, and waits until the peer has read them.</summary>
    /// <returns>Whether it has.</returns>
    public async Task<bool> TellAsync(PeerAddress peer, IReadOnlyList<Wire.Message> messages, CancellationToken cancellationToken)
    {
        var told = await ExchangeAsync(
            peer,
            options.MaxRequestTimeout,
            async (stream, token) =>
            {
                foreach (var message in messages)
                    await stream.WriteMessageAsync(message, token);
                await stream.CompleteWritesAsync(token);
                // Its end is the receipt.
                return await stream.ReadMessageAsync(options.MaxMessageLength, token) is null ? stream : null;
            },
            cancellationToken);
        return told is not null;
    }

    /// <summary>Remembers where a peer is, as somebody told, and above that as the peer has signed it.</summary>
    /// <returns>False when nothing of what is said to be signed by it is: it is only told, then.</returns>
    public bool Note(PeerAddress told)
    {
        host.Peers.Add(told.Peer, told.Addresses, AddressSource.Told);
        // Signatures are checked when there is a use for them: not of those that are connected, nor where the same was checked last.
        if (told.Records.Count == 0 || host.IsConnected(told.Peer))
            return true;
        var isTrue = false;
        foreach (var record in told.Records)
        {
            if (host.Peers.DescriptionOf(told.Peer)?.Record?.Span.SequenceEqual(record.Span) is true || host.Peers.SignedRecordOf(told.Peer)?.Span.SequenceEqual(record.Span) is true)
            {
                isTrue = true;
                continue;
            }

            try
            {
                var opened = PeerCodec.OpenRecord(told.Peer, record, options);
                host.Peers.AddSigned(opened, record);
                isTrue = true;
            }
            catch (PlatformNotSupportedException)
            {
                // Whether it holds is not known here.
                isTrue = true;
            }
            catch (FormatException)
            {
                // Another one may hold.
            }
        }

        return isTrue;
    }

    private Task<Answer?> AskAsync(PeerAddress peer, Wire.Message request, TimeSpan limit, CancellationToken cancellationToken) => ExchangeAsync(
        peer,
        limit,
        async (stream, token) =>
        {
            await stream.WriteMessageAsync(request, token);
            await stream.CompleteWritesAsync(token);
            if (await stream.ReadMessageAsync(Wire.Message.Parser, options.MaxMessageLength, token) is not { } message)
                return null;
            return new Answer(message, PeerCodec.Read(message.CloserPeers, options), stream.Connection.RemoteAddress);
        },
        cancellationToken);

    private async Task<T?> ExchangeAsync<T>(
        PeerAddress peer, TimeSpan limit, Func<PeerStream, CancellationToken, Task<T?>> exchange, CancellationToken cancellationToken) where T : class
    {
        var times = TimesOf(peer.Peer);
        var start = host.Time.GetTimestamp();
        using var timeout = new CancellationTokenSource(limit, host.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            // Where what is said to be signed is not, who made it up is not known any more; what else is told is tried all the same.
            Note(peer);
            await using var stream = await host.OpenStreamAsync(peer.Peer, [options.Protocol], both.Token);
            if (await exchange(stream, both.Token) is not { } answer)
                return null;
            times.Answered(host.Time.GetElapsedTime(start));
            _absentees.Remove(peer.Peer);
            Answered?.Invoke(peer.Peer, stream.Connection);
            return answer;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (NegotiationException e) when (e.IsNothingInCommon)
        {
            Refused?.Invoke(peer.Peer);
        }
        catch (InvalidDataException)
        {
            host.Offend(peer.Peer);
            Miss();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            if (e is OperationCanceledException)
                times.Missed();
            Miss();
        }

        return null;

        void Miss()
        {
            _absentees.Add(peer.Peer);
            Missed?.Invoke(peer.Peer);
        }
    }

    private AnswerTimes TimesOf(PeerId peer) => host.IsConnected(peer) ? _connected : _dialled;

    private static TimeSpan Least(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
