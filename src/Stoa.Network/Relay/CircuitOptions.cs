namespace Stoa.Network.Relay;

/// <summary>How a host reaches others through relays, and is reached through them.</summary>
public sealed record CircuitOptions
{
    /// <summary>How long a handshake through a relay may take, from the first byte to the multiplexer. Default 15 seconds.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a relay has to answer. Default 30 seconds, as it waits for the one that is dialled.</summary>
    public TimeSpan ExchangeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many circuits that others have dialled there are at once. Default 128.</summary>
    public int MaxIncoming { get; init; } = 128;

    /// <summary>The same through one relay. Default 32.</summary>
    public int MaxIncomingPerRelay { get; init; } = 32;

    /// <summary>How long before a reservation ends it is renewed; half of its time when that is less. Default 10 minutes.</summary>
    public TimeSpan RenewBefore { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long it is waited after a reservation was refused or lost, twice as long each time. Default 2 seconds.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest of these waits. Default 2 minutes.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(2);
}
