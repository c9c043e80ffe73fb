namespace Stoa.Simulation;

/// <summary>How good the simulated network is.</summary>
public sealed record NetworkConditions
{
    /// <summary>The shortest time that a message is on its way between any two nodes. Default 5 ms.</summary>
    public TimeSpan MinLatency { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The longest, but for jitter. Each pair has a latency of its own between both, by the seed. Default 150 ms.</summary>
    public TimeSpan MaxLatency { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>By which part of the latency a message may come later, drawn for each. Messages of one stream stay in order; those of others overtake them. Default 0.1.</summary>
    public double Jitter { get; init; } = 0.1;

    /// <summary>What a node can send in a second, in bytes; null for any amount. Default null.</summary>
    public double? BytesPerSecond { get; init; }

    /// <summary>How likely an attempt to connect is lost, and times out. Default 0.</summary>
    public double ConnectLoss { get; init; }

    /// <summary>How likely, with each message, its stream stalls from there on, and is reset after <see cref="StallTimeout"/>. Default 0.</summary>
    public double StreamLoss { get; init; }

    /// <summary>How likely each message is changed on the way. Security notices it, so the connection ends at once; on sockets it is the bytes that change, and whoever reads them has to notice. Default 0.</summary>
    public double Corruption { get; init; }

    /// <summary>After which time an attempt to connect that nobody answers is given up. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After which time both ends give up a connection over which nothing comes through. Default 30 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What may be on its way or unread on a stream, in bytes: above it its writer waits. Default 256 KiB.</summary>
    public int WindowBytes { get; init; } = 256 * 1024;
}
