namespace Stoa.Network.Addressing;

/// <summary>The parts that an address can have, by their codes in the table of multiformats.</summary>
public enum AddressProtocol
{
    Ip4 = 4,
    Tcp = 6,
    Ip6 = 41,
    Ip6Zone = 42,
    Dns = 53,
    Dns4 = 54,
    Dns6 = 55,
    DnsAddr = 56,
    Udp = 273,
    WebRtcDirect = 280,
    WebRtc = 281,
    P2pCircuit = 290,
    P2p = 421,
    Tls = 448,
    Sni = 449,
    Noise = 454,
    QuicV1 = 461,
    WebTransport = 465,
    CertHash = 466,
    Ws = 477,
    Wss = 478,

    /// <summary>A place in a network that is inside one process.</summary>
    Memory = 777,
}
