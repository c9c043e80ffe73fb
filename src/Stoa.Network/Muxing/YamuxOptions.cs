namespace Stoa.Network.Muxing;

/// <summary>What one connection of Yamux may take up, and when it is given up.</summary>
public sealed record YamuxOptions
{
    /// <summary>What each side may send on a new stream before it is told that it was read, in bytes. The protocol fixes it.</summary>
    public const int InitialWindowBytes = 256 * 1024;

    /// <summary>How many opened streams the other side may leave unacknowledged before further ones wait: the backlog of libp2p's specification.</summary>
    public const int AckBacklog = 256;

    /// <summary>How far the receive window of a stream may grow while its reader keeps up, in bytes. Default 4 MiB.</summary>
    public int MaxWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Streams that the other side may have open at once; further ones are reset. Default 256.</summary>
    public int MaxIncomingStreams { get; init; } = 256;

    /// <summary>Streams that this side may have open at once; opening more fails. Default 1,024.</summary>
    public int MaxOutgoingStreams { get; init; } = 1024;

    /// <summary>Streams of the other side that may wait to be accepted; further ones are reset. Default 256.</summary>
    public int MaxBacklog { get; init; } = 256;

    /// <summary>What all streams together may hold that was not read, in bytes. Above it the stream that holds most is reset. Default 16 MiB.</summary>
    public int MaxBufferedBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// Frames in a second that cost the other side little and this one more: resets, pings, openings above the limit, frames that say nothing. Above it the
    /// connection is ended. Default 1,000.
    /// </summary>
    public int MaxCheapFramesPerSecond { get; init; } = 1000;

    /// <summary>After which time a ping is sent; <see cref="Timeout.InfiniteTimeSpan"/> for never. Default 30 seconds.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For how long nothing may be heard after a ping before the connection is given up. Default 20 seconds.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long an end may take to be told to the other side. Default 1 second.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaxWindowBytes is < InitialWindowBytes or > 1 << 30)
            yield return $"Yamux:MaxWindowBytes is from {InitialWindowBytes} to {1 << 30}.";
        if (MaxIncomingStreams < 1 || MaxOutgoingStreams < 1 || MaxBacklog < 1)
            yield return "Yamux:MaxIncomingStreams, MaxOutgoingStreams and MaxBacklog are 1 or more.";
        if (MaxBufferedBytes < InitialWindowBytes)
            yield return $"Yamux:MaxBufferedBytes is {InitialWindowBytes} or more.";
        if (MaxCheapFramesPerSecond < 1)
            yield return "Yamux:MaxCheapFramesPerSecond is 1 or more.";
        if (KeepAliveInterval <= TimeSpan.Zero && KeepAliveInterval != Timeout.InfiniteTimeSpan)
            yield return "Yamux:KeepAliveInterval is above zero, or infinite.";
        if (KeepAliveTimeout <= TimeSpan.Zero || CloseTimeout <= TimeSpan.Zero)
            yield return "Yamux:KeepAliveTimeout and CloseTimeout are above zero.";
    }
}
