using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Stoa.Primitives.Sealing;

/// <summary>HPKE in base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM: the parts that sealing needs.</summary>
/// <remarks>RFC 9180. Points are uncompressed, 65 bytes; names are the RFC's own.</remarks>
internal static class Hpke
{
    /// <summary>Length of a public key and of an encapsulated key, in bytes.</summary>
    public const int PointBytes = 65;

    /// <summary>Length of a private key, in bytes.</summary>
    public const int ScalarBytes = 32;

    /// <summary>Length of the shared secret, of keys and of exported secrets, in bytes.</summary>
    public const int SecretBytes = 32;

    /// <summary>Length of a nonce, in bytes.</summary>
    public const int NonceBytes = 12;

    private const byte Uncompressed = 4;
    private const byte BaseMode = 0;
    private const int MaxCandidates = 256;

    // The ids of RFC 9180 §7: KEM 0x0010, KDF 0x0001, AEAD 0x0002.
    private static readonly byte[] s_kemSuite = [.. "KEM"u8, 0x00, 0x10];
    private static readonly byte[] s_suite = [.. "HPKE"u8, 0x00, 0x10, 0x00, 0x01, 0x00, 0x02];

    /// <summary>A private key out of key material: DeriveKeyPair of §7.1.3.</summary>
    /// <param name="keyMaterial">At least 32 bytes that nobody can guess.</param>
    public static ECDiffieHellman DeriveKeyPair(ReadOnlySpan<byte> keyMaterial)
    {
        var prk = LabeledExtract(s_kemSuite, [], "dkp_prk", keyMaterial);
        for (var counter = 0; counter < MaxCandidates; counter++)
        {
            var candidate = LabeledExpand(s_kemSuite, prk, "candidate", [(byte)counter], ScalarBytes);
            try
            {
                return ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = candidate });
            }
            catch (CryptographicException) when (counter + 1 < MaxCandidates)
            {
                // Zero, or not below the order of the curve: one of 2³² is. The RFC takes the next one.
            }
            finally
            {
                CryptographicOperations.ZeroMemory(candidate);
            }
        }

        throw new CryptographicException("No key can be derived from this material.");
    }

    /// <summary>Makes a shared secret and what only the recipient gets it out of: Encap of §4.1.</summary>
    public static (byte[] SharedSecret, byte[] Encapsulated) Encapsulate(ReadOnlySpan<byte> recipient)
    {
        using var ephemeral = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var encapsulated = PointOf(ephemeral);
        return (Agree(ephemeral, recipient, encapsulated, recipient), encapsulated);
    }

    /// <summary>The shared secret of what was encapsulated to a key: Decap of §4.1.</summary>
    /// <exception cref="CryptographicException">It is no point of the curve.</exception>
    public static byte[] Decapsulate(ReadOnlySpan<byte> encapsulated, ECDiffieHellman recipient) =>
        Agree(recipient, encapsulated, encapsulated, PointOf(recipient));

    /// <summary>Key, nonce and exporter secret of a shared secret: KeySchedule of §5.1 without a pre-shared key.</summary>
    public static (byte[] Key, byte[] BaseNonce, byte[] ExporterSecret) Schedule(ReadOnlySpan<byte> sharedSecret, ReadOnlySpan<byte> info)
    {
        byte[] context = [BaseMode, .. LabeledExtract(s_suite, [], "psk_id_hash", []), .. LabeledExtract(s_suite, [], "info_hash", info)];
        var secret = LabeledExtract(s_suite, sharedSecret, "secret", []);
        return (
            LabeledExpand(s_suite, secret, "key", context, SecretBytes),
            LabeledExpand(s_suite, secret, "base_nonce", context, NonceBytes),
            LabeledExpand(s_suite, secret, "exp", context, SecretBytes));
    }

    /// <summary>A secret for another purpose: Export of §5.3.</summary>
    public static byte[] Export(byte[] exporterSecret, ReadOnlySpan<byte> context) =>
        LabeledExpand(s_suite, exporterSecret, "sec", context, SecretBytes);

    /// <summary>The public half of a key.</summary>
    public static byte[] PointOf(ECDiffieHellman key)
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return [Uncompressed, .. point.X!, .. point.Y!];
    }

    /// <summary>Whether bytes are a point of the curve, uncompressed.</summary>
    public static bool IsPoint(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != PointBytes || bytes[0] != Uncompressed)
            return false;
        try
        {
            Import(bytes).Dispose();
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static byte[] Agree(ECDiffieHellman own, ReadOnlySpan<byte> other, ReadOnlySpan<byte> encapsulated, ReadOnlySpan<byte> recipient)
    {
        using var imported = Import(other);
        using var peer = imported.PublicKey;
        var agreed = own.DeriveRawSecretAgreement(peer);
        try
        {
            var prk = LabeledExtract(s_kemSuite, [], "eae_prk", agreed);
            return LabeledExpand(s_kemSuite, prk, "shared_secret", [.. encapsulated, .. recipient], SecretBytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(agreed);
        }
    }

    private static ECDiffieHellman Import(ReadOnlySpan<byte> point)
    {
        if (point.Length != PointBytes || point[0] != Uncompressed)
            throw new CryptographicException("An uncompressed point of P-256 is expected.");
        return ECDiffieHellman.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33].ToArray(), Y = point[33..].ToArray() },
        });
    }

    private static byte[] LabeledExtract(byte[] suite, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> keyMaterial)
    {
        var prk = new byte[SecretBytes];
        HKDF.Extract(HashAlgorithmName.SHA256, (byte[])[.. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. keyMaterial], salt, prk);
        return prk;
    }

    private static byte[] LabeledExpand(byte[] suite, byte[] prk, string label, ReadOnlySpan<byte> info, int length)
    {
        Span<byte> size = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(size, (ushort)length);
        var output = new byte[length];
        HKDF.Expand(HashAlgorithmName.SHA256, prk, output, (byte[])[.. size, .. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. info]);
        return output;
    }
}
