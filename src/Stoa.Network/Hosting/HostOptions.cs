namespace Stoa.Network.Hosting;

/// <summary>What a host says of itself, and how much of everything it takes.</summary>
public sealed record HostOptions
{
    /// <summary>What <c>identify</c> tells others of the program.</summary>
    public string AgentVersion { get; init; } = "stoa";

    /// <summary>The protocols' version that <c>identify</c> tells.</summary>
    public string ProtocolVersion { get; init; } = "stoa/1.0.0";

    /// <summary>Addresses that are told in place of those that are listened at; empty for those.</summary>
    public IReadOnlyList<Addressing.Multiaddr> AnnouncedAddresses { get; init; } = [];

    /// <summary>Above so many connections the least useful are ended, down to <see cref="LowWater"/>.</summary>
    public int HighWater { get; init; } = 400;

    /// <summary>See <see cref="HighWater"/>.</summary>
    public int LowWater { get; init; } = 320;

    /// <summary>So many connections there are never more of, whoever they are with: above, those that come are ended at once.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>How many connections may come in from one address: an IPv4 address, or the 64 bits of an IPv6 network.</summary>
    public int MaxConnectionsPerAddress { get; init; } = 32;

    /// <summary>Connections younger than this are not ended for being the least useful.</summary>
    public TimeSpan TrimGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long it may take until a connection stands, all its addresses together.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an address is tried alone before the next is tried beside it.</summary>
    public TimeSpan DialStagger { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many peers are dialled at once; others wait.</summary>
    public int MaxDials { get; init; } = 64;

    /// <summary>How many addresses of a peer are tried.</summary>
    public int MaxAddressesDialled { get; init; } = 8;

    /// <summary>A peer that could not be reached is not dialled again for so long, twice as long each time.</summary>
    public TimeSpan DialBackoff { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest of these waits.</summary>
    public TimeSpan MaxDialBackoff { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long both sides may take to agree on a stream's protocol.</summary>
    public TimeSpan NegotiationTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many peers are remembered that there is no connection to.</summary>
    public int MaxKnownPeers { get; init; } = 10_000;

    /// <summary>How long an address is remembered that somebody else has told of a peer.</summary>
    public TimeSpan ToldAddressLifetime { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long an address is remembered that the peer has told itself, or at which it was reached.</summary>
    public TimeSpan OwnAddressLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>So many breaches of protocols within <see cref="OffenceWindow"/> are forgiven: at the next one the peer is shut out.</summary>
    public int MaxOffences { get; init; } = 8;

    /// <summary>See <see cref="MaxOffences"/>.</summary>
    public TimeSpan OffenceWindow { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a peer stays shut out.</summary>
    public TimeSpan ShutOut { get; init; } = TimeSpan.FromMinutes(15);

    /// <exception cref="ArgumentException">Two of them do not fit together.</exception>
    public void Validate()
    {
        if (LowWater > HighWater || HighWater > MaxConnections)
            throw new ArgumentException($"Connections: LowWater ({LowWater}) may not be above HighWater ({HighWater}), nor that above MaxConnections ({MaxConnections}).");
        if (MaxDials < 1 || MaxAddressesDialled < 1 || MaxKnownPeers < 1 || MaxOffences < 0)
            throw new ArgumentException("The numbers of dials, addresses and known peers of a host are at least one.");
    }
}

/// <summary>How a protocol is served.</summary>
/// <param name="MaxStreams">So many streams of all peers at once; others are reset.</param>
/// <param name="MaxStreamsPerPeer">The same of one peer.</param>
/// <param name="Deadline">After so long a stream is reset; null when it may last.</param>
public sealed record HandlerOptions(int MaxStreams = 1_024, int MaxStreamsPerPeer = 32, TimeSpan? Deadline = null)
{
    /// <summary>For an exchange of a question and an answer.</summary>
    public static HandlerOptions Exchange { get; } = new(Deadline: TimeSpan.FromSeconds(30));
}
