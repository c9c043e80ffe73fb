using System.Security.Cryptography;

namespace Stoa.Network.Identity;

/// <summary>RSA public keys as strangers send them: DER SubjectPublicKeyInfo, within limits.</summary>
internal static class RsaPublicKey
{
    private const int MinBits = 2048;
    private const int MaxBits = 8192;

    // A larger exponent has no use but to make verifying slow.
    private const int MaxExponentLength = 4;

    /// <summary>Takes a key from DER SubjectPublicKeyInfo; null when it is none, written otherwise than DER has it, or beyond the limits.</summary>
    public static RSA? TryImport(ReadOnlySpan<byte> spki)
    {
        var key = RSA.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(spki, out var length);
            if (length == spki.Length && key.KeySize is >= MinBits and <= MaxBits
                && key.ExportParameters(includePrivateParameters: false) is { Exponent: { Length: <= MaxExponentLength } exponent } && (exponent[^1] & 1) == 1 && exponent is not [1]
                && key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(spki))
                return key;
        }
        catch (CryptographicException)
        {
            // No key, as for those that are beyond the limits.
        }

        key.Dispose();
        return null;
    }
}
