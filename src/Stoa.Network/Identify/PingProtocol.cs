using System.Security.Cryptography;
using Stoa.Network.Hosting;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Identify;

/// <summary>Measures the way to a peer and back: libp2p's ping, 32 bytes that come back as they went.</summary>
public static class PingProtocol
{
    /// <summary>Its name.</summary>
    public const string Name = "/ipfs/ping/1.0.0";

    private const int Length = 32;

    // One that somebody asked for and one of the peer's own, each with one that takes its place: the one before may not have ended here yet.
    private static readonly HandlerOptions s_limits = new(MaxStreams: 1_024, MaxStreamsPerPeer: 4, Deadline: TimeSpan.FromHours(1));

    /// <summary>Answers the pings of others from now on.</summary>
    public static void Serve(Host host)
    {
        ArgumentNullException.ThrowIfNull(host);
        host.Handle(Name, EchoAsync, s_limits);
    }

    /// <summary>Sends bytes to a peer, which is dialled when there is no connection to it, and waits until they are back.</summary>
    /// <returns>How long that took, without the dial.</returns>
    /// <exception cref="ConnectException">There is no connection to be had.</exception>
    /// <exception cref="IOException">The connection was lost, or the peer does not speak it.</exception>
    /// <exception cref="InvalidDataException">Other bytes came back.</exception>
    public static async Task<TimeSpan> PingAsync(Host host, PeerId peer, CancellationToken cancellationToken) => (await PingAsync(host, peer, 1, cancellationToken))[0];

    /// <summary>The same several times, one after the other, on one stream.</summary>
    /// <param name="host">Who pings.</param>
    /// <param name="peer">Who is pinged.</param>
    /// <param name="count">How often; at least 1.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How long each took, without the dial.</returns>
    /// <exception cref="ConnectException">There is no connection to be had.</exception>
    /// <exception cref="IOException">The connection was lost, or the peer does not speak it.</exception>
    /// <exception cref="InvalidDataException">Other bytes came back.</exception>
    public static async Task<IReadOnlyList<TimeSpan>> PingAsync(Host host, PeerId peer, int count, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(host);
        await using var stream = await host.OpenStreamAsync(peer, [Name], cancellationToken);
        var times = new List<TimeSpan>(count);
        var back = new byte[Length];
        for (var number = 0; number < count; number++)
        {
            var sent = RandomNumberGenerator.GetBytes(Length);
            var begin = host.Time.GetTimestamp();
            await stream.WriteAsync(sent, cancellationToken);
            if (!await ReadAllAsync(stream, back, cancellationToken) || !back.AsSpan().SequenceEqual(sent))
                throw new InvalidDataException($"{peer} did not send back what was sent.");
            times.Add(host.Time.GetElapsedTime(begin));
        }

        return times;
    }

    private static async Task EchoAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[Length];
        while (await ReadAllAsync(stream, buffer, cancellationToken))
            await stream.WriteAsync(buffer, cancellationToken);
        await stream.CompleteWritesAsync(cancellationToken);
    }

    private static async ValueTask<bool> ReadAllAsync(PeerStream stream, byte[] buffer, CancellationToken cancellationToken)
    {
        for (var had = 0; had < buffer.Length;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(had), cancellationToken);
            if (read == 0)
                return had == 0 ? false : throw new InvalidDataException("The stream ended within a ping.");
            had += read;
        }

        return true;
    }
}
