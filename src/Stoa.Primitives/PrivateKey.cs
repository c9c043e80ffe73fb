using System.Security.Cryptography;
using System.Text;

namespace Stoa.Primitives;

/// <summary>A P-256 private key, which signs.</summary>
/// <remarks>
/// Signatures are ECDSA over SHA-256 in DER (RFC 3279), as libp2p's ECDSA keys make them. Safe for use by many threads.
/// Disposing wipes the copy of the key that this object holds.
/// </remarks>
public sealed class PrivateKey : IDisposable
{
    private const string Prime256v1 = "1.2.840.10045.3.1.7";
    private const string PemLabel = "PRIVATE KEY";
    private const int DerivedBytes = 32;

    private readonly byte[] _pkcs8;
    private readonly EcdsaPool _keys;
    private bool _disposed;

    private PrivateKey(ECDsa key)
    {
        _pkcs8 = key.ExportPkcs8PrivateKey();
        _keys = new EcdsaPool(() => Import(_pkcs8));
        PublicKey = PublicKey.FromSpki(key.ExportSubjectPublicKeyInfo());
    }

    /// <summary>The half that others may know.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>Makes a new key from the operating system's chance.</summary>
    public static PrivateKey Generate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new PrivateKey(key);
    }

    /// <summary>Takes a key from unencrypted DER PKCS #8 (RFC 5958).</summary>
    /// <exception cref="FormatException">It is anything else, of another curve, or has bytes behind it.</exception>
    public static PrivateKey FromPkcs8(ReadOnlySpan<byte> pkcs8)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportPkcs8PrivateKey(pkcs8, out var length);
            if (length == pkcs8.Length && key.ExportParameters(false).Curve.Oid.Value == Prime256v1)
                return new PrivateKey(key);
        }
        catch (CryptographicException)
        {
            // Said below, in the words of the caller's domain.
        }
        throw new FormatException("A P-256 private key is expected: unencrypted DER PKCS #8 with the named curve prime256v1.");
    }

    /// <summary>Takes a key from text with one PEM block <c>PRIVATE KEY</c> (RFC 7468).</summary>
    /// <exception cref="FormatException">There is no such block, or it holds something else.</exception>
    public static PrivateKey FromPem(ReadOnlySpan<char> pem)
    {
        if (!PemEncoding.TryFind(pem, out var fields) || !pem[fields.Label].SequenceEqual(PemLabel))
            throw new FormatException($"A PEM block \"-----BEGIN {PemLabel}-----\" is expected.");
        var pkcs8 = new byte[fields.DecodedDataLength];
        try
        {
            Convert.TryFromBase64Chars(pem[fields.Base64Data], pkcs8, out _);
            return FromPkcs8(pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <summary>The key as unencrypted DER PKCS #8: whoever has it can sign.</summary>
    public byte[] ToPkcs8()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return [.. _pkcs8];
    }

    /// <summary>The key as a PEM block <c>PRIVATE KEY</c>: whoever has it can sign.</summary>
    public string ToPem()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return PemEncoding.WriteString(PemLabel, _pkcs8);
    }

    /// <summary>A secret of 32 bytes for another purpose: the same key and purpose always give the same one, and neither tells of the other.</summary>
    /// <param name="purpose">What it is for.</param>
    public byte[] DeriveSecret(string purpose)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var key = Import(_pkcs8);
        // The number itself: how it is written down as PKCS #8 may change.
        var number = key.ExportParameters(includePrivateParameters: true).D!;
        try
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, number, DerivedBytes, salt: null, Encoding.UTF8.GetBytes(purpose));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(number);
        }
    }

    /// <summary>Signs data: a DER signature of at most <see cref="PublicKey.MaxSignatureLength"/> bytes, another one each time.</summary>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _keys.Use(data, static (key, data) => key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
    }

    /// <summary>Signs data: the 64 bytes of r and s (IEEE P1363), as HTTP message signatures and JSON web signatures have it; another one each time.</summary>
    public byte[] SignFixed(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _keys.Use(data, static (key, data) => key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _keys.Close();
        CryptographicOperations.ZeroMemory(_pkcs8);
    }

    private static ECDsa Import(byte[] pkcs8)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        return key;
    }
}
