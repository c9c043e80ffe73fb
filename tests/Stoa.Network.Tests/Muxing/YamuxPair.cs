using Stoa.Network.Muxing;

namespace Stoa.Network.Tests.Muxing;

/// <summary>Both ends of a connection in memory.</summary>
internal sealed class YamuxPair : IAsyncDisposable
{
    public YamuxPair(YamuxOptions? options = null, YamuxOptions? listenerOptions = null)
    {
        (DialerPipe, ListenerPipe) = DuplexPipe.Create();
        Dialer = new Yamux(options ?? new YamuxOptions(), TimeProvider.System).Start(DialerPipe, isInitiator: true);
        Listener = new Yamux(listenerOptions ?? options ?? new YamuxOptions(), TimeProvider.System).Start(ListenerPipe, isInitiator: false);
    }

    public DuplexPipe DialerPipe { get; }

    public DuplexPipe ListenerPipe { get; }

    public IMuxedConnection Dialer { get; }

    public IMuxedConnection Listener { get; }

    /// <summary>A stream that the dialer opens, and its other end.</summary>
    public async Task<(MuxedStream Opened, MuxedStream Accepted)> OpenAsync(CancellationToken cancellationToken)
    {
        var opened = await Dialer.OpenStreamAsync(cancellationToken);
        var accepted = await Listener.AcceptStreamAsync(cancellationToken);
        return (opened, accepted.ShouldNotBeNull());
    }

    public async ValueTask DisposeAsync()
    {
        await Dialer.DisposeAsync();
        await Listener.DisposeAsync();
    }
}
