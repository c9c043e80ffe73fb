using System.Buffers;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Network.Identity;

/// <summary>A public key of any type that peers of a libp2p network have.</summary>
/// <remarks>
/// libp2p's PublicKey message as the peer-ids specification has it, in its canonical form only (Type, then Data, each in its shortest encoding), so that one
/// key has one <see cref="PeerId"/>. Stoa's own keys are <see cref="PublicKey"/>; this type is for reading what others have. Safe for use by many threads.
/// </remarks>
public sealed class PeerKey : IEquatable<PeerKey>
{
    /// <summary>The longest encoded key in bytes: RSA of 8192 bits.</summary>
    public const int MaxLength = 1100;

    /// <summary>The longest signature in bytes: of RSA with 8192 bits.</summary>
    public const int MaxSignatureLength = 1024;

    private const string Expected =
        "A libp2p PublicKey message in canonical form is expected: RSA of 2048 to 8192 bits, Ed25519, Secp256k1, or ECDSA on P-256 as DER SubjectPublicKeyInfo.";

    private readonly byte[] _encoded;
    private readonly Verifier _verify;

    private PeerKey(PeerKeyType type, byte[] encoded, Verifier verify, PeerId? peer = null)
    {
        (Type, _encoded, _verify) = (type, encoded, verify);
        PeerId = peer ?? PeerId.FromEncodedPublicKey(encoded);
    }

    private delegate bool Verifier(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>Which type.</summary>
    public PeerKeyType Type { get; }

    /// <summary>The peer that has the private half.</summary>
    public PeerId PeerId { get; }

    /// <summary>libp2p's PublicKey message.</summary>
    public ReadOnlyMemory<byte> Encoded => _encoded;

    /// <summary>A key of Stoa.</summary>
    public static PeerKey Of(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new PeerKey(PeerKeyType.Ecdsa, key.ToProtobuf(), key.Verify, key.PeerId);
    }

    /// <summary>Takes a key from libp2p's PublicKey message.</summary>
    /// <exception cref="FormatException">It is none, not canonical, of an unknown type, or beyond the limits.</exception>
    /// <exception cref="PlatformNotSupportedException">It is an Ed25519 key, and this machine has neither OpenSSL 3 nor libsodium; or the machine does not have its curve.</exception>
    public static PeerKey Parse(ReadOnlySpan<byte> encoded) => Parse(encoded, Curve25519.OfThisMachine);

    internal static PeerKey Parse(ReadOnlySpan<byte> encoded, ICurve25519? curve25519)
    {
        const byte typeField = 0x08;
        const byte dataField = 0x12;
        if (encoded.Length is < 4 or > MaxLength || encoded[0] != typeField || encoded[2] != dataField
            || Varint.TryRead(encoded[3..], out var length, out var taken) != OperationStatus.Done || length != (ulong)(encoded.Length - 3 - taken))
            throw new FormatException(Expected);
        var type = (PeerKeyType)encoded[1];
        var data = encoded[(3 + taken)..];
        return type switch
        {
            PeerKeyType.Rsa => new PeerKey(type, encoded.ToArray(), RsaVerifier(data)),
            PeerKeyType.Ed25519 => new PeerKey(type, encoded.ToArray(), Ed25519Verifier(data, curve25519)),
            PeerKeyType.Secp256k1 => new PeerKey(type, encoded.ToArray(), Secp256k1Verifier(data)),
            PeerKeyType.Ecdsa => Of(PublicKey.FromSpki(data)),
            _ => throw new FormatException(Expected),
        };
    }

    /// <summary>Whether a signature over data was made by the private half of this key.</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => signature.Length <= MaxSignatureLength && _verify(data, signature);

    /// <inheritdoc/>
    public bool Equals(PeerKey? other) => other is not null && PeerId == other.PeerId;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerKey);

    /// <inheritdoc/>
    public override int GetHashCode() => PeerId.GetHashCode();

    /// <summary>The text of the peer id.</summary>
    public override string ToString() => PeerId.ToString();

    private static Verifier RsaVerifier(ReadOnlySpan<byte> data)
    {
        using var imported = RsaPublicKey.TryImport(data) ?? throw new FormatException(Expected);
        var parameters = imported.ExportParameters(includePrivateParameters: false);
        return (data, signature) =>
        {
            using var key = RSA.Create(parameters);
            return key.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        };
    }

    private static Verifier Ed25519Verifier(ReadOnlySpan<byte> data, ICurve25519? curve25519)
    {
        if (data.Length != ICurve25519.KeyLength)
            throw new FormatException(Expected);
        if (curve25519 is null)
            throw new PlatformNotSupportedException("Ed25519 keys need OpenSSL 3 (libcrypto) or libsodium on this machine, and there is neither.");
        var key = data.ToArray();
        return (data, signature) => curve25519.Verify(key, data, signature);
    }

    private static Verifier Secp256k1Verifier(ReadOnlySpan<byte> data)
    {
        var parameters = Secp256k1PublicKey.TryRead(data) ?? throw new FormatException(Expected);
        // Not every system's library has the curve: better said now than when something is to be verified.
        ECDsa.Create(parameters).Dispose();
        return (data, signature) =>
        {
            using var key = ECDsa.Create(parameters);
            return key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        };
    }
}
