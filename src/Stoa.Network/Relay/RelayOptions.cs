using Stoa.Network.Addressing;

namespace Stoa.Network.Relay;

/// <summary>What a relay has room for, and what one circuit through it may take.</summary>
public sealed record RelayOptions
{
    /// <summary>How many peers have a reservation at once. Default 128.</summary>
    public int MaxReservations { get; init; } = 128;

    /// <summary>How many of them are at one IPv4 address, or in one IPv6 network of 64 bits. Default 8. Loopback has no such limit.</summary>
    public int MaxReservationsPerAddress { get; init; } = 8;

    /// <summary>How many of them are in one <see cref="AddressNetwork"/>: 16 bits of IPv4, 32 of IPv6. Default 32. Loopback and private networks have no such limit.</summary>
    public int MaxReservationsPerNetwork { get; init; } = 32;

    /// <summary>How long a reservation holds unless it is renewed, and its peer stays connected. Default one hour.</summary>
    public TimeSpan ReservationLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many circuits there are at once. Default 128.</summary>
    public int MaxCircuits { get; init; } = 128;

    /// <summary>How many of them one peer has, those that it dialled and those that it was dialled by together. Default 16.</summary>
    public int MaxCircuitsPerPeer { get; init; } = 16;

    /// <summary>How many of them were dialled from one IPv4 address, or from one IPv6 network of 64 bits. Default 16. Loopback has no such limit.</summary>
    public int MaxCircuitsPerAddress { get; init; } = 16;

    /// <summary>How many of them were dialled from one <see cref="AddressNetwork"/>. Default 32. Loopback and private networks have no such limit.</summary>
    public int MaxCircuitsPerNetwork { get; init; } = 32;

    /// <summary>How many of them one peer, or one address, has to one that it dials: a quarter of <see cref="MaxCircuitsPerPeer"/>, at least one, so that nobody takes all that lead to another.</summary>
    public int MaxCircuitsPerPair => Math.Max(1, MaxCircuitsPerPeer / 4);

    /// <summary>How many bytes a circuit carries each way before it is broken off. Default 128 KiB.</summary>
    public long MaxCircuitBytes { get; init; } = 128 * 1_024;

    /// <summary>How long a circuit lasts before it is broken off. Default two minutes.</summary>
    public TimeSpan MaxCircuitDuration { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a peer has to say what it wants, and the dialled one to answer. Default 30 seconds.</summary>
    public TimeSpan ExchangeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <exception cref="ArgumentException">One of them makes no sense.</exception>
    public void Validate()
    {
        if (MaxReservations < 1 || MaxReservationsPerAddress < 1 || MaxReservationsPerNetwork < 1 || MaxCircuits < 1 || MaxCircuitsPerPeer < 1 || MaxCircuitBytes < 1
            || MaxCircuitsPerAddress < 1 || MaxCircuitsPerNetwork < 1)
            throw new ArgumentException("Relay: the numbers of reservations, circuits and bytes are at least one.");
        if (ReservationLifetime < TimeSpan.FromMinutes(1) || ReservationLifetime > TimeSpan.FromDays(1))
            throw new ArgumentException("Relay: a reservation holds from a minute to a day.");
        if (MaxCircuitDuration < TimeSpan.FromSeconds(1) || MaxCircuitDuration > TimeSpan.FromDays(1) || ExchangeTimeout <= TimeSpan.Zero)
            throw new ArgumentException("Relay: a circuit lasts from a second to a day, and an exchange may take some time.");
    }
}
