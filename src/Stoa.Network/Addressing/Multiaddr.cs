using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Stoa.Primitives;

namespace Stoa.Network.Addressing;

/// <summary>Where a peer can be reached, part by part: <c>/ip4/192.0.2.1/tcp/4001/p2p/Qm…</c>.</summary>
/// <remarks>
/// The multiaddr of multiformats, as text and as bytes; one address has one of each. Parts that this library does not know by
/// <see cref="AddressProtocol"/> cannot be read, since where they end is not known. Two addresses are equal when their bytes are.
/// </remarks>
public sealed class Multiaddr : IEquatable<Multiaddr>, ISpanParsable<Multiaddr>
{
    /// <summary>The longest address in bytes: what strangers send is not longer.</summary>
    public const int MaxLength = 512;

    /// <summary>How many parts an address has at most.</summary>
    public const int MaxParts = 16;

    private const int MaxTextLength = 4 * MaxLength;
    private const int MaxNameLength = 253;

    private readonly byte[] _bytes;
    private readonly AddressPart[] _parts;

    private Multiaddr(AddressPart[] parts)
    {
        _parts = parts;
        var bytes = new List<byte>();
        Span<byte> varint = stackalloc byte[Varint.MaxLength];
        foreach (var part in parts)
        {
            bytes.AddRange(varint[..Varint.Write((ulong)part.Protocol, varint)]);
            if (FixedLength(part.Protocol) is null)
                bytes.AddRange(varint[..Varint.Write((ulong)part.Value.Length, varint)]);
            bytes.AddRange(part.Value.Span);
        }

        _bytes = [.. bytes];
        if (_bytes.Length > MaxLength || parts.Length > MaxParts)
            throw new FormatException($"An address has at most {MaxParts} parts and {MaxLength} bytes.");
    }

    /// <summary>Its parts, from the outside in.</summary>
    public IReadOnlyList<AddressPart> Parts => _parts;

    /// <summary>The peer that it names last; null when it names none.</summary>
    public PeerId? Peer => _parts is [.., { Protocol: AddressProtocol.P2p } last] ? PeerId.FromBytes(last.Value.Span) : null;

    /// <summary>The same without the peer that it names last.</summary>
    public Multiaddr WithoutPeer => Peer is null ? this : new Multiaddr(_parts[..^1]);

    /// <summary>Whether it leads through a relay.</summary>
    public bool IsCircuit => Array.Exists(_parts, part => part.Protocol is AddressProtocol.P2pCircuit);

    /// <summary>The address of an IP address and a TCP port.</summary>
    public static Multiaddr OfTcp(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        var address = endPoint.Address.IsIPv4MappedToIPv6 ? endPoint.Address.MapToIPv4() : endPoint.Address;
        var kind = address.AddressFamily == AddressFamily.InterNetwork ? AddressProtocol.Ip4 : AddressProtocol.Ip6;
        return new Multiaddr([new AddressPart(kind, address.GetAddressBytes()), new AddressPart(AddressProtocol.Tcp, Port((ushort)endPoint.Port))]);
    }

    /// <summary>A place in a network that is inside one process.</summary>
    public static Multiaddr OfMemory(ulong number)
    {
        var value = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(value, number);
        return new Multiaddr([new AddressPart(AddressProtocol.Memory, value)]);
    }

    /// <summary>The same with a peer behind it, in place of the one that it names.</summary>
    public Multiaddr WithPeer(PeerId peer) => new([.. WithoutPeer._parts, new AddressPart(AddressProtocol.P2p, peer.ToBytes())]);

    /// <summary>Where a peer is that is reached through a relay at this address: <c>…/p2p/Qm…/p2p-circuit</c>.</summary>
    /// <exception cref="FormatException">It would be longer than an address may be.</exception>
    public Multiaddr ThroughRelay(PeerId relay) => new([.. WithPeer(relay)._parts, new AddressPart(AddressProtocol.P2pCircuit, default)]);

    /// <summary>The relay that it leads through and where that is, when it leads through one that it names, which is reached without another.</summary>
    public bool TryGetRelay([NotNullWhen(true)] out PeerAddress? relay)
    {
        relay = null;
        if (WithoutPeer._parts is not [.. var way, { Protocol: AddressProtocol.P2p } named, { Protocol: AddressProtocol.P2pCircuit }]
            || Array.Exists(way, part => part.Protocol is AddressProtocol.P2pCircuit or AddressProtocol.P2p))
            return false;
        relay = new PeerAddress(PeerId.FromBytes(named.Value.Span), way.Length > 0 ? [new Multiaddr(way)] : []);
        return true;
    }

    /// <summary>The IP address that it begins with, when it does; one of IPv4 within IPv6 as what it stands for.</summary>
    public bool TryGetIp([NotNullWhen(true)] out IPAddress? address)
    {
        address = _parts is [{ Protocol: AddressProtocol.Ip4 or AddressProtocol.Ip6 } host, ..] ? new IPAddress(host.Value.Span) : null;
        if (address is { IsIPv4MappedToIPv6: true })
            address = address.MapToIPv4();
        return address is not null;
    }

    /// <summary>The IP address and TCP port, when it consists of them (and of a peer perhaps).</summary>
    public bool TryGetTcp([NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        endPoint = WithoutPeer._parts is [{ Protocol: AddressProtocol.Ip4 or AddressProtocol.Ip6 } host, { Protocol: AddressProtocol.Tcp } port]
            ? new IPEndPoint(new IPAddress(host.Value.Span), BinaryPrimitives.ReadUInt16BigEndian(port.Value.Span))
            : null;
        return endPoint is not null;
    }

    /// <summary>The host name and TCP port, when it consists of them (and of a peer perhaps).</summary>
    public bool TryGetDnsTcp([NotNullWhen(true)] out string? host, out int port, out AddressFamily family)
    {
        (host, port, family) = (null, 0, AddressFamily.Unspecified);
        if (WithoutPeer._parts is not [{ Protocol: AddressProtocol.Dns or AddressProtocol.Dns4 or AddressProtocol.Dns6 } name, { Protocol: AddressProtocol.Tcp } tcp])
            return false;
        host = name.Text;
        port = BinaryPrimitives.ReadUInt16BigEndian(tcp.Value.Span);
        family = name.Protocol switch
        {
            AddressProtocol.Dns4 => AddressFamily.InterNetwork,
            AddressProtocol.Dns6 => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        return true;
    }

    /// <summary>Reads an address from its bytes, all of them.</summary>
    /// <exception cref="FormatException">They are no address, or have a part that is not known.</exception>
    public static Multiaddr FromBytes(ReadOnlySpan<byte> bytes) =>
        TryRead(bytes, out var address) ? address : throw new FormatException("The bytes of a multiaddr with known parts are expected.");

    /// <summary>Reads an address from its bytes, or says that they are none, or have a part that is not known.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Multiaddr? address)
    {
        address = null;
        if (bytes.IsEmpty || bytes.Length > MaxLength)
            return false;
        var parts = new List<AddressPart>();
        while (!bytes.IsEmpty)
        {
            if (parts.Count == MaxParts || !TryReadVarint(ref bytes, out var code) || !Enum.IsDefined((AddressProtocol)code))
                return false;
            var protocol = (AddressProtocol)code;
            var length = (ulong?)FixedLength(protocol);
            if ((length is null && !TryReadVarint(ref bytes, out length)) || length > (ulong)bytes.Length)
                return false;
            var part = new AddressPart(protocol, bytes[..(int)length].ToArray());
            if (!IsValid(part))
                return false;
            parts.Add(part);
            bytes = bytes[(int)length..];
        }

        address = new Multiaddr([.. parts]);
        return true;
    }

    /// <summary>Reads text.</summary>
    /// <exception cref="FormatException">It is no address.</exception>
    public static Multiaddr Parse(ReadOnlySpan<char> text) => TryParse(text, out var address)
        ? address
        : throw new FormatException("A multiaddr is expected, such as /ip4/192.0.2.1/tcp/4001 or /dns4/node.example/tcp/4001/p2p/Qm….");

    /// <summary>Reads text, or says that it is no address.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out Multiaddr? address)
    {
        address = null;
        if (text.Length is 0 or > MaxTextLength || text[0] != '/')
            return false;
        var words = text[1..].TrimEnd('/').ToString().Split('/');
        var parts = new List<AddressPart>();
        for (var index = 0; index < words.Length; index++)
        {
            if (!AddressPart.TryName(words[index], out var protocol))
                return false;
            byte[]? value = [];
            if (FixedLength(protocol) != 0 && (++index == words.Length || (value = ValueOf(protocol, words[index])) is null))
                return false;
            var part = new AddressPart(protocol, value);
            if (!IsValid(part) || parts.Count == MaxParts)
                return false;
            parts.Add(part);
        }

        if (parts.Sum(part => part.Value.Length + (2 * Varint.MaxLength)) > MaxLength)
            return false;
        address = new Multiaddr([.. parts]);
        return true;
    }

    /// <summary>The bytes of the address.</summary>
    public ReadOnlyMemory<byte> ToBytes() => _bytes;

    /// <inheritdoc/>
    public bool Equals(Multiaddr? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Multiaddr);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>The text of the address.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var part in _parts)
        {
            text.Append('/').Append(part.Name);
            if (FixedLength(part.Protocol) != 0)
                text.Append('/').Append(part.Text);
        }

        return text.ToString();
    }

    private static int? FixedLength(AddressProtocol protocol) => protocol switch
    {
        AddressProtocol.Ip4 => 4,
        AddressProtocol.Ip6 => 16,
        AddressProtocol.Tcp or AddressProtocol.Udp => 2,
        AddressProtocol.Memory => 8,
        AddressProtocol.Ip6Zone or AddressProtocol.Dns or AddressProtocol.Dns4 or AddressProtocol.Dns6 or AddressProtocol.DnsAddr
            or AddressProtocol.P2p or AddressProtocol.Sni or AddressProtocol.CertHash => null,
        _ => 0,
    };

    private static bool IsValid(AddressPart part) => part.Protocol switch
    {
        AddressProtocol.P2p => IsPeer(part.Value.Span),
        AddressProtocol.Dns or AddressProtocol.Dns4 or AddressProtocol.Dns6 or AddressProtocol.DnsAddr or AddressProtocol.Sni or AddressProtocol.Ip6Zone =>
            part.Value.Length is > 0 and <= MaxNameLength && part.Value.Span.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e) < 0 && !part.Value.Span.Contains((byte)'/'),
        AddressProtocol.CertHash => part.Value.Length is > 2 and <= 66,
        _ => true,
    };

    private static bool IsPeer(ReadOnlySpan<byte> multihash)
    {
        try
        {
            return !PeerId.FromBytes(multihash).IsEmpty;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static byte[]? ValueOf(AddressProtocol protocol, string text)
    {
        switch (protocol)
        {
            case AddressProtocol.Ip4:
                return IPAddress.TryParse(text, out var ip4) && ip4.AddressFamily == AddressFamily.InterNetwork && ip4.ToString() == text ? ip4.GetAddressBytes() : null;
            case AddressProtocol.Ip6:
                return !text.Contains('%', StringComparison.Ordinal) && IPAddress.TryParse(text, out var ip6) && ip6.AddressFamily == AddressFamily.InterNetworkV6
                    ? ip6.GetAddressBytes()
                    : null;
            case AddressProtocol.Tcp or AddressProtocol.Udp:
                return ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? Port(port) : null;
            case AddressProtocol.Memory:
                if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                    return null;
                var value = new byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64BigEndian(value, number);
                return value;
            case AddressProtocol.P2p:
                return PeerId.TryParse(text, out var peer) ? peer.ToBytes() : null;
            case AddressProtocol.CertHash:
                return AddressPart.HashOf(text);
            default:
                return Encoding.UTF8.GetBytes(text);
        }
    }

    private static byte[] Port(ushort port)
    {
        var value = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(value, port);
        return value;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ulong? value)
    {
        value = null;
        if (Varint.TryRead(bytes, out var read, out var length) != OperationStatus.Done)
            return false;
        value = read;
        bytes = bytes[length..];
        return true;
    }

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out Multiaddr result) => TryParse(s, out result);

    static Multiaddr IParsable<Multiaddr>.Parse(string s, IFormatProvider? provider) => Parse(s);

    static Multiaddr ISpanParsable<Multiaddr>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);

    static bool ISpanParsable<Multiaddr>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, [MaybeNullWhen(false)] out Multiaddr result) => TryParse(s, out result);
}
