using System.Formats.Asn1;
using System.Security.Cryptography;
using Stoa.Network.Identity;

namespace Stoa.Network.Security;

/// <summary>The signatures of certificates that the TLS specification of libp2p takes: ECDSA and RSA over SHA-2, and Ed25519 (RFC 5758, 4055, 8410).</summary>
/// <remarks>What is older, MD5 and SHA-1 above all, is no signature.</remarks>
internal static class TlsCertificateSignature
{
    private const string EcPublicKey = "1.2.840.10045.2.1";
    private const string EcdsaSha256 = "1.2.840.10045.4.3.2";
    private const string EcdsaSha384 = "1.2.840.10045.4.3.3";
    private const string EcdsaSha512 = "1.2.840.10045.4.3.4";
    private const string RsaSha256 = "1.2.840.113549.1.1.11";
    private const string RsaSha384 = "1.2.840.113549.1.1.12";
    private const string RsaSha512 = "1.2.840.113549.1.1.13";
    private const string Ed25519 = "1.3.101.112";

    // Curves by name only: parameters of a stranger's own could make any signature hold.
    private static readonly string[] s_curves = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];

    /// <summary>Whether a key, as DER SubjectPublicKeyInfo, made a signature with an algorithm, as DER AlgorithmIdentifier.</summary>
    /// <exception cref="AsnContentException">The key or the algorithm is none.</exception>
    /// <exception cref="CryptographicException">The key is none.</exception>
    public static bool Verify(ReadOnlyMemory<byte> spki, ReadOnlyMemory<byte> algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        new AsnReader(algorithm, AsnEncodingRules.DER).ReadSequence().ReadObjectIdentifier() switch
        {
            EcdsaSha256 => VerifyEcdsa(spki, HashAlgorithmName.SHA256, data, signature),
            EcdsaSha384 => VerifyEcdsa(spki, HashAlgorithmName.SHA384, data, signature),
            EcdsaSha512 => VerifyEcdsa(spki, HashAlgorithmName.SHA512, data, signature),
            RsaSha256 => VerifyRsa(spki, HashAlgorithmName.SHA256, data, signature),
            RsaSha384 => VerifyRsa(spki, HashAlgorithmName.SHA384, data, signature),
            RsaSha512 => VerifyRsa(spki, HashAlgorithmName.SHA512, data, signature),
            Ed25519 => VerifyEd25519(spki, data, signature),
            _ => false,
        };

    private static bool VerifyEcdsa(ReadOnlyMemory<byte> spki, HashAlgorithmName hash, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var algorithm = new AsnReader(spki, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        if (algorithm.ReadObjectIdentifier() != EcPublicKey || !s_curves.Contains(algorithm.ReadObjectIdentifier()))
            return false;
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(spki.Span, out _);
        return key.VerifyData(data, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static bool VerifyRsa(ReadOnlyMemory<byte> spki, HashAlgorithmName hash, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        using var key = RsaPublicKey.TryImport(spki.Span);
        return key is not null && key.VerifyData(data, signature, hash, RSASignaturePadding.Pkcs1);
    }

    private static bool VerifyEd25519(ReadOnlyMemory<byte> spki, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var sequence = new AsnReader(spki, AsnEncodingRules.DER).ReadSequence();
        if (sequence.ReadSequence().ReadObjectIdentifier() != Ed25519 || Curve25519.OfThisMachine is not { } curve)
            return false;
        var key = sequence.ReadBitString(out _);
        return key.Length == ICurve25519.KeyLength && curve.Verify(key, data, signature);
    }
}
