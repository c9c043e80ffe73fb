using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Network.Addressing;

/// <summary>One part of an address.</summary>
/// <param name="Protocol">What it is.</param>
/// <param name="Value">Its bytes; none for parts that say all by being there.</param>
public readonly record struct AddressPart(AddressProtocol Protocol, ReadOnlyMemory<byte> Value)
{
    private static readonly (AddressProtocol Protocol, string Name)[] s_names =
    [
        (AddressProtocol.Ip4, "ip4"), (AddressProtocol.Tcp, "tcp"), (AddressProtocol.Ip6, "ip6"), (AddressProtocol.Ip6Zone, "ip6zone"),
        (AddressProtocol.Dns, "dns"), (AddressProtocol.Dns4, "dns4"), (AddressProtocol.Dns6, "dns6"), (AddressProtocol.DnsAddr, "dnsaddr"),
        (AddressProtocol.Udp, "udp"), (AddressProtocol.WebRtcDirect, "webrtc-direct"), (AddressProtocol.WebRtc, "webrtc"),
        (AddressProtocol.P2pCircuit, "p2p-circuit"), (AddressProtocol.P2p, "p2p"), (AddressProtocol.Tls, "tls"), (AddressProtocol.Sni, "sni"),
        (AddressProtocol.Noise, "noise"), (AddressProtocol.QuicV1, "quic-v1"), (AddressProtocol.WebTransport, "webtransport"),
        (AddressProtocol.CertHash, "certhash"), (AddressProtocol.Ws, "ws"), (AddressProtocol.Wss, "wss"), (AddressProtocol.Memory, "memory"),
    ];

    private static readonly Dictionary<AddressProtocol, string> s_byProtocol = s_names.ToDictionary(pair => pair.Protocol, pair => pair.Name);

    // "ipfs" is what p2p was called before.
    private static readonly Dictionary<string, AddressProtocol> s_byName =
        s_names.Append((AddressProtocol.P2p, "ipfs")).ToDictionary(pair => pair.Item2, pair => pair.Item1, StringComparer.Ordinal);

    /// <summary>Its name in text.</summary>
    public string Name => s_byProtocol[Protocol];

    /// <summary>Its value in text.</summary>
    public string Text => Protocol switch
    {
        AddressProtocol.Ip4 or AddressProtocol.Ip6 => new IPAddress(Value.Span).ToString(),
        AddressProtocol.Tcp or AddressProtocol.Udp => BinaryPrimitives.ReadUInt16BigEndian(Value.Span).ToString(CultureInfo.InvariantCulture),
        AddressProtocol.Memory => BinaryPrimitives.ReadUInt64BigEndian(Value.Span).ToString(CultureInfo.InvariantCulture),
        AddressProtocol.P2p => PeerId.FromBytes(Value.Span).ToString(),
        AddressProtocol.CertHash => "u" + Base64Url.EncodeToString(Value.Span),
        _ => Encoding.UTF8.GetString(Value.Span),
    };

    internal static bool TryName(string name, out AddressProtocol protocol) => s_byName.TryGetValue(name, out protocol);

    /// <summary>The bytes of a multihash in multibase base64url; null when the text is none.</summary>
    internal static byte[]? HashOf([NotNull] string text)
    {
        if (!text.StartsWith('u') || !Base64Url.IsValid(text.AsSpan(1)))
            return null;
        return Base64Url.DecodeFromChars(text.AsSpan(1));
    }
}
