namespace Stoa.Network.Muxing;

/// <summary>Yamux: streams with a window each, in frames with a header of twelve bytes.</summary>
/// <remarks>
/// The specification of HashiCorp, and what libp2p adds to it. Where it is silent: frames of streams that are not known are dropped, since they may have crossed a
/// reset; a frame above the window, an opening with the other side's parity or of a stream that is open, data after the end, and an unknown type or version
/// are protocol errors, which end the connection.
/// </remarks>
public sealed class Yamux : IMuxer
{
    private readonly YamuxOptions _options;
    private readonly TimeProvider _time;

    /// <exception cref="ArgumentException">The options cannot be used.</exception>
    public Yamux(YamuxOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Validate().FirstOrDefault() is { } reason)
            throw new ArgumentException(reason, nameof(options));
        (_options, _time) = (options, time);
    }

    /// <inheritdoc/>
    public string Protocol => "/yamux/1.0.0";

    /// <inheritdoc/>
    public IMuxedConnection Start(Stream secured, bool isInitiator) => new YamuxConnection(secured, isInitiator, _options, _time);
}
