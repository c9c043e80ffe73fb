using Stoa.Network.Addressing;
using Stoa.Network.Muxing;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Primitives;

namespace Stoa.Network.Transport;

/// <summary>Makes a connection to a peer out of raw bytes both ways: security, then a multiplexer, each agreed on by multistream-select (libp2p's connections specification).</summary>
/// <param name="securities">What may protect it, the best first.</param>
/// <param name="muxers">What may multiplex it, the best first.</param>
/// <param name="timeout">How long all of it may take.</param>
/// <param name="time">What the time is measured by.</param>
public sealed class Upgrader(IReadOnlyList<ISecurityProtocol> securities, IReadOnlyList<IMuxer> muxers, TimeSpan timeout, TimeProvider time)
{
    private readonly string[] _securityNames = [.. securities.Select(security => security.Protocol)];
    private readonly string[] _muxerNames = [.. muxers.Select(muxer => muxer.Protocol)];

    /// <summary>Upgrades a connection, or disposes the stream.</summary>
    /// <param name="raw">The bytes.</param>
    /// <param name="isInitiator">Whether this side dialled.</param>
    /// <param name="expected">Who must be there; null when whoever is there will do.</param>
    /// <param name="local">Where this end is.</param>
    /// <param name="remote">Where the other end is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ConnectException">The other side is too slow, is another peer, has nothing in common, or breaks a protocol.</exception>
    public async Task<IPeerConnection> UpgradeAsync(
        Stream raw, bool isInitiator, PeerId? expected, Multiaddr local, Multiaddr remote, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var outermost = raw;
        try
        {
            var name = await AgreeAsync(raw, isInitiator, _securityNames, either.Token);
            var security = securities.First(one => one.Protocol == name);
            var secured = await security.SecureAsync(raw, isInitiator, expected, either.Token);
            outermost = secured.Stream;
            name = await AgreeAsync(outermost, isInitiator, _muxerNames, either.Token);
            var muxed = muxers.First(one => one.Protocol == name).Start(outermost, isInitiator);
            return new UpgradedConnection(muxed, secured.RemoteKey, local, remote, isInitiator, security.Protocol);
        }
        catch (Exception e)
        {
            await outermost.DisposeAsync();
            if (e is OperationCanceledException && cancellationToken.IsCancellationRequested)
                throw;
            // Where the deadline has passed, what failed is how the stream took it.
            if (deadline.IsCancellationRequested)
                throw new ConnectException(ConnectFault.TimedOut, $"The handshake was not done after {timeout.TotalSeconds:0.#} seconds.", e);
            if (e is ConnectException || ToConnectException(e) is not { } said)
                throw;
            throw said;
        }
    }

    private static Task<string> AgreeAsync(Stream stream, bool isInitiator, string[] names, CancellationToken cancellationToken) => isInitiator
        ? MultistreamSelect.ProposeAsync(stream, names, cancellationToken)
        : MultistreamSelect.AnswerAsync(stream, names.Contains, cancellationToken);

    private static ConnectException? ToConnectException(Exception e) => e switch
    {
        NegotiationException { IsNothingInCommon: true } => new ConnectException(ConnectFault.NothingInCommon, e.Message, e),
        NegotiationException => new ConnectException(ConnectFault.BrokenProtocol, e.Message, e),
        IOException => new ConnectException(ConnectFault.BrokenProtocol, "The other side ended the handshake: " + e.Message, e),
        _ => null,
    };
}
