using System.Security.Cryptography;

namespace Stoa.Primitives;

/// <summary>A P-256 public key: the identity of a publisher or a node.</summary>
/// <remarks>
/// Only one encoding of a key is accepted, so that one key has one <see cref="PeerId"/>: the 91 bytes of DER
/// SubjectPublicKeyInfo (RFC 5480) with the curve by name and the point uncompressed. Safe for use by many threads.
/// </remarks>
public sealed class PublicKey : IEquatable<PublicKey>
{
    /// <summary>The length of the SubjectPublicKeyInfo in bytes.</summary>
    public const int SpkiLength = 91;

    /// <summary>The longest DER signature of this curve in bytes.</summary>
    public const int MaxSignatureLength = DerSignature.MaxLength;

    /// <summary>The length of a signature that is r and s, in bytes.</summary>
    public const int FixedSignatureLength = 64;

    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 …
    private static ReadOnlySpan<byte> SpkiPrefix =>
    [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];

    // Field 1 (Type) = 3 (ECDSA), field 2 (Data) of 91 bytes.
    private static ReadOnlySpan<byte> ProtobufPrefix => [0x08, 0x03, 0x12, SpkiLength];

    // Few sign much: a key that comes again is neither read nor looked for on the curve anew. Whichever comes later takes the place of the one at its place.
    private static readonly PublicKey?[] s_known = new PublicKey?[1_024];

    private readonly byte[] _spki;
    private readonly EcdsaPool _keys;

    private PublicKey(byte[] spki)
    {
        _spki = spki;
        _keys = new EcdsaPool(() => Import(spki));
        PeerId = PeerId.FromEncodedPublicKey(ToProtobuf());
    }

    /// <summary>The libp2p peer id of the key.</summary>
    public PeerId PeerId { get; }

    /// <summary>Takes a key from its DER SubjectPublicKeyInfo.</summary>
    /// <exception cref="FormatException">It is not of the one accepted form, or the point is not on the curve.</exception>
    public static PublicKey FromSpki(ReadOnlySpan<byte> spki)
    {
        if (spki.Length != SpkiLength || !spki.StartsWith(SpkiPrefix))
            throw new FormatException("A P-256 public key is expected: 91 bytes of DER SubjectPublicKeyInfo with the named curve prime256v1 and an uncompressed point.");
        ref var place = ref s_known[PlaceOf(spki)];
        if (Volatile.Read(ref place) is { } known && spki.SequenceEqual(known._spki))
            return known;
        var key = new PublicKey(spki.ToArray());
        try
        {
            // The first import proves that the point is on the curve.
            key._keys.Use(0, (_, _) => true);
        }
        catch (CryptographicException)
        {
            throw new FormatException("A P-256 public key is expected, but the point is not on the curve.");
        }
        Volatile.Write(ref place, key);
        return key;
    }

    /// <summary>Takes a key from libp2p's PublicKey message with KeyType ECDSA.</summary>
    /// <exception cref="FormatException">It is another message, of another key type, or not in canonical form.</exception>
    public static PublicKey FromProtobuf(ReadOnlySpan<byte> message) => message.StartsWith(ProtobufPrefix)
        ? FromSpki(message[ProtobufPrefix.Length..])
        : throw new FormatException("A libp2p PublicKey message is expected with Type 3 (ECDSA), then Data of 91 bytes.");

    /// <summary>The DER SubjectPublicKeyInfo.</summary>
    public byte[] ToSpki() => [.. _spki];

    /// <summary>libp2p's PublicKey message in its canonical form: Type 3 (ECDSA), then Data, the SubjectPublicKeyInfo.</summary>
    public byte[] ToProtobuf() => [.. ProtobufPrefix, .. _spki];

    /// <summary>Whether a signature over data was made by the private half of this key.</summary>
    /// <remarks>
    /// ECDSA over SHA-256, the signature as strict DER (RFC 3279). Of (r, s) and (r, n - s) both are valid, as libp2p
    /// and WebCrypto have it, and a signer can make any number of them: never identify a statement by its signature.
    /// </remarks>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        DerSignature.IsStrict(signature) && IsGood(data, signature, DSASignatureFormat.Rfc3279DerSequence);

    /// <summary>The same of a signature that is the 64 bytes of r and s (IEEE P1363): see <see cref="PrivateKey.SignFixed"/>.</summary>
    public bool VerifyFixed(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        signature.Length == FixedSignatureLength && IsGood(data, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && _spki.AsSpan().SequenceEqual(other._spki);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => PeerId.GetHashCode();

    /// <summary>The text of the peer id.</summary>
    public override string ToString() => PeerId.ToString();

    private static ECDsa Import(byte[] spki)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(spki, out _);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private bool IsGood(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, DSASignatureFormat format)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(data, hash);
        // All but the signature is of one length, so no two have the same bytes.
        Span<byte> name = stackalloc byte[1 + SpkiLength + SHA256.HashSizeInBytes + MaxSignatureLength];
        name[0] = (byte)format;
        _spki.CopyTo(name[1..]);
        hash.CopyTo(name[(1 + SpkiLength)..]);
        signature.CopyTo(name[(1 + SpkiLength + hash.Length)..]);
        var named = ContentHash.Of(name[..(1 + SpkiLength + hash.Length + signature.Length)]);
        if (GoodSignatures.Has(named))
            return true;
        var isGood = _keys.Use(new Signed { Hash = hash, Signature = signature, Format = format }, static (key, signed) => key.VerifyHash(signed.Hash, signed.Signature, signed.Format));
        if (isGood)
            GoodSignatures.Add(named);
        return isGood;
    }

    private static int PlaceOf(ReadOnlySpan<byte> spki)
    {
        var hash = default(HashCode);
        hash.AddBytes(spki);
        return (int)((uint)hash.ToHashCode() % (uint)s_known.Length);
    }

    private readonly ref struct Signed
    {
        public required ReadOnlySpan<byte> Hash { get; init; }
        public required ReadOnlySpan<byte> Signature { get; init; }
        public required DSASignatureFormat Format { get; init; }
    }
}
