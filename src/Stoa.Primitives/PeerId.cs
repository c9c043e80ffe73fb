using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>The id of a peer: the multihash of its public key, as in libp2p.</summary>
/// <remarks>
/// The peer-ids specification of libp2p: an encoded key of at most 42 bytes is inside the id (identity multihash), a
/// longer one by its SHA-256, as all keys of Stoa are. Text is base58btc (<c>Qm…</c>, <c>12D3…</c>); a CIDv1 in base32
/// (<c>bafz…</c>) parses too. The default value is no peer: <see cref="IsEmpty"/> is true and it prints as nothing.
/// </remarks>
[JsonConverter(typeof(TextJsonConverter<PeerId>))]
public readonly record struct PeerId : ISpanParsable<PeerId>
{
    /// <summary>The longest encoded key that is inside its id, in bytes.</summary>
    public const int MaxInlineKeyLength = 42;

    private const byte Identity = 0x00;
    private const byte Sha256 = 0x12;
    private const byte CidVersion1 = 0x01;
    private const byte Libp2pKey = 0x72;
    private const char MultibaseBase32 = 'b';
    private const string Expected =
        "A peer id is expected: base58btc of an identity or SHA-256 multihash (Qm… or 1…), or a CIDv1 of codec libp2p-key in lower-case base32 (bafz…).";

    // The base58btc text stands for the multihash: one has exactly one of the other, and text is what peers are compared and stored by.
    private readonly string? _text;

    private PeerId(ReadOnlySpan<byte> multihash) => _text = Base58.Encode(multihash);

    /// <summary>Whether this is the default value, which is no peer.</summary>
    public bool IsEmpty => _text is null;

    /// <summary>The id of a public key of any type, given as libp2p's PublicKey message.</summary>
    /// <exception cref="FormatException">There are no bytes.</exception>
    public static PeerId FromEncodedPublicKey(ReadOnlySpan<byte> message)
    {
        if (message.IsEmpty)
            throw new FormatException("A libp2p PublicKey message is expected, not nothing.");
        if (message.Length <= MaxInlineKeyLength)
            return new PeerId([Identity, (byte)message.Length, .. message]);
        return new PeerId([Sha256, SHA256.HashSizeInBytes, .. SHA256.HashData(message)]);
    }

    /// <summary>Takes an id from the bytes of its multihash.</summary>
    /// <exception cref="FormatException">They are anything else.</exception>
    public static PeerId FromBytes(ReadOnlySpan<byte> multihash) =>
        IsPeerMultihash(multihash) ? new PeerId(multihash) : throw new FormatException(Expected);

    /// <summary>Reads base58btc or a CIDv1.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static PeerId Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var id) ? id : throw new FormatException(Expected);

    /// <summary>Reads base58btc or a CIDv1, or says that the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out PeerId id)
    {
        id = default;
        if (!TryReadMultihash(text, out var multihash) || !IsPeerMultihash(multihash))
            return false;
        id = new PeerId(multihash);
        return true;
    }

    /// <summary>The bytes of the multihash; none for the default value.</summary>
    public byte[] ToBytes() => Base58.TryDecode(_text, out var multihash) ? multihash : [];

    /// <summary>The id as a CIDv1 in lower-case base32, which fits into a DNS label.</summary>
    public string ToCid() => IsEmpty ? "" : MultibaseBase32 + Base32.Encode([CidVersion1, Libp2pKey, .. ToBytes()]);

    /// <summary>The id in base58btc.</summary>
    public override string ToString() => _text ?? "";

    private static bool TryReadMultihash(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? multihash)
    {
        multihash = null;
        if (text.Length > Base58.MaxTextLength)
            return false;
        if (text.StartsWith("Qm") || text.StartsWith('1'))
            return Base58.TryDecode(text, out multihash);
        if (!text.StartsWith(MultibaseBase32) || !Base32.TryDecode(text[1..], out var cid) || cid is not [CidVersion1, Libp2pKey, ..])
            return false;
        multihash = cid[2..];
        return true;
    }

    // Codes and lengths here are below 128, where a varint is one byte.
    private static bool IsPeerMultihash(ReadOnlySpan<byte> multihash) => multihash.Length >= 3
        && multihash[1] == multihash.Length - 2
        && multihash[0] switch
        {
            Identity => multihash[1] <= MaxInlineKeyLength,
            Sha256 => multihash[1] == SHA256.HashSizeInBytes,
            _ => false,
        };

    /// <inheritdoc/>
    /// <remarks>Public, not explicit, because minimal APIs look for it by name.</remarks>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out PeerId result) => TryParse(s, out result);

    static PeerId IParsable<PeerId>.Parse(string s, IFormatProvider? provider) => Parse(s);
    static PeerId ISpanParsable<PeerId>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);
    static bool ISpanParsable<PeerId>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out PeerId result) => TryParse(s, out result);
}
